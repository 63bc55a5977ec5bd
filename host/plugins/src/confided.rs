//! What a plugin is told in confidence stays out of its words: an error or a
//! panic that quotes its arguments must not bring a password into the log.

use std::{borrow::Cow, cell::RefCell};

use serde_json::Value;
use wazo_auth_plugin_api::Args;

const HIDDEN: &str = "<hidden>";
/// Shorter texts stand in any sentence by chance; to hide those would show
/// where they are.
const LEAST: usize = 4;
/// The arguments of a login that are worth as much as a password.
const SECRET_ARGS: [&str; 3] = ["password", "refresh_token", "saml_session_id"];
// Which keys of a plugin's configuration hold secrets: by and large the rule by
// which `wazo-auth config show` hides values (`secrets.rs` of the configuration,
// which this crate cannot use). That one would rather hide too much; here, a
// harmless value that is taken for a secret spoils every sentence it occurs in.

/// These make the value a secret wherever they occur in the name.
const PARTS: [&str; 8] =
    ["password", "passwd", "passphrase", "secret", "token", "credential", "apikey", "bindpw"];
/// These do so as the last word of it: `bind_pw`, `sentryDsn`.
const WORDS: [&str; 10] =
    ["pass", "pwd", "pw", "passcode", "pin", "dsn", "authorization", "bearer", "cookie", "salt"];
/// A `key` is secret alone or after one of these, but no `user_key`.
const KEYS_TO: [&str; 8] =
    ["api", "access", "account", "encryption", "master", "private", "shared", "signing"];
/// What ends so says where something is or how long it lasts.
const PLAIN: [&str; 5] = ["url", "uri", "file", "path", "lifetime"];

thread_local! {
    /// What the calls in progress on this thread were told.
    static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Forgets what a call was told when dropped.
pub(crate) struct Confided {
    before: usize,
}

/// Until the answer is dropped, [`hidden`] hides the secrets of a login.
pub(crate) fn confide(args: &Args) -> Confided {
    confide_all(SECRET_ARGS.iter().filter_map(|key| args.str(key)))
}

/// Until the answer is dropped, [`hidden`] hides these texts.
pub(crate) fn confide_all<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Confided {
    TOLD.with_borrow_mut(|told| {
        let before = told.len();
        let secrets = secrets.into_iter();
        told.extend(secrets.filter(|secret| secret.len() >= LEAST).map(str::to_owned));
        Confided { before }
    })
}

/// What the calls in progress on this thread were told in confidence.
pub(crate) fn told() -> Vec<String> {
    // A thread that ends may still have something to say.
    TOLD.try_with(|told| told.borrow().clone()).unwrap_or_default()
}

/// The secrets of a plugin's configuration, which is JSON.
pub(crate) fn of_config(config: &str) -> Vec<String> {
    let mut secrets = Vec::new();
    if let Ok(config) = serde_json::from_str(config) {
        collect(&config, false, &mut secrets);
    }
    secrets
}

fn collect(value: &Value, is_secret: bool, secrets: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let secret = if is_secret { Some(&**text) } else { password_in(text) };
            secrets.extend(secret.filter(|secret| secret.len() >= LEAST).map(str::to_owned));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, is_secret, secrets)),
        Value::Object(map) => {
            for (key, value) in map {
                collect(value, is_secret || names_a_secret(key), secrets);
            }
        }
        _ => {}
    }
}

fn names_a_secret(key: &str) -> bool {
    let words = words(key);
    let mut last_first = words.iter().rev().map(String::as_str).filter(|word| !word.is_empty());
    let Some(last) = last_first.next() else { return false };
    if PLAIN.contains(&last) {
        return false;
    }
    let lower = key.to_lowercase();
    PARTS.iter().any(|part| lower.contains(part))
        || WORDS.contains(&last)
        || (["key", "keys"].contains(&last)
            && last_first.next().is_none_or(|before| KEYS_TO.contains(&before)))
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

/// The password of a URI (`ldap://user:password@host`), or the token that stands
/// in its place.
fn password_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let (user_info, _) = rest.rsplit_once('@')?;
    match user_info.split_once(':') {
        Some((_, password)) if !password.is_empty() => Some(password),
        // A user's name is no secret, unless it is all there is.
        Some((token, _)) => Some(token),
        None if text.starts_with("http") && !user_info.contains(['/', '?', '#']) => Some(user_info),
        None => None,
    }
}

/// A text without the secrets of a plugin's configuration, which is JSON.
#[must_use]
pub fn without_secrets(text: &str, config: &str) -> String {
    hidden(text, &of_config(config)).into_owned()
}

/// A plugin's words without the secrets of its configuration and of the calls
/// in progress on this thread.
pub(crate) fn hidden<'t>(text: &'t str, of_config: &[String]) -> Cow<'t, str> {
    of_config.iter().chain(&told()).fold(Cow::Borrowed(text), |text, secret| {
        // As it is, and as `{:?}` and JSON write it.
        let debug = secret.escape_debug().to_string();
        let json = Value::from(&**secret).to_string();
        [secret, &*debug, &json[1..json.len() - 1]].iter().fold(text, |text, form| {
            if text.contains(form) { Cow::Owned(text.replace(form, HIDDEN)) } else { text }
        })
    })
}

// === impl Confided ===

impl Drop for Confided {
    fn drop(&mut self) {
        TOLD.with_borrow_mut(|told| told.truncate(self.before));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_as_long_as_their_call_lasts() {
        let outer = confide(&Args::from_value(json!({"password": "s3\"cre7"})));
        let inner = confide(&Args::from_value(json!({"refresh_token": "r3fre5h", "login": "bob"})));
        let words = r#"bob s3"cre7, s3\"cre7, r3fre5h"#;
        assert_eq!(hidden(words, &[]), "bob <hidden>, <hidden>, <hidden>");
        drop(inner);
        assert_eq!(hidden(words, &[]), "bob <hidden>, <hidden>, r3fre5h");
        drop(outer);
        assert_eq!(hidden(words, &[]), words);
    }

    #[test]
    fn of_a_configuration_the_values_of_secret_keys_are_secrets() {
        let config =
            r#"{"bind": {"bindPassword": "b1nd", "dn": "cn=x"}, "tokens": ["t0ken", "x"]}"#;
        let secrets = of_config(config);
        assert_eq!(hidden("b1nd as cn=x with t0ken", &secrets), "<hidden> as cn=x with <hidden>");
    }

    #[test]
    fn a_key_is_secret_by_whole_words() {
        for key in ["key", "api_key", "bindPw", "pass", "db_pin", "passwd", "dsn", "privateKey"] {
            assert_eq!(of_config(&format!(r#"{{"{key}": "5e3cr3t"}}"#)), ["5e3cr3t"], "{key}");
        }
        let plain = ["key_file", "user_key", "token_url", "keyboard", "bypass", "pinned", "url"];
        for key in plain {
            assert_eq!(of_config(&format!(r#"{{"{key}": "harmless"}}"#)), [""; 0], "{key}");
        }
    }

    #[test]
    fn passwords_in_uris_are_secrets() {
        for (uri, secrets) in [
            ("ldap://admin:5e3c@r3t@host/dn", &["5e3c@r3t"][..]),
            ("https://5e3cr3t@host", &["5e3cr3t"]),
            ("ldap://admin@host/dn", &[]),
            ("https://host/?mail=a@b", &[]),
        ] {
            assert_eq!(of_config(&serde_json::json!({"uri": uri}).to_string()), secrets, "{uri}");
        }
    }
}
