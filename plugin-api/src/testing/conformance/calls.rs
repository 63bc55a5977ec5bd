//! The calls of each kind.

use super::{
    border::Examination,
    inputs::{self, NOBODY, PASSWORD, UUID},
};
use crate::{EmailContext, HttpRequest, Map, Route, Value, serde_json::json, wire::method};

/// A call and what is expected of it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: &'static str,
    /// What is special about it.
    pub(super) with: String,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    pub(super) expect: Expect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// An answer or a failure that fits; nobody logs in.
    Fit,
    /// The same, and the same again.
    Same,
    /// The login is right.
    Granted,
    /// The call cannot be read: a failure, or whatever can be said without.
    Unreadable,
    /// The method is unknown.
    Unsupported,
}

/// Calls that are asked once, when the daemon starts.
pub(super) fn first(kind: &str) -> Vec<Call> {
    let methods: &[&'static str] = match kind {
        "identity_provider" => &[method::GET_AUTHENTICATION_METHOD],
        "external_auth" => &[method::GET_PLUGIN_INFO, method::GET_ROUTES],
        "http" => &[method::GET_ROUTES],
        _ => &[],
    };
    methods.iter().map(|method| call(method, "", &json!({})).same()).collect()
}

/// All others, of a plugin that has these routes.
pub(super) fn all(examination: &Examination<'_>, routes: &[Route]) -> Vec<Call> {
    let kind = examination.kind;
    let mut calls = match kind {
        "backend" => backend(examination),
        "metadata" => logins(&[method::GET_TOKEN_METADATA, method::GET_PERSISTENT_METADATA]),
        "identity_provider" => identity_provider(examination),
        "external_auth" => external_auth(),
        "email_notification" => mails(),
        _ => Vec::new(),
    };
    calls.extend(routes.iter().flat_map(requests));
    for method in methods(kind) {
        calls.extend(inputs::unreadable().into_iter().map(|(with, head)| Call {
            head,
            expect: Expect::Unreadable,
            ..call(method, with, &Value::Null)
        }));
    }
    calls.extend(unknown());
    calls
}

fn methods(kind: &str) -> &'static [&'static str] {
    match kind {
        "backend" => &[
            method::VERIFY_PASSWORD,
            method::GET_ACL,
            method::GET_METADATA,
            method::GET_PERSISTENT_METADATA,
        ],
        "metadata" => &[method::GET_TOKEN_METADATA, method::GET_PERSISTENT_METADATA],
        "identity_provider" => &[
            method::GET_AUTHENTICATION_METHOD,
            method::CAN_AUTHENTICATE,
            method::VERIFY_AUTH,
            method::GET_BACKEND,
        ],
        "external_auth" => &[
            method::GET_PLUGIN_INFO,
            method::GET_ROUTES,
            method::GET_SAFE_DATA,
            method::OAUTH2_CALLBACK,
            method::HANDLE,
        ],
        "email_notification" => &[method::SEND_CONFIRMATION, method::SEND_PASSWORD_RESET],
        _ => &[method::GET_ROUTES, method::HANDLE],
    }
}

fn unknown() -> Vec<Call> {
    let names = ["a_method_of_the_future", "", "Verify_Password", "get_routes\0"];
    let unknown = names.map(|name| Call {
        expect: Expect::Unsupported,
        ..call(name, &format!("the name {name:?}"), &json!({"login": NOBODY}))
    });
    unknown.into()
}

fn backend(examination: &Examination<'_>) -> Vec<Call> {
    let args = &examination.args;
    let known = examination.login.as_ref();
    let (login, right) = known.map_or((NOBODY, PASSWORD), |(login, right)| (login, right));
    let mut calls = Vec::new();
    for (what, text) in inputs::short().into_iter().chain(inputs::long()) {
        calls.push(verify(&format!("{what} as the login"), &text, PASSWORD, args));
        calls.push(verify(&format!("{what} as the password"), login, &text, args));
    }
    calls.push(verify("nothing at all", "", "", args));
    if known.is_some() {
        for (what, password) in [
            ("a NUL after the right password", format!("{right}\0")),
            ("more after a NUL after the right password", format!("{right}\0{right}")),
            ("a NUL before the right password", format!("\0{right}")),
            ("the right password twice", format!("{right}{right}")),
            ("half of the right password", half(right)),
        ] {
            calls.push(verify(what, login, &password, args));
        }
        let longer = format!("{login}\0");
        for (what, login) in
            [("a NUL after the right login", &*longer), ("a wildcard as the login", "*")]
        {
            calls.push(verify(what, login, right, args));
        }
    }
    for (what, wrong) in inputs::values().into_iter().chain(inputs::wrong_fields()) {
        let head = json!({"login": NOBODY, "password": PASSWORD, "args": wrong});
        calls.push(call(method::VERIFY_PASSWORD, &format!("{what} as the arguments"), &head));
    }
    let head = json!({"login": NOBODY, "password": PASSWORD});
    calls.push(call(method::VERIFY_PASSWORD, "no arguments", &head));
    let head = json!({"login": NOBODY, "password": PASSWORD, "args": {}, "of_the_future": [{}]});
    let unknown = call(method::VERIFY_PASSWORD, "an unknown field", &head);
    calls.push(Call { body: vec![0xff, 0, 0xc0], ..unknown });
    calls.extend(logins(&methods("backend")[1..]));
    calls
}

/// The right login, if one is known.
pub(super) fn granted(examination: &Examination<'_>) -> Option<Call> {
    let (login, password) = examination.login.as_ref()?;
    let call = verify("the right login and password", login, password, &examination.args);
    Some(Call { expect: Expect::Granted, ..call })
}

fn half(text: &str) -> String {
    text.chars().take(text.chars().count() / 2).collect()
}

fn verify(what: &str, login: &str, password: &str, more: &Map) -> Call {
    let args = arguments(login, password, more);
    call(
        method::VERIFY_PASSWORD,
        what,
        &json!({"login": login, "password": password, "args": args}),
    )
}

/// The arguments of a login.
fn arguments(login: &str, password: &str, more: &Map) -> Map {
    let mut args = more.clone();
    let own = [
        ("login", json!(login)),
        ("password", json!(password)),
        ("mobile", json!(false)),
        ("user_agent", json!("kit")),
        ("remote_addr", json!("127.0.0.1")),
        ("acl", json!(["auth.kit.read"])),
    ];
    args.extend(own.map(|(key, value)| (key.to_owned(), value)));
    args
}

/// The methods that take a login and arguments.
fn logins(methods: &[&'static str]) -> Vec<Call> {
    let mut calls = Vec::new();
    for method in methods {
        for (what, login) in inputs::short().into_iter().chain(inputs::long()) {
            let args = arguments(&login, PASSWORD, &Map::new());
            let head = json!({"login": login, "args": args});
            calls.push(call(method, &format!("{what} as the login"), &head));
        }
        for (what, wrong) in inputs::values().into_iter().chain(inputs::wrong_fields()) {
            let head = json!({"login": NOBODY, "args": wrong});
            calls.push(call(method, &format!("{what} as the arguments"), &head));
        }
        let head = json!({"login": NOBODY, "of_the_future": {"a": 1}});
        calls.push(call(method, "an unknown field", &head));
    }
    calls
}

fn identity_provider(examination: &Examination<'_>) -> Vec<Call> {
    let mut requests = Vec::new();
    for (what, text) in inputs::short().into_iter().chain(inputs::long()) {
        for (field, login, password) in [("login", &*text, PASSWORD), ("password", NOBODY, &*text)]
        {
            let args = arguments(login, password, &examination.args);
            let body = Value::Object(args.clone()).to_string().into_bytes();
            let headers = json!([["x-kit", text], ["authorization", text]]);
            let head = json!({"args": args, "headers": headers});
            requests.push((format!("{what} as the {field}"), head, body));
        }
    }
    let nobody = arguments(NOBODY, PASSWORD, &examination.args);
    for (what, body) in inputs::bodies() {
        requests.push((what.to_owned(), json!({"args": nobody, "headers": []}), body));
    }
    for (what, wrong) in inputs::values().into_iter().chain(inputs::wrong_fields()) {
        let head = json!({"args": wrong, "headers": wrong, "of_the_future": 1});
        requests.push((format!("{what} as arguments and headers"), head, b"{}".to_vec()));
    }
    let mut calls = Vec::new();
    for (what, head, body) in requests {
        calls.push(Call {
            body: body.clone(),
            ..call(method::CAN_AUTHENTICATE, &what, &head).same()
        });
        calls.push(Call { body, ..call(method::VERIFY_AUTH, &what, &head) });
        calls.push(call(method::GET_BACKEND, &what, &head));
    }
    calls
}

fn external_auth() -> Vec<Call> {
    let documents = || inputs::values().into_iter().chain(inputs::wrong_fields());
    let mut calls = Vec::new();
    for (what, value) in documents() {
        let what = format!("{what} as the document");
        calls.push(call(method::GET_SAFE_DATA, &what, &json!({"data": value})));
    }
    let callback = |what: &str, user: &str, extra: &Value, message: &Value| {
        let head = json!({"user_uuid": user, "extra": extra, "message": message});
        call(method::OAUTH2_CALLBACK, what, &head)
    };
    for (what, value) in documents() {
        calls.push(callback(&format!("{what} as the message"), UUID, &json!({}), &value));
        let message = json!({"code": "kit", "state": "kit", "access_token": "kit"});
        calls.push(callback(&format!("{what} as what it left"), UUID, &value, &message));
    }
    for (what, text) in inputs::short() {
        let message = json!({"code": text, "state": text, "access_token": text});
        calls.push(callback(
            &format!("{what} as the user and the code"),
            &text,
            &json!({}),
            &message,
        ));
    }
    calls
}

/// Requests to a route.
fn requests(route: &Route) -> Vec<Call> {
    let request = |text: Option<&str>| {
        let mut request = HttpRequest::new(route.method.clone(), route.path.clone())
            .with_parameter("user_uuid", UUID);
        for name in names(&route.path) {
            let is_uuid = name.ends_with("_uuid");
            let value = text.filter(|_| !is_uuid).unwrap_or(if is_uuid { UUID } else { "kit" });
            request = request.with_parameter(name, value.replace('/', "_"));
        }
        request.path = format!("/0.1{}", route.path);
        if !route.public {
            request.tenant_uuid = Some(UUID.to_owned());
        }
        if let Some(text) = text {
            request.query =
                vec![("search".to_owned(), text.to_owned()), (text.to_owned(), String::new())];
            request.headers = vec![("x-kit".to_owned(), text.to_owned())];
        }
        json!(request)
    };
    let place = format!("to {} {:?}", route.method, route.path);
    let mut calls = Vec::new();
    for (what, body) in inputs::bodies() {
        let call = call(method::HANDLE, &format!("{what} {place}"), &request(None));
        calls.push(Call { body, ..call });
    }
    for (what, text) in inputs::short() {
        let what = format!("{what} in path, query and headers {place}");
        calls.push(Call {
            body: b"{}".to_vec(),
            ..call(method::HANDLE, &what, &request(Some(&text)))
        });
    }
    calls
}

/// The names in the path of a route.
pub(super) fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn mails() -> Vec<Call> {
    let mut contexts = Vec::new();
    for (what, text) in inputs::short().into_iter().chain(inputs::long()) {
        let mut everywhere = EmailContext::new(PASSWORD, &text);
        everywhere.username = Some(text.clone());
        everywhere.hostname = Some(text.clone());
        everywhere.prefix = Some(text.clone());
        everywhere.user_uuid = Some(text.clone());
        everywhere.email_uuid = Some(text.clone());
        everywhere.port = Some(0);
        contexts.push((format!("{what} in every field"), json!(everywhere)));
        let mut name = EmailContext::new(PASSWORD, NOBODY);
        name.username = Some(text);
        contexts.push((format!("{what} as the name"), json!(name)));
    }
    let mut unknown = json!(EmailContext::new(PASSWORD, NOBODY));
    unknown["of_the_future"] = json!([{}]);
    contexts.push(("an unknown field".to_owned(), unknown));
    let mut calls = Vec::new();
    for method in methods("email_notification") {
        calls.extend(contexts.iter().map(|(what, context)| call(method, what, context)));
    }
    calls
}

fn call(method: &'static str, with: &str, head: &Value) -> Call {
    let (with, head) = (with.to_owned(), head.to_string());
    Call { method, with, head, body: Vec::new(), expect: Expect::Fit }
}

// === impl Call ===

impl Call {
    fn same(self) -> Self {
        Self { expect: Expect::Same, ..self }
    }

    /// Bytes of it.
    pub(super) fn length(&self) -> usize {
        self.head.len() + self.body.len()
    }
}
