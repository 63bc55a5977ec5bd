use std::fs;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Flags, Sources, yaml};

/// What is shown of a main file and one extra file; their folder is `DIR`.
fn shown(main: &str, extra: &str, origin: bool) -> String {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().display().to_string();
    fs::create_dir(dir.path().join("conf.d")).unwrap();
    fs::write(dir.path().join("conf.d/10.yml"), extra).unwrap();
    let config_file = dir.path().join("config.yml");
    fs::write(&config_file, format!("extra_config_files: {here}/conf.d\n{main}")).unwrap();
    let flags = Flags { listen_port: Some(7), ..Flags::default() };
    let (text, warnings) = show(&Sources { config_file, flags }, origin).unwrap();
    assert_eq!(warnings, [""; 0]);
    text.replace(&here, "DIR")
}

/// The lines that hold one of these words.
fn lines<'a>(text: &'a str, words: &[&str]) -> Vec<&'a str> {
    text.lines().filter(|line| words.iter().any(|word| line.contains(word))).collect()
}

#[test]
fn every_leaf_says_where_it_comes_from() {
    let main =
        "user: !exec {command: echo me}\nplugin_dirs:\n  - /main\nrest_api:\n  listen: '::1'\n";
    let extra = "plugin_dirs: [/extra]\nlog_level: loud\nplugins: {acme: {config: {}}}\n";
    let text = shown(main, extra, true);
    let words =
        ["user: me", "/main", "/extra", "listen:", "  port: 7", "config: {", "log_level", " smtp"];
    assert_eq!(
        lines(&text, &words),
        [
            "  port: 7  # command line",
            "  listen: \"::1\"  # DIR/config.yml:6",
            "  - /extra  # DIR/conf.d/10.yml:1",
            "  - /main  # DIR/config.yml:4",
            "log_level: loud  # DIR/conf.d/10.yml:2",
            "    config: {}  # DIR/conf.d/10.yml:3",
            "user: me  # DIR/config.yml:2 !exec",
            "email_notification_plugin: smtp  # default",
        ]
    );
    assert!(!shown(main, extra, false).contains('#'));
}

#[test]
fn no_secret_is_shown() {
    let main = "db_uri: postgresql://wazo:swordfish@db/wazo\nbootstrap_user_password: swordfish\n\
                amqp: {uri: amqp://u:swordfish@h/}\nconsul: {token: swordfish}\n\
                smtp: {password: swordfish}\nbootstrap_user_passwort: swordfish\n";
    let extra = "plugins:\n  acme:\n    config:\n      bind_dn: cn=shown\n      bindPw: swordfish\n      \
                 keys: [swordfish, {a: swordfish}]\n      nested: {client-secret: swordfish, pin: 4711}\n      \
                 dsn: swordfish\n      url: https://u:swordfish@h/?token=swordfish\n";
    for origin in [false, true] {
        let text = shown(main, extra, origin);
        assert!(!text.contains("swordfish") && !text.contains("4711"), "{text}");
        assert!(text.contains("cn=shown") && text.contains("wazo:<hidden>@db/wazo"), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_is_read_as_the_same(key in ".{0,12}", text in "\\PC{0,20}|[\\x00-\\xff]{0,8}|[a-z:/#-]{0,8}") {
        let tree = json!({key: {"list": [&text, 1.5, null, true, [], ["x"]], "text": &text}});
        let tree = tree.as_object().unwrap();
        let layers = [];
        let mut page =
            Page { text: String::new(), layers: &layers, places: None, path: Vec::new() };
        page.mapping(tree);
        if !page.text.contains("hidden") {
            prop_assert_eq!(&yaml::parse(page.text.as_bytes()).unwrap().tree, tree, "{}", page.text);
        }
    }
}
