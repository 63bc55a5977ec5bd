//! Configuration files as an operator has them on disk.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;
use tempfile::TempDir;
use wazo_auth_config::{Config, ConfigError, Flags, Origin, Sources, load};

/// A main file and an extra directory.
struct Site(TempDir);

impl Site {
    fn new(main: &str, extra: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let conf_d = dir.path().join("conf.d");
        fs::create_dir(&conf_d).unwrap();
        let main = format!("extra_config_files: {}\n{main}", conf_d.display());
        fs::write(dir.path().join("config.yml"), main).unwrap();
        for (name, text) in extra {
            fs::write(conf_d.join(name), text).unwrap();
        }
        Self(dir)
    }

    fn load(&self) -> Result<Config, ConfigError> {
        let config_file = self.0.path().join("config.yml");
        load(&Sources { config_file, flags: Flags::default() })
    }
}

#[test]
fn the_first_extra_file_wins_over_later_ones_and_the_main_file() {
    let config = Site::new(
        "rest_api: {port: 1, listen: a, num_proxies: 4}\n",
        &[
            ("50-y.yml", "rest_api: {port: 50, listen: b}\n"),
            ("10-x.yml", "rest_api: {port: 10}\n"),
        ],
    )
    .load()
    .unwrap();
    let rest_api = &config.settings.rest_api;
    assert_eq!((rest_api.port, rest_api.listen.as_str(), rest_api.num_proxies), (10, "b", 4));
    let Some(Origin::File(path)) = config.origin(&["rest_api", "port"]) else { panic!() };
    assert!(path.ends_with("conf.d/10-x.yml"));
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn other_names_are_left_alone() {
    let site = Site::new(
        "",
        &[
            (".hidden.yml", "debug: true"),
            ("a.yaml", "debug: true"),
            ("b.yml.bak", "debug: true"),
            ("c.YML", "debug: true"),
        ],
    );
    assert!(!site.load().unwrap().settings.process.debug);
}

#[test]
fn lists_of_files_are_joined_in_order() {
    let headers = |items| format!("rest_api: {{cors: {{allow_headers: [{items}]}}}}\n");
    let config = Site::new(&headers("M"), &[("1.yml", &headers("A, B")), ("2.yml", &headers("A"))])
        .load()
        .unwrap();
    assert_eq!(config.settings.rest_api.cors.allow_headers, ["A", "B", "A", "M"]);
}

#[test]
fn a_bad_extra_file_is_skipped_with_a_word() {
    let site = Site::new("", &[("1.yml", "rest_api: [\n"), ("2.yml", "debug: true\n")]);
    fs::create_dir(site.0.path().join("conf.d/3.yml")).unwrap();
    symlink("/nowhere", site.0.path().join("conf.d/4.yml")).unwrap();
    fs::write(site.0.path().join("conf.d/5.yml"), "a: !exec {command: 'false'}\n").unwrap();
    let config = site.load().unwrap();
    assert!(config.settings.process.debug);
    let named: Vec<_> = config
        .warnings
        .iter()
        .map(|warning| warning.split("conf.d/").nth(1).unwrap().split_once(':').unwrap())
        .collect();
    for ((file, said), (expected, words)) in named.iter().zip([
        ("1.yml", "2:1: not valid: "),
        ("3.yml", " cannot be read: "),
        ("4.yml", "No such file"),
        (
            "5.yml",
            "1:4: not valid: a: the !exec command `false` failed: exit status: 1; the file is",
        ),
    ]) {
        assert!(*file == expected && said.contains(words), "{named:?}");
    }
    assert_eq!(named.len(), 4);
}

#[test]
fn a_missing_main_file_is_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let config_file = dir.path().join("none.yml");
    let config = load(&Sources { config_file, flags: Flags::default() }).unwrap();
    assert!(config.warnings[0].contains("none.yml: cannot be read: No such file"));
    assert_eq!(config.settings.rest_api.port, 9497);
}

#[test]
fn a_missing_extra_directory_is_a_warning() {
    let site = Site::new("debug: true\n", &[]);
    fs::remove_dir(site.0.path().join("conf.d")).unwrap();
    let config = site.load().unwrap();
    assert!(config.settings.process.debug);
    assert!(config.warnings[0].contains("conf.d: the directory of extra files"));
}

#[test]
fn an_invalid_main_file_stops_the_start() {
    let error = Site::new("debug: [\n", &[]).load().unwrap_err();
    let sentence = error.to_string();
    assert!(sentence.starts_with('/'), "{sentence}");
    assert!(sentence.contains("config.yml:3:1: not valid: "), "{sentence}");
}

#[test]
fn warnings_survive_an_error() {
    let site = Site::new("log_level: loud\n", &[("1.yml", "[")]);
    let error = site.load().unwrap_err();
    assert!(
        error.to_string().contains("config.yml:2: log_level: it is the text `loud`: "),
        "{error}"
    );
    assert_eq!(error.warnings.len(), 1);
}

#[test]
fn unknown_keys_are_kept_and_a_command_gives_a_value() {
    let config =
        Site::new("acme: {deep: [1]}\nuser: !exec {command: echo me}\n", &[]).load().unwrap();
    assert_eq!(config.tree["acme"], json!({"deep": [1]}));
    assert_eq!(config.settings.process.user.as_deref(), Some("me"));
}
