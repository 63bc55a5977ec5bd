use std::collections::HashMap;

use serde::Deserialize;

use super::{NoConfig, read};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[allow(dead_code, reason = "only read from text")]
    users: HashMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Bind,
    Search,
}

fn refusal<C: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
    read::<C>(text).unwrap_err().to_string()
}

#[test]
fn a_misspelt_key_is_named_with_what_was_expected() {
    let text = refusal::<Config>(r#"{"userz": {}}"#);
    assert_eq!(text, "config: unknown field `userz`, expected `users`");
}

#[test]
fn a_missing_key_is_named() {
    assert_eq!(refusal::<Config>(""), "config: missing field `users`");
}

#[test]
fn a_wrong_value_is_placed_but_not_quoted() {
    let text = refusal::<Config>(r#"{"users": {"wile": 194900}}"#);
    assert_eq!(text, "config: users.wile: invalid type: integer, expected a string");
    let text = refusal::<Config>(r#"{"users": "s3cr3t, expected \"x"}"#);
    assert_eq!(text, "config: users: invalid type: string, expected a map");
    let text = refusal::<Mode>(r#""s3cr3t""#);
    assert_eq!(text, "config: unknown variant, expected `bind` or `search`");
}

#[test]
fn each_known_mode_is_read() {
    assert!(matches!(read::<Mode>(r#""bind""#), Ok(Mode::Bind)));
    assert!(matches!(read::<Mode>(r#""search""#), Ok(Mode::Search)));
}

#[test]
fn nothing_to_configure_takes_nothing() {
    assert!(read::<NoConfig>("{}").is_ok());
    assert_eq!(
        refusal::<NoConfig>(r#"{"url": "x"}"#),
        "config: unknown field `url`, there are no fields"
    );
}
