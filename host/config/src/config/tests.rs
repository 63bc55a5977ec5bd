use serde_json::json;

use super::*;
use crate::{Flags, Level};

fn config(file: &str) -> Config {
    let layer = Layer {
        origin: Origin::File("a.yml".into()),
        tree: yaml::parse(file.as_bytes()).unwrap().tree,
    };
    Config::merge(vec![layer, defaults().unwrap()], Vec::new()).unwrap()
}

#[test]
fn the_tree_shows_the_level_as_a_number() {
    let config = config("log_level: Warning\n");
    assert_eq!(config.tree["log_level"], json!(30));
    assert_eq!(config.settings.process.log_level, Level::Warning);
}

#[test]
fn the_tree_shows_booleans_however_spelt() {
    let config = config("debug: yes\nenabled_backend_plugins: {acme: on}\nuser: 'no'\nacme: off\n");
    assert_eq!(config.tree["debug"], json!(true));
    assert_eq!(config.tree["enabled_backend_plugins"]["acme"], json!(true));
    assert_eq!(config.tree["user"], json!("no"));
    assert_eq!(config.tree["acme"], json!("off"));
}

#[test]
fn a_value_knows_its_origin() {
    let config = config("rest_api: {port: 1}\nsmtp:\n");
    let file = Origin::File("a.yml".into());
    assert_eq!(config.origin(&["rest_api", "port"]), Some(&file));
    assert_eq!(config.origin(&["rest_api", "listen"]), Some(&Origin::Defaults));
    assert_eq!(config.origin(&["smtp", "port"]), Some(&file));
    assert_eq!(config.origin(&["nothing"]), None);
    assert!(!config.is_set(&["db_uri"]));
}

#[test]
fn the_command_line_wins() {
    let flags = Flags {
        user: Some("nobody".to_owned()),
        debug: true,
        log_level: Some("ERROR".to_owned()),
        db_upgrade_on_startup: true,
        listen_port: Some(1234),
        log_file: Some("/dev/null".into()),
    };
    let file = "user: x\ndebug: false\nlog_level: info\nrest_api: {port: 1, listen: '::1'}\n";
    let layers = vec![
        flags.layer("/etc/main.yml".as_ref()),
        Layer {
            origin: Origin::File("a.yml".into()),
            tree: yaml::parse(file.as_bytes()).unwrap().tree,
        },
        defaults().unwrap(),
    ];
    let Config { settings, tree, .. } = Config::merge(layers, Vec::new()).unwrap();
    assert_eq!(settings.process.user.as_deref(), Some("nobody"));
    assert!(settings.process.debug && settings.database.upgrade_on_startup);
    assert_eq!(settings.process.log_level, Level::Error);
    assert_eq!(settings.process.log_filename, PathBuf::from("/dev/null"));
    assert_eq!((settings.rest_api.port, settings.rest_api.listen.as_str()), (1234, "::1"));
    assert_eq!(tree["config_file"], json!("/etc/main.yml"));
}

#[test]
fn a_switch_that_is_off_leaves_the_files_alone() {
    let layers = vec![
        Flags::default().layer("/etc/main.yml".as_ref()),
        Layer {
            origin: Origin::File("a".into()),
            tree: json!({"debug": true}).as_object().unwrap().clone(),
        },
        defaults().unwrap(),
    ];
    assert!(Config::merge(layers, Vec::new()).unwrap().settings.process.debug);
}
