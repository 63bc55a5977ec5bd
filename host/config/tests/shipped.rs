//! The main file as it is shipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use wazo_auth_config::{Config, Finding, Flags, Severity, Sources, check, load};

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
    // What is set to nothing has no default.
    assert_eq!(config.tree.remove("default_user_policy"), Some(Value::Null));
    let amqp = config.tree["amqp"].as_object_mut().unwrap();
    for key in ["enabled", "ca_file"] {
        assert_eq!(amqp.shift_remove(key), Some(Value::Null), "{key}");
    }
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

/// Every part of the file that may be uncommented: what begins with a key at the
/// margin, up to the next such key or an empty line.
fn examples(text: &str) -> Vec<String> {
    let mut examples: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.lines() {
        let shown = line.strip_prefix('#').unwrap_or(line);
        let key = shown.trim_start().split(':').next().unwrap_or_default();
        let is_key = shown.contains(':') && !key.is_empty() && !key.contains(' ');
        // Other texts have words behind the colon.
        let is_key = is_key && (!shown.starts_with(' ') || shown.ends_with(':'));
        match (is_key, shown.starts_with("  ")) {
            // A comment is followed by a space, an example of its own too.
            (true, false) => {
                examples.push(shown.strip_prefix(' ').unwrap_or(shown).to_owned());
                is_open = true;
            }
            _ if is_open && shown.starts_with("  ") => {
                let example = examples.last_mut().unwrap();
                example.push('\n');
                example.push_str(shown);
            }
            _ => is_open &= !line.is_empty() && shown.starts_with(' '),
        }
    }
    examples
}

#[test]
fn whatever_is_uncommented_is_right() {
    let text = fs::read_to_string(shipped()).unwrap();
    let examples = examples(&text);
    assert!(examples.iter().any(|example| example.contains("\n     acme:")), "{examples:#?}");
    for example in examples {
        let dir = tempfile::tempdir().unwrap();
        let config_file = dir.path().join("config.yml");
        let example =
            example.replace("/etc/wazo-auth/conf.d", "''").replace("9f2c…", &"9f2c".repeat(16));
        fs::write(&config_file, &example).unwrap();
        let checked = check(&Sources { config_file, flags: Flags::default() });
        let is_mistake = |finding: &&Finding| finding.severity == Severity::Mistake;
        let mistakes: Vec<_> = checked.findings.iter().filter(is_mistake).collect();
        assert!(mistakes.is_empty(), "{example}\n{mistakes:?}");
    }
}
