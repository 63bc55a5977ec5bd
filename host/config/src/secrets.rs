//! Which values are secrets, and what is shown instead.

use std::borrow::Cow;

use serde_json::Value;

use crate::known;

/// The secrets among the known keys. (URIs hide their passwords, see [`mask`].)
const SECRETS: &[&str] = &["bootstrap_user_password", "consul.token", "smtp.password"];

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

/// With these at its end, a key names where something is or how long it lasts.
const PLAIN_ENDS: &[&str] = &["_url", "_uri", "_file", "_path", "_lifetime"];

/// What is shown instead of a secret.
pub(crate) const HIDDEN: &str = "<hidden>";

/// Whether everything below this key is secret.
pub(crate) fn is_secret(path: &[String]) -> bool {
    if is_own_secret(path) {
        return true;
    }
    let foreign = &path[known::known_steps(path)..];
    let is_slip = || known::nearest(path).is_some_and(|key| SECRETS.contains(&key.as_str()));
    !foreign.is_empty() && (foreign.iter().any(|key| names_a_secret(key)) || is_slip())
}

/// What is shown of a value.
pub(crate) fn shown(path: &[String], value: &Value) -> Value {
    match value {
        Value::String(_) | Value::Number(_) if is_secret(path) => HIDDEN.into(),
        Value::String(text) => mask(text).into_owned().into(),
        other => other.clone(),
    }
}

/// The same of everything below `path`.
pub(crate) fn all_shown(path: &mut Vec<String>, value: &Value) -> Value {
    let mut below = |step: String, value: &Value| {
        path.push(step);
        let shown = all_shown(path, value);
        path.pop();
        shown
    };
    match value {
        Value::Object(mapping) => {
            mapping.iter().map(|(key, value)| (key.clone(), below(key.clone(), value))).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(i, item)| below(i.to_string(), item)).collect()
        }
        leaf => shown(path, leaf),
    }
}

/// Whether the key is one of [`SECRETS`], or stands below one.
fn is_own_secret(path: &[String]) -> bool {
    SECRETS.iter().any(|secret| {
        let mut steps = path.iter();
        secret.split('.').all(|step| steps.next().is_some_and(|given| given == step))
    })
}

/// Whether the value is surely a secret: one of the daemon's own.
pub(crate) fn is_surely_one(path: &[String], value: &Value) -> bool {
    let is_given = match value {
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
    };
    is_given && is_own_secret(path)
}

/// Whether the value may be a secret, by its key or because of a password in it.
pub(crate) fn may_be_one(path: &[String], value: &Value) -> bool {
    let Value::String(text) = value else { return false };
    // Items of a list are named as the list is.
    let name = path.iter().rev().find(|step| step.parse::<usize>().is_err());
    let is_plain = name.is_some_and(|name| PLAIN_ENDS.iter().any(|end| name.ends_with(end)));
    !text.is_empty() && ((is_secret(path) && !is_plain) || matches!(mask(text), Cow::Owned(_)))
}

/// The text without the passwords that are part of it: those of URIs
/// (`amqp://user:password@host`, `https://token@host`) and of parameters
/// (`password=…`, also with blanks and quotes).
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
    let colon = text[authority..end].find(':').map(|colon| authority + colon);
    match colon.filter(|colon| colon + 1 < end) {
        Some(colon) => Some((colon + 1, end)),
        None => web_token(text, authority),
    }
}

/// Where the user of a web address stands: without a password it is a token.
fn web_token(text: &str, authority: usize) -> Option<(usize, usize)> {
    let scheme = text[..authority].to_lowercase();
    let is_web = scheme.ends_with("http://") || scheme.ends_with("https://");
    let host_end = text[authority..].find(|c: char| "/?#".contains(c) || c.is_whitespace());
    let host_end = host_end.map_or(text.len(), |end| authority + end);
    let end = authority + text[authority..host_end].rfind('@')?;
    (is_web && authority < end).then_some((authority, end))
}

/// Where the value of the next `name=value` stands whose name is that of a secret.
fn parameter(text: &str, from: usize) -> Option<(usize, usize)> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let mut from = from;
    loop {
        let equals = from + text.get(from..)?.find('=')?;
        let name = text[..equals].trim_end_matches(is_blank);
        let before = name.trim_end_matches(is_name).len();
        from = equals + 1;
        if names_a_secret(&name[before..]) {
            let value = text[from..].trim_start_matches(is_blank);
            let start = text.len() - value.len();
            return Some((start, start + value_length(value)));
        }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// How long the value of a parameter is, with its quotes if it has some.
fn value_length(value: &str) -> usize {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '&' | ';' | ',');
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        return value.find(is_end).unwrap_or(value.len());
    };
    let mut is_escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    value.len()
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
            "consul.token.value",
            "bootstrap_user_password.0",
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
            ("host=h password=p token=", "host=h password=<hidden> token="),
            ("password = p user = u", "password = <hidden> user = u"),
            ("password='p q' user=u", "password=<hidden> user=u"),
            (r#"password = "p\"q r",x"#, "password = <hidden>,x"),
            ("password='p q", "password=<hidden>"),
            ("https://t0ken@idp.example/path", "https://<hidden>@idp.example/path"),
            ("https://t0ken:@idp.example", "https://<hidden>@idp.example"),
            ("https://idp.example/path?mail=a@b", "https://idp.example/path?mail=a@b"),
            ("https://idp.example/path", "https://idp.example/path"),
            ("postgresql://a@h/d", "postgresql://a@h/d"),
            ("sqlite:////var/lib/a.db", "sqlite:////var/lib/a.db"),
        ] {
            assert_eq!(mask(text), shown);
        }
    }
}
