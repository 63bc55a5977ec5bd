use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Flags;

/// What is found in a main file, which is called `F`.
fn found(bytes: &[u8]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let config_file = dir.path().join("config.yml");
    fs::write(&config_file, bytes).unwrap();
    fs::set_permissions(&config_file, fs::Permissions::from_mode(0o640)).unwrap();
    let path = config_file.display().to_string();
    let mut checked = check(&Sources { config_file, flags: Flags::default() });
    checked.sort();
    checked.findings.iter().map(|finding| finding.to_string().replace(&path, "F")).collect()
}

#[test]
fn everything_wrong_is_found_at_once() {
    let text = "extra_config_files:\nrest_api:\n  port: http\n  max_threads: 0\n  prot: 1\n\
                debug: maybe\nplugins:\n  acme: {timeout: x, sha265: y, identities: {}}\n\
                plugin_dirs: [/a, 5, 6]\nenabled_backend_plugins: {acme: true}\n";
    assert_eq!(
        found(text.as_bytes()),
        [
            "F:3: rest_api.port: it is the text `http`: a whole number from 0 to 65535 is expected",
            "F:4: rest_api.max_threads: it is `0`: a whole number above 0 is expected",
            "F:5: rest_api.prot: there is no such key: is `rest_api.port` meant?",
            "F:6: debug: it is the text `maybe`: true or false is expected",
            "F:8: plugins.acme.sha265: there is no such key: is `plugins.acme.sha256` meant?",
            "F:8: plugins.acme.timeout: it is the text `x`: a number of seconds, 0 or more is expected",
            "F:8: plugins.acme.identities.tenant: it is missing: it must be given in \
             `plugins.acme.identities`",
            "F:9: plugin_dirs.1: it is `5`: a path is expected; put it between quotes",
            "F:9: plugin_dirs.2: it is `6`: a path is expected; put it between quotes",
        ]
    );
}

#[test]
fn a_section_set_to_nothing_is_one_mistake() {
    let found = found(b"extra_config_files:\nrest_api:\n");
    let expected = "F:2: rest_api: it is nothing (null): a mapping is expected; without the key, its \
                    default counts";
    assert_eq!(found, [expected]);
}

#[test]
fn wrong_values_never_hide_the_settings() {
    let dir = tempfile::tempdir().unwrap();
    let config_file = dir.path().join("config.yml");
    fs::write(&config_file, "extra_config_files:\nrest_api: 5\nsaml: x\nuser: [1]\n").unwrap();
    let checked = check(&Sources { config_file, flags: Flags::default() });
    assert_eq!(checked.findings.len(), 3);
    assert_eq!(checked.config.unwrap().settings.rest_api.port, 9497);
}

#[test]
fn a_list_is_no_mapping() {
    for (text, key) in [
        ("rest_api: [x]", "rest_api"),
        ("rest_api: {cors: [yes]}", "rest_api.cors"),
        ("amqp: [x]", "amqp"),
        ("plugins: {acme: [x]}", "plugins.acme"),
        ("plugins: {acme: {identities: [x]}}", "plugins.acme.identities"),
        ("default_policies: {a: [[x]]}", "default_policies.a"),
        ("tenant_default_groups: {a: [{b: true}]}", "tenant_default_groups.a"),
        ("idp_plugins: {acme: [true]}", "idp_plugins.acme"),
    ] {
        let found = found(format!("{text}\nextra_config_files:\n").as_bytes());
        let expected = format!("F:1: {key}: it is a list: a mapping is expected");
        assert!(found.contains(&expected), "{text}: {found:?}");
    }
}

/// Documents that look like a configuration: real keys, wrong values.
fn documents() -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![
        proptest::sample::select(vec![
            "rest_api",
            "port",
            "listen",
            "cors",
            "allow_headers",
            "plugins",
            "acme",
            "config",
            "identities",
            "tenant",
            "sha256",
            "timeout",
            "idp_plugins",
            "default_policies",
            "acl",
            "db_uri",
            "user",
            "plugin_dirs",
            "amqp",
            "uri",
            "saml",
            "domains",
            "log_level",
            "purpose_metadata_mapping",
            "enabled_backend_plugins",
            "consul",
            "token",
            "smtp",
            "<<",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("postgresql://a:b@c/d")),
    ];
    let value = leaf.prop_recursive(4, 32, 4, {
        let key = key.clone();
        move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((key.clone(), inner), 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        }
    });
    prop::collection::vec((key, value), 0..6).prop_map(|entries| entries.into_iter().collect())
}

proptest! {
    // Each case reads a configuration some ten times.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_document_makes_it_panic(document in documents()) {
        let mut map = document;
        map.insert("extra_config_files".to_owned(), Value::Null);
        // JSON is YAML, but for two separators that end a line there: written as escapes.
        let text = Value::Object(map)
            .to_string()
            .replace('\u{2028}', "\\u2028")
            .replace('\u{2029}', "\\u2029");
        for finding in found(text.as_bytes()) {
            prop_assert!(finding.starts_with("F:1"), "{}: {}", text, finding);
        }
    }

    #[test]
    fn no_text_makes_it_panic(
        text in "([ \\t]{0,3}[a-z_]{0,6}(: |:\n|- |\\? |, )?[&*!|>%@\"'\\[\\]{}#0-9a-z]{0,4}\n?){0,12}",
        bytes in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        // No folder of this machine is read, no command is run.
        for main in [text.as_bytes(), &bytes] {
            found(&[b"extra_config_files:\n", main].concat());
        }
    }
}

#[test]
fn a_secret_of_a_command_is_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let config_file = dir.path().join("config.yml");
    let found = |value: &str| {
        let text = format!("extra_config_files:\nbootstrap_user_password: {value}\n");
        fs::write(&config_file, text).unwrap();
        fs::set_permissions(&config_file, fs::Permissions::from_mode(0o644)).unwrap();
        let flags = Flags::default();
        check(&Sources { config_file: config_file.clone(), flags }).findings.len()
    };
    assert_eq!(found("swordfish"), 1);
    assert_eq!(found("!exec {command: echo swordfish}"), 0);
}
