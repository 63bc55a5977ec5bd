//! Logins through real plugin files.

use serde_json::{Value, json};
use wazo_auth_plugins::{Args, CallError, PluginState};

use crate::support::{
    folder, install_stock, load, load_configured, load_with, log, options, settings,
};

#[test]
fn a_login_through_wazo_user_is_one_of_the_services_users() {
    let folder = folder();
    install_stock(folder.path());
    let (registry, daemon) = load(&settings(folder.path(), &[])).unwrap();
    let backend = registry.backend("wazo_user").unwrap();

    let mut args = Args::from_value(json!({"acl": ["auth.users.me.#"]}));
    assert!(backend.verify_password("alice", "correct", &mut args).unwrap());
    assert!(!backend.verify_password("alice", "wrong", &mut args).unwrap());
    assert!(!backend.verify_password("bob", "correct", &mut args).unwrap());

    // What every user of the service gets is the daemon's to say.
    assert_eq!(backend.get_acl("alice", &mut args).unwrap(), None);
    assert_eq!(backend.get_metadata("alice", &mut args).unwrap(), None);

    let uuid = "a11ce000-0000-4000-8000-000000000001";
    let expected = json!({
        "uuid": uuid, "auth_id": uuid, "pbx_user_uuid": uuid,
        "tenant_uuid": "7e4a47", "xivo_uuid": "platform", "purpose": "user",
    });
    let of_users = &registry.metadata_for("user").unwrap()[0];
    let metadata = of_users.get_token_metadata("alice", &args).unwrap();
    assert_eq!(Value::Object(metadata), expected);
    // wazo_user → host → default_user: three borders deep.
    assert!(backend.get_persistent_metadata("alice", &mut args).unwrap().is_empty());

    let calls = daemon.calls.lock().unwrap();
    assert!(calls.contains(&("default_user".to_owned(), "users.get_by_login".to_owned())));
}

#[test]
fn a_third_partys_backend_needs_nothing_but_its_name() {
    let (registry, _daemon, _folder) = load_with("acme_auth", &["acme"]);
    let acme = registry.backend("acme").unwrap();
    assert!(acme.verify_password("wile", "coyote-1949", &mut Args::new()).unwrap());
    assert!(!acme.verify_password("wile", "coyote", &mut Args::new()).unwrap());
    let metadata = acme.get_metadata("wile", &mut Args::new()).unwrap().unwrap();
    assert_eq!(metadata["auth_id"], "acme:wile");

    let names: Vec<_> = registry.third_party_backends().map(|backend| backend.name()).collect();
    assert_eq!(names, ["acme"]);
}

#[test]
fn its_configuration_arrives_and_a_wrong_one_is_explained() {
    let (registry, _daemon, _folder) = load_configured("acme_auth", &["acme"], |s| {
        options(s, "acme", |acme| acme.config = json!({"users": {"sam": "x"}}));
    });
    let acme = registry.backend("acme").unwrap();
    assert!(acme.verify_password("sam", "x", &mut Args::new()).unwrap());

    let (registry, _daemon, _folder) = load_configured("acme_auth", &["acme"], |s| {
        options(s, "acme", |acme| acme.config = json!({"userz": {}}));
    });
    assert!(registry.backend("acme").is_none());
    assert!(registry.backend_names().any(|name| name == "acme"));
    let report = registry.report().into_iter().find(|report| report.name == "acme").unwrap();
    assert_eq!(report.state, PluginState::Unusable);
    let reason = "it refuses its configuration: unknown field `userz`, expected `users`; \
                  correct plugins.acme.config";
    assert_eq!(report.reason.as_deref(), Some(reason));
}

#[test]
fn broken_stock_plugins_are_listed_and_harm_nobody() {
    let folder = folder();
    install_stock(folder.path());
    let settings = settings(folder.path(), &["broken_init", "broken_verify_password"]);
    let (registry, _daemon) = load(&settings).unwrap();

    let names: Vec<_> = registry.backend_names().collect();
    assert_eq!(names, ["wazo_user", "broken_init", "broken_verify_password"]);
    assert!(registry.backend("broken_init").is_none());
    let line = "ERROR wazo_auth.plugins error calling 'broken_init': \
                it refuses its configuration: missing field `a_key_that_never_exists`; \
                correct plugins.broken_init.config";
    assert!(log::lines().iter().any(|logged| logged == line));
    assert_eq!(registry.third_party_backends().count(), 0);

    let broken = registry.backend("broken_verify_password").unwrap();
    let error = broken.verify_password("alice", "correct", &mut Args::new()).unwrap_err();
    assert!(matches!(&error, CallError::Panicked { text, .. } if text.contains("divide by zero")));
    let sentence = "plugin `broken_verify_password` panicked: attempt to divide by zero; \
                    tell its author";
    assert_eq!(error.to_string(), sentence);

    let wazo_user = registry.backend("wazo_user").unwrap();
    assert!(wazo_user.verify_password("alice", "correct", &mut Args::new()).unwrap());
    let report = registry.report().into_iter().find(|r| r.name == "broken_verify_password");
    assert_eq!(report.map(|report| report.panics), Some(1));
}
