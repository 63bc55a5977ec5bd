//! Plugins that misbehave, in a real file.

use serde_json::json;
use wazo_auth_plugins::{Args, CallError, PluginState, Registry};

use crate::support::{load_with, log};

fn verify(registry: &Registry, backend: &str, login: &str) -> Result<bool, CallError> {
    registry.backend(backend).unwrap().verify_password(login, "right", &mut Args::new())
}

fn panicked(error: &CallError) -> &str {
    match error {
        CallError::Panicked { text, .. } => text,
        other => panic!("not a panic: {other}"),
    }
}

#[test]
fn every_panic_ends_with_its_call() {
    let (registry, _daemon, _folder) = load_with("hostile", &["panics", "panics_in_new"]);
    let panic_of = |login| panicked(&verify(&registry, "panics", login).unwrap_err()).to_owned();
    assert_eq!(panic_of("literal"), "a literal");
    assert_eq!(panic_of("formatted"), "formatted for 9");
    assert!(panic_of("index").contains("out of bounds"));
    assert_eq!(panic_of("payload"), "a panic without a message");
    assert_eq!(verify(&registry, "panics", "nothing"), Ok(true));

    let report = registry.report().into_iter().find(|report| report.name == "panics_in_new");
    let report = report.unwrap();
    assert_eq!(report.state, PluginState::Unusable);
    let reason = "its constructor panicked: the constructor panics; tell its author";
    assert_eq!(report.reason.as_deref(), Some(reason));

    let hook = |line: &String| {
        line.starts_with("ERROR wazo_auth.plugin.panics panic: panicked at src/lib.rs:")
            && line.ends_with("a literal")
    };
    assert!(log::lines().iter().any(hook));

    drop(registry);
    let destructor = |line: &String| line.ends_with("the destructor panics");
    assert!(log::lines().iter().any(destructor));
}

#[test]
fn what_was_written_before_a_panic_is_lost() {
    let (registry, _daemon, _folder) = load_with("hostile", &["panics"]);
    let backend = registry.backend("panics").unwrap();
    let mut args = Args::new();
    backend.verify_password("literal", "", &mut args).unwrap_err();
    assert!(args.get("lost").is_none());
    backend.verify_password("nothing", "", &mut args).unwrap();
    assert_eq!(args.get("lost"), Some(&json!(true)));
}

#[test]
fn a_panic_of_the_daemon_does_not_cross_the_plugin() {
    let (registry, _daemon, _folder) = load_with("hostile", &["panics"]);
    let error = verify(&registry, "panics", "in the host").unwrap_err();
    let sentence = "plugin `panics` failed: the daemon failed in `test.panic`, its log says why";
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn answers_beyond_the_bounds_are_not_used() {
    let (registry, _daemon, _folder) = load_with("hostile", &["floods"]);
    let floods = registry.backend("floods").unwrap();
    let too_long = floods.get_acl("x", &mut Args::new()).unwrap_err();
    assert!(matches!(&too_long, CallError::BadReply { text, .. } if text.contains("1048576")));
    let too_deep = floods.get_metadata("x", &mut Args::new()).unwrap_err();
    assert!(matches!(&too_deep, CallError::BadReply { text, .. } if text.contains("64 levels")));
    let failure = floods.verify_password("x", "", &mut Args::new()).unwrap_err();
    assert!(failure.to_string().len() < 5000);
}

#[test]
fn failures_keep_their_kind_and_missing_methods_get_their_default() {
    let (registry, daemon, _folder) = load_with("hostile", &["asks"]);
    let asks = registry.backend("asks").unwrap();
    let error = verify(&registry, "asks", "test.not_found").unwrap_err();
    assert!(matches!(error, CallError::NotFound { .. }), "{error}");
    let error = verify(&registry, "asks", "test.of_a_later_daemon").unwrap_err();
    let sentence = "plugin `asks` failed: this daemon has no service `test.of_a_later_daemon`";
    assert_eq!(error.to_string(), sentence);
    let line = "WARN wazo_auth.plugin.asks hostile: asking for test.not_found";
    assert!(log::lines().iter().any(|logged| logged == line));
    let error = asks.get_persistent_metadata("sam", &mut Args::new()).unwrap_err();
    assert!(matches!(error, CallError::Unauthorized { .. }), "{error}");

    let mut args = Args::from_value(json!({"acl": ["a.b"]}));
    assert_eq!(asks.get_acl("sam", &mut args).unwrap(), None);
    assert_eq!(asks.get_metadata("sam", &mut args).unwrap(), None);

    asks.verify_password("test.callback", "", &mut args).unwrap();
    assert_eq!(args.get("answer"), Some(&json!({"done": true})));
    let calls = daemon.calls.lock().unwrap();
    assert!(calls.iter().all(|(plugin, _)| plugin == "asks"));
}

#[test]
fn a_plugin_does_not_say_what_nobody_reads() {
    let (registry, _daemon, _folder) = load_with("hostile", &["asks"]);
    let mut args = Args::new();
    registry.backend("asks").unwrap().verify_password("log level", "", &mut args).unwrap();
    assert_eq!(args.get("answer"), Some(&json!("INFO")));
}
