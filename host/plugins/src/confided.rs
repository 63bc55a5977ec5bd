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
/// Keys of a plugin's configuration whose values are secrets, wherever their
/// name holds one of these.
const SECRET_KEYS: [&str; 4] = ["password", "secret", "token", "key"];

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
    TOLD.with_borrow_mut(|told| {
        let before = told.len();
        let secrets = SECRET_ARGS.iter().filter_map(|key| args.str(key));
        told.extend(secrets.filter(|secret| secret.len() >= LEAST).map(str::to_owned));
        Confided { before }
    })
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
        Value::String(text) if is_secret && text.len() >= LEAST => secrets.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, is_secret, secrets)),
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.to_ascii_lowercase();
                let secret = SECRET_KEYS.iter().any(|word| key.contains(word));
                collect(value, is_secret || secret, secrets);
            }
        }
        _ => {}
    }
}

/// A plugin's words without the secrets of its configuration and of the calls
/// in progress on this thread.
pub(crate) fn hidden<'t>(text: &'t str, of_config: &[String]) -> Cow<'t, str> {
    // A thread that ends may still have something to say.
    let told = TOLD.try_with(|told| told.borrow().clone()).unwrap_or_default();
    of_config.iter().chain(&told).fold(Cow::Borrowed(text), |text, secret| {
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
}
