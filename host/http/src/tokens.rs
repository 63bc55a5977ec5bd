//! `/token`: issued, checked, read, revoked (tokens.md section 2).

use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use wazo_auth_service::{login::LoginAnswer, tokens::TokenView};

use crate::{
    App, call::Call, dates, errors::Error, fields::Fields, reply::Reply, router::Place,
    token_request,
};

const SESSIONS_REVOKED: HeaderName = HeaderName::from_static("wazo-sessions-revoked");

/// `POST /token`.
pub(crate) fn create(app: &App, call: &Call) -> Result<Reply, Error> {
    let request = token_request::parse(app, call)?;
    let LoginAnswer { token, refresh_token, sessions_revoked } =
        app.services.create_token(&request)?;
    let revoked = HeaderValue::from(sessions_revoked);
    Ok(Reply::json(&token_json(app, &token, refresh_token)).header(SESSIONS_REVOKED, revoked))
}

/// Longer accesses and bodies are not looked at on the reactor: their time
/// grows with their length.
const SHORT_SCOPE: usize = 127;
const SHORT_BODY: usize = 4096;

/// A login that is going to hash a password is among the logins, one that names a
/// tenant, whose server is going to be asked, among those outside.
pub(crate) fn place_of_creation(call: &Call) -> Place {
    let header = call.header("authorization");
    if header.is_none_or(|header| token_request::credentials(&header).is_none()) {
        return Place::Worker;
    }
    // As the handler reads it: of a field that is there twice, both see the same one. A
    // body that cannot be read is refused wherever it goes.
    let body = call.json().unwrap_or_default();
    let given = |field: &str| body.get(field).is_some_and(|value| !value.is_null());
    if given("refresh_token") && given("client_id") {
        Place::Worker
    } else if given("domain_name") || given("tenant_id") {
        Place::Outside
    } else {
        Place::Login
    }
}

/// The tenant whose server is going to be asked, if there is such a tenant.
pub(crate) fn tenant_of_login(app: &App, call: &Call) -> Result<Option<Uuid>, Error> {
    let body = call.json().unwrap_or_default();
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    Ok(app.services.tenant_of_login(text("domain_name"), text("tenant_id"))?)
}

pub(crate) fn place_of_check(call: &Call) -> Place {
    let length = call.parts.uri.query().map_or(0, str::len);
    let is_short = || call.query("scope").is_none_or(|scope| scope.len() <= SHORT_SCOPE);
    // A short query holds no long scope; a long one is not even looked into.
    if length <= SHORT_SCOPE || length <= 4 * SHORT_SCOPE && is_short() {
        Place::Reactor
    } else {
        Place::Worker
    }
}

pub(crate) fn place_of_scopes_check(call: &Call) -> Place {
    if call.body.len() <= SHORT_BODY { Place::Reactor } else { Place::Worker }
}

/// `HEAD /token/{token}`.
pub(crate) fn check(app: &App, call: &Call) -> Result<Reply, Error> {
    let [scope, tenant] = call.queries(["scope", "tenant"]);
    app.services.check(
        call.index(app)?,
        &token_param(call),
        scope.as_deref(),
        tenant.as_deref(),
    )?;
    Ok(Reply::no_content())
}

/// The tenant that a check asks for.
pub(crate) fn tenant_of_check(call: &Call) -> Option<String> {
    if call.body.is_empty() {
        return call.query("tenant").map(|tenant| tenant.into_owned());
    }
    let body = call.json().ok()?;
    body.get("tenant_uuid")?.as_str().map(str::to_owned)
}

/// `GET /token/{token}`.
pub(crate) fn get(app: &App, call: &Call) -> Result<Reply, Error> {
    let [scope, tenant] = call.queries(["scope", "tenant"]);
    let token = token_param(call);
    let view = app.services.read_token(&token, scope.as_deref(), tenant.as_deref())?;
    Ok(Reply::json(&token_json(app, &view, None)))
}

/// `DELETE /token/{token}`.
pub(crate) fn revoke(app: &App, call: &Call) -> Result<Reply, Error> {
    app.services.revoke_token(token_param(call))?;
    Ok(Reply::json(&json!({"data": {"message": "success"}})))
}

/// `POST /token/{token}/scopes/check`.
pub(crate) fn check_scopes(app: &App, call: &Call) -> Result<Reply, Error> {
    let body = call.json()?;
    let fields = Fields::of(&body).map_err(Error::invalid_token_request)?;
    let scopes = fields.required_strings("scopes").map_err(Error::invalid_token_request)?;
    let any = crate::fields::Length::ANY;
    let tenant =
        fields.nullable_string("tenant_uuid", any).map_err(Error::invalid_token_request)?;
    let token = token_param(call);
    let checked =
        app.services.check_scopes(call.index(app)?, &token, &scopes, tenant.as_deref())?;
    Ok(Reply::json(&json!({"scopes": Scopes(&checked)})))
}

struct Scopes<'a>(&'a [(&'a str, bool)]);

impl Serialize for Scopes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (scope, allowed) in self.0 {
            map.serialize_entry(scope, allowed)?;
        }
        map.end()
    }
}

fn token_param(call: &Call) -> Uuid {
    call.uuid_param("token_uuid")
}

/// A token as tokens.md section 3 has it.
#[derive(Serialize)]
struct TokenJson<'a> {
    token: Uuid,
    auth_id: &'a str,
    xivo_user_uuid: Option<&'a str>,
    xivo_uuid: Option<&'a str>,
    issued_at: String,
    expires_at: Option<String>,
    utc_issued_at: String,
    utc_expires_at: Option<String>,
    acl: &'a [String],
    metadata: &'a Map<String, Value>,
    session_uuid: Uuid,
    remote_addr: &'a str,
    user_agent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Uuid>,
}

#[derive(Serialize)]
struct Data<T> {
    data: T,
}

fn token_json<'a>(
    app: &App,
    token: &'a TokenView,
    refresh_token: Option<Uuid>,
) -> Data<TokenJson<'a>> {
    let local = |at: Timestamp| dates::local(at, &app.time_zone);
    Data {
        data: TokenJson {
            token: token.token,
            auth_id: &token.auth_id,
            xivo_user_uuid: token.pbx_user_uuid.as_deref(),
            xivo_uuid: token.xivo_uuid.as_deref(),
            issued_at: local(token.issued_at),
            expires_at: token.expires_at.map(local),
            utc_issued_at: dates::utc(token.issued_at),
            utc_expires_at: token.expires_at.map(dates::utc),
            acl: &token.acl,
            metadata: &token.metadata,
            session_uuid: token.session_uuid,
            remote_addr: &token.remote_addr,
            user_agent: &token.user_agent,
            refresh_token,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use http::Request;

    use super::*;
    use crate::routes::ROUTES;

    fn place(authorization: &str, body: &'static str) -> Place {
        let request = Request::builder().header("authorization", authorization).body(());
        let call = Call {
            route: ROUTES.iter().find(|route| route.path == "/0.1/token").unwrap(),
            parts: request.unwrap().into_parts().0,
            params: Default::default(),
            body: body.into(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            caller: None,
            looked_up: None,
            is_remembered: false,
        };
        place_of_creation(&call)
    }

    #[test]
    fn a_login_is_placed_by_what_its_handler_reads() {
        for (body, expected) in [
            ("{}", Place::Login),
            ("", Place::Login),
            ("{", Place::Login),
            (r#"{"domain_name": null}"#, Place::Login),
            (r#"{"domain_name": "acme.example"}"#, Place::Outside),
            (r#"{"domain_name": "x", "domain_name": "acme.example"}"#, Place::Outside),
            (r#"{"tenant_id": null, "tenant_id": "x"}"#, Place::Outside),
            (r#"{"refresh_token": "r", "domain_name": "x"}"#, Place::Outside),
            (r#"{"refresh_token": "r", "client_id": "c", "domain_name": "x"}"#, Place::Worker),
        ] {
            assert_eq!(place("Basic YTpi", body), expected, "{body}");
            assert_eq!(place("", body), Place::Worker, "{body}");
        }
    }
}
