//! Whether what came is what may come.

use serde::de::DeserializeOwned;

use super::{
    border::{Failed, MAX_BODY, MAX_DEPTH, MAX_HEAD, Reply},
    calls::{Call, Expect, names},
    findings::{Wrong, shown},
    inputs::PASSWORD,
};
use crate::{
    ErrorKind, HttpResponse, Map, Route, Value, api_error,
    wire::{self, method},
};

/// Most bytes of the text of a failure.
const MAX_TEXT: usize = 16 * 1024;
/// How many times what it was sent an answer may hold beyond the limits: long
/// answers to long questions are refused without harm.
const ECHO: usize = 8;
/// A question that is long.
const LONG: usize = 64 * 1024;
/// What a route may be asked by.
const HTTP_METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const MOST_NAMES: usize = 3;
const UNKNOWN_METHOD: &str =
    "a method that it does not know is to fail as Unsupported: a later daemon may ask for more";
/// The methods that each plugin of their kind has.
const REQUIRED: [&str; 8] = [
    method::VERIFY_PASSWORD,
    method::GET_AUTHENTICATION_METHOD,
    method::CAN_AUTHENTICATE,
    method::VERIFY_AUTH,
    method::GET_ROUTES,
    method::HANDLE,
    method::SEND_CONFIRMATION,
    method::SEND_PASSWORD_RESET,
];

/// What is known beside the call.
#[derive(Clone, Copy, Default)]
pub(super) struct Circumstances<'a> {
    /// The password that is right, which is a secret.
    pub(super) password: &'a str,
    /// The plugin asked for something that only a real daemon has.
    pub(super) asked_in_vain: bool,
    /// The identity provider says that the request is its own.
    pub(super) is_own: bool,
    /// Other calls run at the same time.
    pub(super) is_busy: bool,
}

/// What is wrong; none when nothing is.
pub(super) fn judge(call: &Call, reply: &Reply, around: Circumstances<'_>) -> Option<Wrong> {
    match reply {
        Reply::TimedOut => Some("it did not return in time".into()),
        Reply::Lost(how) => Some(how.clone().into()),
        Reply::Unusable(_) if call.length() > LONG => None,
        Reply::Unusable(why) => Some(Wrong::saying("its answer cannot be used", why)),
        Reply::Failure(failed) => of_failure(call, failed, around),
        Reply::Answer { head, body } => of_answer(call, head, body, around).err().map(Wrong::from),
    }
}

fn of_failure(call: &Call, failed: &Failed, around: Circumstances<'_>) -> Option<Wrong> {
    let Failed { kind, text } = failed;
    let kind = ErrorKind::from_number(*kind);
    let wrong = |why: &str| Some(Wrong::saying(why, text));
    if kind == ErrorKind::Panic {
        // Not every panic is like the other.
        return Some(format!("it panicked: {}", shown(text)).into());
    }
    if tells_secret(text, around.password) {
        return wrong("its failure tells a password");
    }
    if text.len() > MAX_TEXT + ECHO * call.length() {
        return wrong("the text of its failure is too long; a sentence is enough");
    }
    let is_unsupported = kind == ErrorKind::Unsupported;
    match call.expect {
        Expect::Unreadable => return None,
        Expect::Unsupported if is_unsupported => return None,
        Expect::Unsupported => return wrong(UNKNOWN_METHOD),
        Expect::Granted if around.is_busy && kind == ErrorKind::Busy => return None,
        Expect::Granted => return wrong("the login is right, but it fails"),
        Expect::Fit | Expect::Same => {}
    }
    match kind {
        // What it asks the daemon in turn is too long for that one.
        ErrorKind::Malformed if call.length() > LONG => None,
        ErrorKind::Malformed => wrong("it cannot read a call that is well formed"),
        ErrorKind::Config => wrong("only its constructor can fail because of its configuration"),
        _ if is_unsupported && REQUIRED.contains(&call.method) && !around.asked_in_vain => {
            wrong("every plugin of this kind has this method, but it fails")
        }
        ErrorKind::Api => match api_error::read(text) {
            None => wrong("its API error is none"),
            Some(error) if !(400..=599).contains(&error.status) => {
                Some(format!("status {} is none of an API error", error.status).into())
            }
            Some(_) => None,
        },
        _ => None,
    }
}

/// Whether a text holds a password that was confided.
pub(super) fn tells_secret(text: &str, password: &str) -> bool {
    // Short ones stand in any text by chance.
    text.contains(PASSWORD) || (password.len() >= 4 && text.contains(password))
}

fn of_answer(
    call: &Call,
    head: &[u8],
    body: &[u8],
    around: Circumstances<'_>,
) -> Result<(), String> {
    if call.expect == Expect::Unsupported {
        return Err(UNKNOWN_METHOD.to_owned());
    }
    let room = if call.length() > LONG { ECHO * call.length() } else { 0 };
    for (what, length, most) in
        [("the head", head.len(), MAX_HEAD), ("the body", body.len(), MAX_BODY)]
    {
        if length > most + room {
            return Err(format!(
                "{what} of its answer has {length} bytes, at most {most} are read"
            ));
        }
    }
    let head = std::str::from_utf8(head).map_err(|_| "its answer is not UTF-8".to_owned())?;
    let value: Value = read(head)?;
    let found = depth(&value);
    // What was deep already may come back.
    if found > MAX_DEPTH && found > read(&call.head).map_or(0, |head| depth(&head)) {
        return Err(format!("its answer is {found} levels deep, at most {MAX_DEPTH} are read"));
    }
    of_form(call, &value, around)
}

fn of_form(call: &Call, value: &Value, around: Circumstances<'_>) -> Result<(), String> {
    match call.method {
        method::VERIFY_PASSWORD => {
            let answer: wire::Verified = form(value)?;
            match (answer.verified, call.expect == Expect::Granted) {
                (true, false) => Err("it accepts a login that nobody has".to_owned()),
                (false, true) => Err("it refuses a login that is right".to_owned()),
                _ => Ok(()),
            }
        }
        method::GET_ACL => {
            let answer: wire::Acl = form(value)?;
            let given = serde_json::from_str(&call.head).unwrap_or(Value::Null);
            let given = given["args"]["acl"].as_array().into_iter().flatten();
            let mut given = given.filter_map(Value::as_str);
            let lacks = given.find(|access| !answer.acl.iter().any(|own| own == access));
            lacks.map_or(Ok(()), |access| {
                Err(format!("its answer lacks {access:?}, which `args.acl()` has"))
            })
        }
        method::GET_METADATA => {
            let answer: wire::MetadataReply = form(value)?;
            match ["auth_id", "xivo_uuid"].iter().find(|key| !answer.metadata.contains_key(**key)) {
                Some(key) => Err(format!("its metadata lacks `{key}`")),
                None => Ok(()),
            }
        }
        method::GET_TOKEN_METADATA | method::GET_PERSISTENT_METADATA => {
            form::<wire::MetadataReply>(value).map(drop)
        }
        method::GET_AUTHENTICATION_METHOD => {
            let answer: wire::Method = form(value)?;
            let is_empty = answer.authentication_method.is_empty();
            if is_empty { Err("it names no authentication method".to_owned()) } else { Ok(()) }
        }
        method::CAN_AUTHENTICATE => form::<wire::CanAuthenticate>(value).map(drop),
        method::VERIFY_AUTH => {
            let _: wire::Authenticated = form(value)?;
            // It is asked only if it has said that the request is its own.
            if around.is_own {
                Err("it accepts a login that nobody has".to_owned())
            } else {
                Ok(())
            }
        }
        method::GET_BACKEND => {
            let answer: wire::BackendName = form(value)?;
            if answer.backend.is_empty() { Err("it names no backend".to_owned()) } else { Ok(()) }
        }
        method::GET_PLUGIN_INFO => form::<wire::PluginInfo>(value).map(drop),
        method::GET_SAFE_DATA => form::<wire::SafeData>(value).map(drop),
        method::GET_ROUTES => {
            let routes: wire::Items<Route> = form(value)?;
            routes.items.iter().try_for_each(check_route)
        }
        method::HANDLE => check_response(&form(value)?),
        _ => form::<Map>(value).map(drop),
    }
}

fn read<T: DeserializeOwned>(head: &str) -> Result<T, String> {
    serde_json::from_str(head).map_err(|error| {
        format!("its answer is no JSON (line {}, column {})", error.line(), error.column())
    })
}

fn form<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (place, why) = (error.path().to_string(), error.into_inner());
        format!(
            "its answer is not of the form that is documented: {}: {}",
            place,
            shown(&why.to_string())
        )
    })
}

/// Levels of lists and objects.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn check_route(route: &Route) -> Result<(), String> {
    let Route { method, path, access, public } = route;
    let wrong = |what: &str| Err(format!("its route {method} {path:?} {what}"));
    if !HTTP_METHODS.contains(&&**method) {
        return wrong(&format!("is none: the methods are {}", HTTP_METHODS.join(", ")));
    }
    if !path.is_empty() && !path.starts_with('/') {
        return wrong("does not begin with a slash");
    }
    if names(path).count() > MOST_NAMES {
        return wrong(&format!("has more than {MOST_NAMES} names"));
    }
    match access {
        None if !public => wrong("names no access and is not public"),
        Some(access) => {
            let mut used =
                access.split('.').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
            let unknown =
                used.find(|used| *used != "user_uuid" && names(path).all(|name| name != *used));
            match unknown {
                Some(name) => wrong(&format!("needs the access of a {{{name}}} that is not in it")),
                None => Ok(()),
            }
        }
        None => Ok(()),
    }
}

fn check_response(response: &HttpResponse) -> Result<(), String> {
    if !(200..=599).contains(&response.status) {
        return Err(format!(
            "it answers with status {}, which is none of an answer",
            response.status
        ));
    }
    let is_name = |name: &str| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        !name.is_empty() && name.chars().all(is_letter)
    };
    let is_value = |value: &str| value.chars().all(|c| c == '\t' || !c.is_ascii_control());
    let mut headers = response.headers.iter();
    match headers.find(|(name, value)| !is_name(name) || !is_value(value)) {
        Some((name, _)) => Err(format!("its header {:?} cannot be sent", shown(name))),
        None => Ok(()),
    }
}
