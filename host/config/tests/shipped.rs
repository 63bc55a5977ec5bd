//! The main file as it is shipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use wazo_auth_config::{Config, Flags, Sources, load};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../etc/wazo-auth/config.yml")
}

/// Loads `text` as the only file.
fn load_text(text: &str) -> Config {
    let dir = tempfile::tempdir().unwrap();
    let config_file = dir.path().join("config.yml");
    fs::write(&config_file, text).unwrap();
    let flags = Flags::default();
    let mut config = load(&Sources { config_file, flags }).unwrap();
    config.tree.remove("config_file");
    config
}

fn without_files() -> Map<String, Value> {
    let mut config = Config::defaults().unwrap();
    config.tree.remove("config_file");
    config.tree
}

/// The file with every default it shows switched on: such a line is `#key: …`
/// or, deeper, `#  key: …`, while a comment begins with `# ` and an example with
/// five spaces.
fn with_shown_defaults(text: &str) -> String {
    text.lines()
        .map(|line| match line.strip_prefix('#') {
            Some(example) if example.starts_with("     ") => line,
            Some(shown) if shown.starts_with("  ") => shown,
            Some(shown) if !shown.starts_with(' ') => shown,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn it_changes_nothing() {
    let tree = load_text(&fs::read_to_string(shipped()).unwrap()).tree;
    assert_eq!(tree, without_files());
}

#[test]
fn the_defaults_it_shows_are_the_defaults() {
    let text = with_shown_defaults(&fs::read_to_string(shipped()).unwrap());
    let text = text.replace("/etc/wazo-auth/conf.d", "");
    let mut config = load_text(&text);
    assert_eq!(config.warnings, [""; 0]);
    assert_eq!(config.tree.remove("default_user_policy"), Some(Value::Null));
    let mut defaults = without_files();
    config.tree.remove("extra_config_files");
    defaults.remove("extra_config_files");
    assert_eq!(Value::Object(config.tree), Value::Object(defaults));
}

#[test]
fn it_shows_every_key() {
    let text = with_shown_defaults(&fs::read_to_string(shipped()).unwrap());
    for (key, value) in without_files() {
        assert!(text.lines().any(|line| line.starts_with(&format!("{key}:"))), "{key}");
        for inner in value.as_object().into_iter().flatten().map(|(inner, _)| inner) {
            assert!(text.lines().any(|line| line.starts_with(&format!("  {inner}:"))), "{inner}");
        }
    }
}
