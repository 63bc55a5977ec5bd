//! The body and headers of `POST /token` (tokens.md sections 4.1 and 4.2).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use serde_json::{Map, Value, json};
use wazo_auth_service::login::{Credentials, LoginRequest, RawRequest};

use crate::{
    App,
    call::{self, Call},
    errors::Error,
    fields::{FieldError, Fields, Length},
};

/// Ten years of 365 days, in seconds.
const MAX_EXPIRATION: i64 = 315_360_000;

const SHORT: Length = Length::new(1, 1024);

pub(crate) fn parse(app: &App, call: &Call) -> Result<LoginRequest, Error> {
    let body = call.json()?;
    let fields = Body::of(&body).map_err(Error::invalid_token_request)?;
    fields.check_together()?;
    let lifetime = app.services.rules().default_token_lifetime;
    let mobile = call.header("wazo-session-type");
    let backend = fields.backend.clone().unwrap_or_else(|| "wazo_user".to_owned());
    Ok(LoginRequest {
        credentials: call.header("authorization").as_deref().and_then(credentials),
        expiration: fields.expiration.unwrap_or(lifetime),
        offline: fields.access_type.as_deref() == Some("offline"),
        fields: fields.for_plugins(&backend, lifetime),
        backend: renamed(backend),
        client_id: fields.client_id,
        refresh_token: fields.refresh_token,
        mobile: mobile.is_some_and(|kind| kind.eq_ignore_ascii_case("mobile")),
        user_agent: call.header("user-agent").unwrap_or_default().into_owned(),
        remote_addr: call.remote_addr(app),
        raw: raw(app, call)?,
    })
}

/// The request as it came, if anybody is going to look at it.
fn raw(app: &App, call: &Call) -> Result<RawRequest, Error> {
    if app.services.plugins()?.identity_providers().next().is_none() {
        return Ok(RawRequest::default());
    }
    Ok(RawRequest::new(call::texts(&call.parts.headers), call.body.to_vec()))
}

/// The telephony users of old are users like any other now.
fn renamed(backend: String) -> String {
    if backend == "xivo_user" { "wazo_user".to_owned() } else { backend }
}

/// Login and password of a `Basic` header; both must be non-empty. Anything
/// else counts as no credentials, not as an error.
pub fn credentials(header: &str) -> Option<Credentials> {
    let decoded = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded)
        .unwrap_or_else(|error| error.into_bytes().iter().map(|byte| char::from(*byte)).collect());
    let (login, password) = text.split_once(':')?;
    if login.is_empty() || password.is_empty() {
        return None;
    }
    Some(Credentials { login: login.to_owned(), password: password.to_owned() })
}

struct Body {
    backend: Option<String>,
    expiration: Option<i64>,
    access_type: Option<String>,
    client_id: Option<String>,
    refresh_token: Option<String>,
    saml_session_id: Option<String>,
    tenant_id: Option<String>,
    domain_name: Option<String>,
}

// === impl Body ===

impl Body {
    fn of(body: &Value) -> Result<Self, FieldError> {
        let fields = Fields::of(body)?;
        Ok(Self {
            backend: fields.string("backend", Length::ANY)?,
            expiration: fields.integer("expiration", 1, MAX_EXPIRATION)?,
            access_type: fields.choice("access_type", &["online", "offline"])?,
            client_id: fields.string("client_id", SHORT)?,
            refresh_token: fields.string("refresh_token", Length::ANY)?,
            saml_session_id: fields.string("saml_session_id", SHORT)?,
            tenant_id: fields.string("tenant_id", Length::ANY)?,
            domain_name: fields.string("domain_name", Length::ANY)?,
        })
    }

    /// The rules between fields; an empty string counts as absent.
    fn check_together(&self) -> Result<(), Error> {
        let given =
            |field: &Option<String>| field.as_deref().is_some_and(|value| !value.is_empty());
        let (client, refresh) = (given(&self.client_id), given(&self.refresh_token));
        let offline = self.access_type.as_deref() == Some("offline");
        let problem = if offline && !client {
            "`access_type` \"offline\" requires a `client_id`"
        } else if offline && refresh {
            "a `refresh_token` cannot be used with `access_type` \"offline\""
        } else if refresh && !client {
            "a `refresh_token` requires the `client_id` it was made for"
        } else if given(&self.tenant_id) && given(&self.domain_name) {
            "`tenant_id` and `domain_name` exclude each other"
        } else if given(&self.saml_session_id) && refresh {
            "`saml_session_id` and `refresh_token` exclude each other"
        } else {
            return Ok(());
        };
        Err(Error::reason(StatusCode::BAD_REQUEST, json!({"_schema": [problem]}).to_string()))
    }

    /// The validated fields, as plugins see them.
    fn for_plugins(&self, backend: &str, lifetime: i64) -> Map<String, Value> {
        let mut fields = Map::new();
        let texts = [
            ("backend", &Some(backend.to_owned())),
            ("access_type", &self.access_type),
            ("client_id", &self.client_id),
            ("refresh_token", &self.refresh_token),
            ("saml_session_id", &self.saml_session_id),
            ("tenant_id", &self.tenant_id),
            ("domain_name", &self.domain_name),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                fields.insert(name.to_owned(), json!(value));
            }
        }
        fields.insert("expiration".to_owned(), json!(self.expiration.unwrap_or(lifetime)));
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> Option<(String, String)> {
        credentials(&format!("Basic {}", STANDARD.encode(bytes))).map(|c| (c.login, c.password))
    }

    #[test]
    fn credentials_are_split_at_the_first_colon() {
        assert_eq!(decoded(b"alice:s3:cre7"), Some(("alice".to_owned(), "s3:cre7".to_owned())));
    }

    #[test]
    fn credentials_are_utf8_or_else_latin1() {
        assert_eq!(decoded("é:é".as_bytes()), Some(("é".to_owned(), "é".to_owned())));
        assert_eq!(decoded(b"\xe9:x"), Some(("é".to_owned(), "x".to_owned())));
    }

    #[test]
    fn half_a_pair_or_nonsense_is_no_credentials() {
        for bytes in [&b":"[..], b"a:", b":b", b"ab", b""] {
            assert_eq!(decoded(bytes), None);
        }
        assert!(credentials("Basic !!!").is_none());
        assert!(credentials("basic YTpi").is_none());
        assert!(credentials("Bearer YTpi").is_none());
    }
}
