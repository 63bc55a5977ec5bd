//! Tokens of a provider: got for a code, then renewed (external-auth.md sections
//! 6.4 and 6.5).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use form_urlencoded::Serializer;
use wazo_auth_plugin_api::prelude::*;

/// What a tenant has been given by the provider.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// What a user has.
pub(crate) struct Tokens {
    access_token: String,
    refresh_token: String,
    /// Seconds since 1970; none when unknown.
    expiration: Option<f64>,
    scope: Vec<String>,
}

/// The answer of a provider, as far as it is understood.
#[derive(Default)]
struct Granted {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<f64>,
    scope: Option<Vec<String>>,
}

// === impl Tokens ===

impl Tokens {
    /// What a stored document holds.
    pub(crate) fn stored(data: &Value) -> Self {
        let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
        let scope = data["scope"].as_array().into_iter().flatten();
        Self {
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            expiration: data["token_expiration"].as_f64(),
            scope: scope.filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }

    /// The document that is stored.
    pub(crate) fn document(&self) -> Value {
        json!({
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "token_expiration": self.expiration,
            "scope": self.scope,
        })
    }
}

/// Seconds since 1970, whole ones.
#[allow(clippy::disallowed_methods, reason = "a plugin has no other clock")]
pub(crate) fn now() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0.0, |since| since.as_secs_f64().floor())
}

/// The tokens that a code stands for.
pub(crate) fn exchange(
    host: &Host,
    token_url: &str,
    redirect_uri: &str,
    client: &Client,
    code: &str,
) -> Result<Tokens> {
    let form =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
    let credentials = BASE64.encode(format!("{}:{}", client.id, client.secret));
    let request =
        request(token_url, &form).with_header("Authorization", format!("Basic {credentials}"));
    let granted = granted(&host.send(&request)?)?;
    Ok(Tokens {
        access_token: granted.access_token.ok_or_else(|| lacks("access_token"))?,
        refresh_token: granted.refresh_token.ok_or_else(|| lacks("refresh_token"))?,
        expiration: Some(now() + granted.expires_in.ok_or_else(|| lacks("expires_in"))?),
        scope: granted.scope.ok_or_else(|| lacks("scope"))?,
    })
}

/// New tokens for old ones.
pub(crate) fn renew(host: &Host, token_url: &str, client: &Client, old: &Tokens) -> Result<Tokens> {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
        ("refresh_token", &old.refresh_token),
    ];
    let granted = granted(&host.send(&request(token_url, &form))?)?;
    Ok(Tokens {
        access_token: granted.access_token.ok_or_else(|| lacks("access_token"))?,
        refresh_token: granted.refresh_token.unwrap_or_else(|| old.refresh_token.clone()),
        expiration: Some(now() + granted.expires_in.ok_or_else(|| lacks("expires_in"))?),
        // Without one, it is that of before (RFC 6749 section 6).
        scope: granted.scope.unwrap_or_else(|| old.scope.clone()),
    })
}

fn request(token_url: &str, form: &[(&str, &str)]) -> OutgoingRequest {
    let body = Serializer::new(String::new()).extend_pairs(form).finish();
    OutgoingRequest::new("POST", token_url)
        .with_header("Accept", "application/json")
        .with_header("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
        .with_body(body)
}

fn granted(answer: &HttpResponse) -> Result<Granted> {
    let granted = match serde_json::from_slice(&answer.body) {
        Ok(body) => Granted::of_json(&body),
        Err(_) => Granted::of_form(&answer.body),
    };
    let error = granted.as_ref().err().map(|error| format!(": {error}")).unwrap_or_default();
    if !(200..300).contains(&answer.status) {
        let status = answer.status;
        return Err(Error::other(format!("the provider answers with status {status}{error}")));
    }
    granted.map_err(|error| Error::other(format!("the provider refuses: {error}")))
}

fn lacks(key: &str) -> Error {
    Error::other(format!("the answer of the provider has no `{key}`"))
}

// === impl Granted ===

impl Granted {
    /// What an answer holds, or the error that it names.
    fn of_json(body: &Value) -> Result<Self, String> {
        if let Some(error) = body.get("error").filter(|error| !error.is_null()) {
            return Err(name_of_error(error.as_str().unwrap_or_default()));
        }
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        let expires_in = &body["expires_in"];
        Ok(Self {
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            expires_in: expires_in.as_f64().or_else(|| seconds(expires_in.as_str()?)),
            scope: body["scope"].as_str().map(words),
        })
    }

    fn of_form(body: &[u8]) -> Result<Self, String> {
        let mut granted = Self::default();
        for (key, value) in form_urlencoded::parse(body) {
            match &*key {
                "error" => return Err(name_of_error(&value)),
                "access_token" => granted.access_token = Some(value.into_owned()),
                "refresh_token" => granted.refresh_token = Some(value.into_owned()),
                "expires_in" => granted.expires_in = seconds(&value),
                "scope" => granted.scope = Some(words(&value)),
                _ => {}
            }
        }
        Ok(granted)
    }
}

/// The name of an error, without what would not be one.
fn name_of_error(error: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_name = !error.is_empty() && error.len() <= 64 && error.chars().all(is_name);
    if is_name { error.to_owned() } else { "an error without a name".to_owned() }
}

fn seconds(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite())
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_null_is_none() {
        let granted = Granted::of_json(&json!({"error": null, "access_token": "a"})).ok();
        assert_eq!(granted.unwrap().access_token.as_deref(), Some("a"));
        for (error, name) in [(json!("invalid_grant"), "invalid_grant"), (json!(1), "an error")] {
            let refused = Granted::of_json(&json!({"error": error})).err().unwrap();
            assert!(refused.starts_with(name), "{refused}");
        }
    }
}
