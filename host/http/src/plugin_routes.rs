//! Routes that plugins add to the API (plugins.md sections 5 and 7).
//!
//! Who may call them is decided here, as for the daemon's own; the plugin is
//! asked afterwards, on a worker.

use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, UPGRADE},
};
use hyper::body::Bytes;
use wazo_auth_plugins::{
    CallError, HttpRequest, HttpResponse, Registry, Route as Offered, TokenInfo,
};
use wazo_auth_service::tokens::{CheckError, ReadError};

use crate::{
    App, authorize,
    call::{Call, Param, texts},
    errors::Error,
    query,
    reply::{JSON, Reply},
    router::{Handler, Route, Router, on_worker},
};

/// What all addresses of the API begin with.
const API: &str = "/0.1";
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Headers that hold credentials: the plugin is told who calls, not how to pass
/// for them.
const CREDENTIALS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", authorize::TOKEN];
/// Headers of an answer that are the connection's own.
const CONNECTIONS: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE];

/// Adds what the plugins offer. What cannot be served is said in the log.
pub(crate) fn add(router: &mut Router, plugins: &Registry) {
    for plugin in plugins.http() {
        for offered in plugin.routes() {
            let (path, access) = (offered.path.clone(), offered.access.clone());
            let added = route(plugin.name(), offered, path, access, of_http);
            report(plugin.name(), offered, added.and_then(|route| router.add(route)));
        }
    }
    for plugin in plugins.external_auth() {
        let name = plugin.name();
        for offered in plugin.routes() {
            let path = format!("/users/{{user_uuid}}/external/{name}{}", offered.path);
            let access = offered.access.as_ref();
            let access =
                access.map(|access| format!("auth.users.{{user_uuid}}.external.{name}.{access}"));
            let added = route(name, offered, path, access, of_external_auth);
            report(name, offered, added.and_then(|route| router.add(route)));
        }
    }
}

fn report(plugin: &str, Offered { method, path, .. }: &Offered, added: Result<(), String>) {
    if let Err(reason) = added {
        log::error!(
            target: "wazo_auth.http",
            "the route {method} {path} of plugin `{plugin}` is not served: {reason}"
        );
    }
}

/// A row for the table. It is kept for ever, as libraries of plugins are.
fn route(
    plugin: &str,
    offered: &Offered,
    path: String,
    access: Option<String>,
    handler: Handler,
) -> Result<Route, String> {
    let method = METHODS.into_iter().find(|method| *method == offered.method);
    let method = method.ok_or_else(|| format!("its method is none of {}", METHODS.join(", ")))?;
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '%' | '*' | '\\');
    if !path.starts_with('/') || !path.chars().all(is_plain) {
        return Err("its path must begin with a slash and be of plain ASCII characters, encoded \
                    ones, `*`, `?` and `#` excepted"
            .to_owned());
    }
    if access.is_none() != offered.public {
        return Err("it must have an access, or be public".to_owned());
    }
    let variables = |text: &str| -> Vec<String> {
        let parts = text.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        parts.map(str::to_owned).collect()
    };
    let known = variables(&path);
    let needed = access.as_deref().map(variables).unwrap_or_default();
    if let Some(name) = needed.iter().find(|name| !known.contains(name)) {
        return Err(format!("its access has a variable {{{name}}} that its path has not"));
    }
    Ok(Route {
        plugin: String::leak(plugin.to_owned()),
        method,
        path: String::leak(format!("{API}{path}")),
        access: access.map(|access| &*String::leak(access)),
        place: on_worker,
        handler,
        is_check: false,
        max_body: None,
        is_link: false,
    })
}

fn of_http(app: &App, call: &Call) -> Result<Reply, Error> {
    let plugin = app.services.plugins()?.http().find(|plugin| plugin.name() == call.route.plugin);
    let plugin = plugin.ok_or_else(Error::internal)?;
    answer(plugin.handle(&request(app, call, "")?))
}

fn of_external_auth(app: &App, call: &Call) -> Result<Reply, Error> {
    let name = call.route.plugin;
    let plugin = app.services.plugins()?.external_auth().find(|plugin| plugin.name() == name);
    let plugin = plugin.ok_or_else(Error::internal)?;
    let above = format!("/users/{{user_uuid}}/external/{name}");
    answer(plugin.handle(&request(app, call, &above)?))
}

/// The request as the plugin sees it; `above` is what the route's path begins
/// with that the plugin has not written.
fn request(app: &App, call: &Call, above: &str) -> Result<HttpRequest, Error> {
    let path = call.route.path.strip_prefix(API).unwrap_or_default();
    let mut request =
        HttpRequest::new(call.route.method, path.strip_prefix(above).unwrap_or_default())
            .with_body(call.body.to_vec());
    call.parts.uri.path().clone_into(&mut request.path);
    request.parameters = call.params.iter().flatten().map(|param| parameter(call, param)).collect();
    let query = query::pairs(call.parts.uri.query());
    request.query = query.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    request.headers = texts(&call.parts.headers);
    request.headers.retain(|(name, _)| !CREDENTIALS.contains(&name.as_str()));
    request.remote_addr = call.remote_addr(app);
    if call.route.access.is_some() {
        request.tenant_uuid = Some(authorize::scoping_tenant(app, call)?.to_string());
        request.token = Some(token(app, call)?);
    }
    Ok(request)
}

fn parameter(call: &Call, param: &Param) -> (String, String) {
    let value = param.uuid.map_or_else(|| call.param(param.name), |uuid| uuid.to_string());
    (param.name.to_owned(), value)
}

fn token(app: &App, call: &Call) -> Result<TokenInfo, Error> {
    let view = app.services.read_token(&call.caller()?.token, None, None);
    let view = view.map_err(|error| match error {
        // Revoked since its holder was admitted.
        ReadError::Check(CheckError::UnknownToken) => {
            let access = call.route.access.unwrap_or_default();
            Error::missing_token(&authorize::given_token(call), access)
        }
        error => error.into(),
    })?;
    let mut token = TokenInfo::default();
    token.auth_id = Some(view.auth_id);
    token.session_uuid = Some(view.session_uuid.to_string());
    token.metadata = view.metadata;
    Ok(token)
}

fn answer(result: Result<HttpResponse, CallError>) -> Result<Reply, Error> {
    let failed = |error: &dyn std::fmt::Display| log::error!(target: "wazo_auth.http", "{error}");
    match result {
        Ok(response) => reply(response).map_err(|problem| {
            failed(&problem);
            Error::internal()
        }),
        Err(CallError::Unauthorized { plugin, text }) => {
            log::info!(target: "wazo_auth.http", "plugin `{plugin}` refuses a request: {text}");
            Err(Error::reason(StatusCode::UNAUTHORIZED, "Unauthorized"))
        }
        Err(error) => {
            if !matches!(error, CallError::Api { .. }) {
                failed(&error);
            }
            Err(error.into())
        }
    }
}

fn reply(response: HttpResponse) -> Result<Reply, String> {
    let status = StatusCode::from_u16(response.status).ok();
    let status = status.filter(|status| (200..600).contains(&status.as_u16()));
    let status = status.ok_or_else(|| {
        format!("a plugin answers with status {}, which is none of an answer", response.status)
    })?;
    let has_body = ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    let body = if has_body { response.body.into() } else { Bytes::new() };
    let mut reply = Reply { status, content_type: JSON, headers: Vec::new(), body };
    for (name, value) in response.headers {
        let parsed = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value));
        let (Ok(name), Ok(value)) = parsed else {
            return Err("a plugin answers with a header that is none".to_owned());
        };
        match name {
            CONTENT_TYPE => reply.content_type = value,
            name if CONNECTIONS.contains(&name) => {}
            name => reply.headers.push((name, value)),
        }
    }
    Ok(reply)
}
