//! Which values are secrets, and what is shown instead.

use std::borrow::Cow;

use serde_json::Value;

use crate::known;

/// The secrets among the known keys. (URIs hide their passwords, see [`mask`].)
const SECRETS: &[&str] = &["bootstrap_user_password", "consul.token"];

/// In keys that are not ours (those of a plugin, misspelt ones), these make the
/// value a secret wherever they occur.
const PARTS: &[&str] =
    &["password", "passwd", "passphrase", "secret", "token", "credential", "apikey", "bindpw"];

/// These do so as a word of the key: `api_key`, `bindPw`.
const WORDS: &[&str] = &[
    "pass",
    "pwd",
    "pw",
    "passcode",
    "key",
    "keys",
    "pin",
    "dsn",
    "authorization",
    "bearer",
    "cookie",
    "salt",
];

/// What is shown instead of a secret.
pub(crate) const HIDDEN: &str = "<hidden>";

/// Whether everything below this key is secret.
pub(crate) fn is_secret(path: &[String]) -> bool {
    if SECRETS.contains(&path.join(".").as_str()) {
        return true;
    }
    let foreign = &path[known::known_steps(path)..];
    let is_slip = || known::nearest(path).is_some_and(|key| SECRETS.contains(&key.as_str()));
    !foreign.is_empty() && (foreign.iter().any(|key| names_a_secret(key)) || is_slip())
}

/// Whether the value holds a secret that others must not read.
pub(crate) fn holds_secret(path: &[String], value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        Value::Number(_) => is_secret(path),
        Value::String(text) if text.is_empty() => false,
        Value::String(text) => is_secret(path) || matches!(mask(text), Cow::Owned(_)),
    }
}

/// The text without the passwords that are part of it: those of URIs
/// (`amqp://user:password@host`) and of parameters (`password=…`).
pub(crate) fn mask(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    if let Some((start, end)) = user_password(text) {
        shown = format!("{}{HIDDEN}{}", &text[..start], &text[end..]).into();
    }
    let mut from = 0;
    while let Some((start, end)) = parameter(&shown, from) {
        if start < end {
            shown = format!("{}{HIDDEN}{}", &shown[..start], &shown[end..]).into();
            from = start + HIDDEN.len();
        } else {
            from = start;
        }
    }
    shown
}

/// Where the password of a URI stands: from the colon after the user to the
/// last `@` (a password may hold an `@` that somebody forgot to escape).
fn user_password(text: &str) -> Option<(usize, usize)> {
    let authority = text.find("://")? + 3;
    let end = authority + text[authority..].rfind('@')?;
    let colon = authority + text[authority..end].find(':')?;
    (colon + 1 < end).then_some((colon + 1, end))
}

/// Where the value of the next `name=value` stands whose name is that of a secret.
fn parameter(text: &str, from: usize) -> Option<(usize, usize)> {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '&' | ';' | ',');
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let mut from = from;
    loop {
        let equals = from + text.get(from..)?.find('=')?;
        let before = text[..equals].trim_end_matches(is_name).len();
        from = equals + 1;
        if names_a_secret(&text[before..equals]) {
            let length = text[from..].find(is_end).unwrap_or(text.len() - from);
            return Some((from, from + length));
        }
    }
}

fn names_a_secret(key: &str) -> bool {
    let lower = key.to_lowercase();
    PARTS.iter().any(|part| lower.contains(part))
        || words(key).iter().any(|word| WORDS.contains(&word.as_str()))
}

/// The words of `bind_pw`, `bindPw` and `bind-pw`, in small letters.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for c in key.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && after_small) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        after_small = c.is_lowercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_keys() {
        let secret =
            |path: &str| is_secret(&path.split('.').map(str::to_owned).collect::<Vec<_>>());
        for path in [
            "bootstrap_user_password",
            "bootstrap_user_pasword",
            "bootstrap_password",
            "consul.token",
            "smtp.password",
            "google.client_secret",
            "plugins.acme.config.password",
            "plugins.acme.config.ldap.bindPw",
            "plugins.acme.config.api_keys.0",
            "plugins.acme.config.tokens.first.value",
            "saml.domains.example.client-secret",
            "acme.accessToken",
        ] {
            assert!(secret(path), "{path}");
        }
        for path in [
            "token_key_file",
            "default_token_lifetime",
            "rest_api.private_key",
            "enabled_http_plugins.tokens",
            "password_reset_expiration",
            "google.token_url",
            "saml.key_file",
            "plugins.token_store.config.url",
            "plugins.acme.config.bypass",
            "plugins.acme.config.keyboard",
            "db_uri",
        ] {
            assert!(!secret(path), "{path}");
        }
    }

    #[test]
    fn passwords_inside_texts_are_masked() {
        for (text, shown) in [
            ("amqp://guest:guest@localhost:5672/", "amqp://guest:<hidden>@localhost:5672/"),
            ("postgresql://a:b@c@d/e?x=1", "postgresql://a:<hidden>@d/e?x=1"),
            (
                "postgresql://h/d?user=u&password=p&x=1",
                "postgresql://h/d?user=u&password=<hidden>&x=1",
            ),
            ("host=h password=p token= dbname=d", "host=h password=<hidden> token= dbname=d"),
            ("https://idp.example/path", "https://idp.example/path"),
            ("postgresql://a@h/d", "postgresql://a@h/d"),
            ("sqlite:////var/lib/a.db", "sqlite:////var/lib/a.db"),
        ] {
            assert_eq!(mask(text), shown);
        }
    }
}
