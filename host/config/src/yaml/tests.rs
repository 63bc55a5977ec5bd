use serde_json::json;

use super::*;

fn tree(text: &str) -> Value {
    Value::Object(parse(text.as_bytes()).unwrap().tree)
}

fn error(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_file_may_hold_nothing() {
    for text in ["", "\n", "# a remark\n", "---\n", "\u{feff}", "null"] {
        assert_eq!(tree(text), json!({}), "{text:?}");
    }
}

#[test]
fn a_file_must_hold_a_mapping() {
    assert_eq!(error("- a\n"), "a mapping of keys to values is expected, and it holds a list");
    assert!(error("some words").ends_with("it holds a text"));
}

#[test]
fn keys_are_text_and_keep_their_order() {
    let document = tree("z: 1\n1: a\ntrue: b\nnull: c\n'2': d\na: 2\n");
    let keys: Vec<_> = document.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["z", "1", "true", "null", "2", "a"]);
}

#[test]
fn a_key_given_twice_keeps_its_last_value_and_is_listed() {
    let document = parse(b"a: 1\nb: {c: 1, c: 2}\na: 3\n").unwrap();
    assert_eq!(Value::Object(document.tree), json!({"a": 3, "b": {"c": 2}}));
    assert_eq!(document.repeated.len(), 2);
    assert_eq!(document.repeated[0], "c");
}

#[test]
fn merge_keys_and_anchors_work() {
    let text = "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\n\
                one: {b: 9, <<: *base}\ntwo: {<<: [*base, *more], d: 5}\n";
    let document = tree(text);
    assert_eq!(document["one"], json!({"a": 1, "b": 9}));
    assert_eq!(document["two"], json!({"a": 1, "b": 2, "c": 4, "d": 5}));
    assert!(error("a: {<<: 5}").contains("`<<` takes a mapping"), "{}", error("a: {<<: 5}"));
}

#[test]
fn scalars_keep_their_types() {
    assert_eq!(
        tree("a: 60.0\nb: 0x1F\nc: '7'\nd: ~\ne: -3\nf: .inf\ng: yes\nh: 2026-01-01\ni: True\n"),
        json!({"a": 60.0, "b": 31, "c": "7", "d": null, "e": -3, "f": "inf", "g": "yes",
               "h": "2026-01-01", "i": true})
    );
}

#[test]
fn broken_text_is_an_error_with_its_place() {
    let message = error("a: 1\nb: [1, 2\nc: 3\n");
    assert!(message.contains("line 3"), "{message}");
    assert!(parse(b"a: \xff").unwrap_err().to_string().contains("UTF-8"));
    assert!(parse(b"a: 1\n---\nb: 2\n").is_err());
    assert!(error("? [a, b]\n: 1\n").contains("a list cannot be a key"));
}

#[test]
fn exec_puts_the_output_of_a_command() {
    assert_eq!(
        tree("a: !exec {command: 'echo {user: wazo, port: 5}'}\nb: !exec\n  command: echo  x\n"),
        json!({"a": {"user": "wazo", "port": 5}, "b": "x"})
    );
    assert_eq!(tree("a: !exec {command: 'true'}"), json!({"a": null}));
}

#[test]
fn exec_does_not_use_a_shell() {
    assert_eq!(tree("a: !exec {command: 'echo $HOME;id'}"), json!({"a": "$HOME;id"}));
}

#[test]
fn a_failing_command_is_an_error_without_its_arguments() {
    let missing = error("a: !exec {command: '/nowhere/secrets --key swordfish'}");
    assert!(missing.contains("`/nowhere/secrets` cannot be started"), "{missing}");
    assert!(!missing.contains("swordfish"), "{missing}");
    let failed = error("a: !exec {command: 'false swordfish'}");
    assert!(failed.contains("`false` failed: exit status: 1"), "{failed}");
    assert!(!failed.contains("swordfish"), "{failed}");
    assert!(error("a: !exec echo").contains("the key `command`"));
    let nested = error("a: !exec {command: 'echo !exec {command: id}'}");
    assert!(nested.contains("another !exec"), "{nested}");
}

#[test]
fn an_unknown_tag_is_an_error() {
    let error = error("a: !secret x");
    assert!(error.contains("the only one that is known is !exec"), "{error}");
    assert!(!error.contains("secret"), "it may be a password: {error}");
}

#[test]
fn aliases_that_stand_for_megabytes_are_refused() {
    let many = |what: &str| vec![what; 300].join(",");
    let values = format!("a: &a [{}]\nb: &b [{}]\nc: [{}]\n", many("x"), many("*a"), many("*b"));
    let text = format!("a: &a {}\nb: &b [{}]\nc: [{}]\n", "x".repeat(3000), many("*a"), many("*b"));
    for bomb in [values, text] {
        assert!(error(&bomb).contains("its aliases"), "{}", error(&bomb));
    }
    // Ordinary use is far below.
    assert_eq!(tree("a: &a [x]\nb: *a"), json!({"a": ["x"], "b": ["x"]}));
}
