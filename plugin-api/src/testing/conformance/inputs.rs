//! What nobody means well with.

use crate::{Value, serde_json::json};

/// Who logs in: nobody is called so.
pub(super) const NOBODY: &str = "nobody@kit.invalid";
/// What nobody's password is; whoever repeats it tells a secret.
pub(super) const PASSWORD: &str = "kit-s3cret-of-nobody";
/// A user that there is not.
pub(super) const UUID: &str = "5e1f0c3a-0000-4000-8000-000000000000";

/// A text, and what it is.
pub(super) type Text = (&'static str, String);

/// Texts of a few bytes.
pub(super) fn short() -> Vec<Text> {
    let texts = [
        ("an empty text", ""),
        ("spaces", "   "),
        ("a NUL", "\0"),
        ("a NUL within", "nobody\0@kit.invalid"),
        ("control characters", "\u{1}\u{8}\t\u{1b}[2J\u{7f}\u{85}"),
        ("line breaks", "nobody@kit.invalid\r\nBcc: all@kit.invalid\r\n\r\n.\r\n"),
        ("what invalid UTF-8 becomes", "nobody\u{fffd}\u{fffd}@\u{fffd}"),
        ("the last characters of all", "\u{feff}\u{fffe}\u{ffff}\u{10ffff}"),
        ("letters that change their length", "ßİıſKŉΐ"),
        ("letters from right to left", "\u{202e}ydobon\u{200f}\u{2028}"),
        ("letters of several characters", "👩‍👩‍👧‍👦🏳️‍🌈"),
        ("a wildcard", "*"),
        ("other wildcards", "%_?.*#"),
        ("quotes", "' OR '1'='1' -- \"`"),
        ("parentheses", "*)(|(uid=*))(&(uid=*"),
        ("backslashes", r"\2a\00\u0000\"),
        ("commas and equal signs", "uid=nobody,dc=kit+cn=x;y#<>"),
        ("placeholders", "%s%n{}{0}${HOME}{{7*7}}"),
        ("a path", "../../../nowhere"),
        ("a large number", "99999999999999999999999999"),
        ("JSON", r#"{"login": null}"#),
    ];
    let mut texts: Vec<Text> = texts.map(|(what, text)| (what, text.to_owned())).into();
    texts.push(("200 accents on one letter", format!("e{}", "\u{301}".repeat(200))));
    texts
}

/// Texts that are too long for anything.
pub(super) fn long() -> Vec<Text> {
    vec![
        ("1 MB", "a".repeat(1_000_000)),
        ("100 KB of NUL", "\0".repeat(100_000)),
        ("100 KB of what invalid UTF-8 becomes", "\u{fffd}".repeat(33_333)),
    ]
}

/// JSON of every type.
pub(super) fn values() -> Vec<(&'static str, Value)> {
    vec![
        ("null", Value::Null),
        ("true", json!(true)),
        ("a negative number", json!(-1)),
        ("a large number", json!(u64::MAX)),
        ("a larger number", json!(1e308)),
        ("a text", json!("\0\u{fffd}")),
        ("an empty list", json!([])),
        ("a list", json!([null, 7, "", {}])),
        ("an empty object", json!({})),
        ("an object with odd keys", json!({"": null, "\0": [], "__proto__": {}})),
        ("60 levels of lists", (0..60).fold(json!(7), |inner, _| json!([inner]))),
        ("a text of 100 KB", json!("a".repeat(100_000))),
    ]
}

/// Objects in which every field that somebody may look for is of a wrong type.
pub(super) fn wrong_fields() -> Vec<(&'static str, Value)> {
    let all = |value: Value| {
        let names = [
            "login",
            "password",
            "acl",
            "mobile",
            "user_agent",
            "remote_addr",
            "client_id",
            "domain_name",
            "tenant_id",
            "refresh_token",
            "access_type",
            "real_login",
            "persistent_metadata",
            "scope",
            "token",
            "code",
            "state",
            "access_token",
            "token_expiration",
            "tenant_uuid",
        ];
        Value::Object(names.into_iter().map(|name| (name.to_owned(), value.clone())).collect())
    };
    vec![
        ("null in every field", all(Value::Null)),
        ("a number in every field", all(json!(-7.5))),
        ("a list in every field", all(json!([null, {}, "\0"]))),
        ("an object in every field", all(json!({"": 1}))),
    ]
}

/// Heads of frames that are none.
pub(super) fn unreadable() -> Vec<Text> {
    let texts = [
        ("an empty head", ""),
        ("half a head", "{\"login\": \"no"),
        ("a head that is null", "null"),
        ("a head that is a number", "7"),
        ("a head that is a list", "[1, 2, 3, 4, 5, 6, 7, 8, 9]"),
        ("a head without fields", "{}"),
        ("a head with NUL", "{\"login\": \"\0\"}"),
        (
            "a head with half a surrogate",
            r#"{"login": "\ud800", "password": "\udfff", "args": {"login": "\ud800"}}"#,
        ),
        (
            "a head of wrong types",
            r#"{"login": 7, "password": [], "args": 7, "headers": 7, "data": 7, "method": 7}"#,
        ),
    ];
    let mut texts: Vec<Text> = texts.map(|(what, text)| (what, text.to_owned())).into();
    texts.push(("a head 100,000 levels deep", "[".repeat(100_000)));
    texts.push(("1 MB that is no head", "x".repeat(1_000_000)));
    texts
}

/// Bodies of requests.
pub(super) fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let text = |what, text: &str| (what, text.as_bytes().to_vec());
    let mut bodies = vec![
        text("an empty body", ""),
        text("a body that is NUL", "\0"),
        text("half a body", "{\"a\": "),
        text("a body of several documents", "{} {}"),
        text("a body with a number that is none", "{\"a\": NaN, \"b\": 1e999}"),
        text("a form", "a=b&%00=%ff&=&&"),
        ("a body that is not UTF-8", b"{\"a\": \"\xff\xfe\xc0\x80\xed\xa0\x80\"}".to_vec()),
        ("bytes of any value", (0..=255).collect()),
        ("a body 100,000 levels deep", "[".repeat(100_000).into_bytes()),
        ("a body of 1 MB", "a".repeat(1_000_000).into_bytes()),
    ];
    for (what, value) in values().into_iter().chain(wrong_fields()) {
        bodies.push((what, value.to_string().into_bytes()));
    }
    bodies
}
