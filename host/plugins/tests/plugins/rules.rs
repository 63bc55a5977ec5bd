//! Which plugins the daemon starts with, and without.

use std::{fs, path::Path};

use serde_json::json;
use wazo_auth_plugins::{LoadError, PluginOptions, PluginState, Registry, Settings};

use crate::support::{
    folder, install, install_stock, load, load_configured, log, options, settings, stock_dir,
    third_party,
};

fn refusal(settings: &Settings) -> LoadError {
    load(settings).err().unwrap()
}

fn metadata_names(registry: &Registry, purpose: &str) -> Vec<String> {
    let plugins = registry.metadata_for(purpose).unwrap();
    plugins.iter().map(|plugin| plugin.name().to_owned()).collect()
}

#[test]
fn enabled_but_not_installed_is_an_error_in_the_log_only() {
    let folder = folder();
    install_stock(folder.path());
    let (registry, _daemon) = load(&settings(folder.path(), &["ldap_user", "road"])).unwrap();
    assert_eq!(registry.backend_names().collect::<Vec<_>>(), ["wazo_user"]);
    let line = "ERROR wazo_auth.plugins enabled backend plugins are not installed: \
                ldap_user, road (no .so in plugin_dirs offers them)";
    assert!(log::lines().iter().any(|logged| logged == line));
    let states: Vec<_> = registry
        .report()
        .into_iter()
        .filter(|report| report.state == PluginState::NotInstalled)
        .map(|report| report.name)
        .collect();
    assert_eq!(states, ["ldap_user", "road"]);
}

#[test]
fn a_backend_named_like_a_method_of_the_daemon_is_refused() {
    let folder = folder();
    install_stock(folder.path());
    let (registry, _daemon) = load(&settings(folder.path(), &["native"])).unwrap();
    assert_eq!(registry.backend_names().collect::<Vec<_>>(), ["wazo_user"]);
    let report = registry.report().into_iter().find(|report| report.name == "native").unwrap();
    assert_eq!(report.state, PluginState::Refused);
}

#[test]
fn without_wazo_user_the_daemon_does_not_start() {
    let folder = folder();
    install_stock(folder.path());
    let mut settings = settings(folder.path(), &["broken_verify_password"]);
    settings.enabled_backends.insert("wazo_user".to_owned(), false);
    let error = refusal(&settings);
    assert!(matches!(&error, LoadError::Required { name, .. } if name == "wazo_user"), "{error}");
    assert!(error.to_string().contains("set enabled_backend_plugins.wazo_user to true"));

    // Installed, but it cannot start.
    settings.enabled_backends.insert("wazo_user".to_owned(), true);
    options(&mut settings, "wazo_user", |wazo_user| wazo_user.config = json!({"typo": 1}));
    let error = refusal(&settings);
    assert!(error.to_string().contains("unknown field `typo`"), "{error}");
}

#[test]
fn when_nothing_enabled_can_be_loaded_the_daemon_does_not_start() {
    let folder = folder();
    let error = refusal(&settings(folder.path(), &[]));
    assert!(matches!(error, LoadError::NoneLoaded { kind: "metadata", .. }), "{error}");
}

#[test]
fn two_files_with_one_name_are_an_error_that_names_both() {
    let folder = folder();
    install_stock(folder.path());
    let first = install(&third_party("acme_auth"), folder.path(), "libacme_auth.so");
    let second = install(&third_party("acme_auth"), folder.path(), "libcopy.so");
    let mut settings = settings(folder.path(), &["acme"]);
    let text = refusal(&settings).to_string();
    assert!(text.contains(first.to_str().unwrap()) && text.contains(second.to_str().unwrap()));

    // Nobody asks for it, or one is chosen: no conflict.
    options(&mut settings, "acme", |acme| acme.path = Some(second.clone()));
    let (registry, _daemon) = load(&settings).unwrap();
    let report = registry.report();
    let acme = report.iter().find(|report| report.name == "acme").unwrap();
    assert_eq!(acme.file.as_deref(), Some(second.canonicalize().unwrap().as_path()));
    settings.plugins.clear();
    settings.enabled_backends.insert("acme".to_owned(), false);
    load(&settings).unwrap();
}

#[test]
fn the_same_folder_twice_is_no_conflict() {
    let folder = folder();
    install_stock(folder.path());
    let mut settings = settings(folder.path(), &[]);
    settings.plugin_dirs.push(folder.path().join("."));
    load(&settings).unwrap();
}

#[test]
fn a_configured_path_must_offer_the_plugin() {
    let folder = folder();
    install_stock(folder.path());
    let mut settings = settings(folder.path(), &["acme"]);
    options(&mut settings, "acme", |acme| {
        acme.path = Some(stock_dir().join("libbroken_init.so"));
    });
    let (registry, _daemon) = load(&settings).unwrap();
    let report = registry.report().into_iter().find(|report| report.name == "acme").unwrap();
    let reason = report.reason.unwrap();
    let expected = "offers backend `broken_init`, but no backend plugin `acme`";
    assert!(reason.contains(expected), "{reason}");
}

#[test]
fn identities_belong_to_enabled_backends() {
    let configure = |settings: &mut Settings| {
        let plugins = json!({
            "acme": {"identities": {"tenant": "acme", "max_acl": ["dird.#"]}},
            "other": {"identities": {"tenant": "other", "max_acl": []}},
        });
        settings.plugins = serde_json::from_value(plugins).unwrap();
    };
    let (registry, _daemon, _folder) = load_configured("acme_auth", &["acme"], configure);
    let identities = registry.identities("acme").unwrap();
    assert_eq!((&*identities.tenant, &*identities.max_acl), ("acme", &["dird.#".to_owned()][..]));
    assert!(registry.identities("other").is_none());
}

#[test]
fn metadata_plugins_speak_in_order_and_once() {
    let folder = folder();
    install_stock(folder.path());
    let mut settings = settings(folder.path(), &[]);
    settings.enabled_metadata.insert("user_admin_status".to_owned(), true);
    let mapping = json!({
        "user": ["user_admin_status", "unknown", "default_user", "user_admin_status"],
        "martian": ["default_user"],
    });
    settings.purpose_metadata_mapping = serde_json::from_value(mapping).unwrap();
    let (registry, _daemon) = load(&settings).unwrap();
    assert_eq!(metadata_names(&registry, "user"), ["default_user", "user_admin_status"]);
    assert_eq!(metadata_names(&registry, "internal"), ["default_internal"]);
    assert!(registry.metadata_for("martian").is_none());
    for said in ["there is no purpose `martian`", "no enabled metadata plugin `unknown`"] {
        let warned = |line: &String| line.starts_with("WARN") && line.contains(said);
        assert!(log::lines().iter().any(warned), "{said}");
    }
}

#[test]
fn without_its_default_plugin_a_purpose_has_no_metadata() {
    let folder = folder();
    install_stock(folder.path());
    let mut settings = settings(folder.path(), &[]);
    settings.enabled_metadata.insert("default_internal".to_owned(), false);
    let (registry, _daemon) = load(&settings).unwrap();
    assert!(registry.metadata_for("internal").is_none());
    assert_eq!(metadata_names(&registry, "external_api"), ["default_external_api"]);
}

#[test]
fn a_misspelt_pin_is_an_error() {
    let options = serde_json::from_value::<Settings>(json!({"plugins": {"a": {"sha265": "…"}}}));
    assert!(options.unwrap_err().to_string().contains("unknown field `sha265`"));
}

#[test]
fn a_missing_folder_is_said_in_the_log() {
    let folder = folder();
    install_stock(folder.path());
    let mut settings = settings(folder.path(), &[]);
    settings.plugin_dirs.push(Path::new("/nonexistent/plugins").to_owned());
    load(&settings).unwrap();
    assert!(log::lines().iter().any(|line| line.contains("/nonexistent/plugins")));
}

/// What is found without running anything is what loading finds.
fn assert_foreseen(settings: &Settings, state: PluginState, reason: &str) {
    let survey = Registry::survey(settings);
    let foreseen = survey.iter().find(|report| report.name == "acme").unwrap();
    let text = foreseen.reason.as_deref().unwrap();
    assert_eq!(foreseen.state, state, "{text}");
    assert!(text.contains(reason), "{text}");
    let loaded = match load(settings) {
        Ok((registry, _daemon)) => {
            let report = registry.report();
            report.into_iter().find(|report| report.name == "acme").unwrap().reason.unwrap()
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(text, loaded);
}

#[test]
fn what_would_be_refused_is_foreseen() {
    let folder = folder();
    install_stock(folder.path());
    let library = install(&third_party("acme_auth"), folder.path(), "libacme_auth.so");
    let plain = settings(folder.path(), &["acme"]);
    let survey = Registry::survey(&plain);
    let acme = survey.iter().find(|report| report.name == "acme").unwrap();
    assert_eq!((acme.state, acme.reason.as_deref()), (PluginState::Enabled, None));
    let file = library.canonicalize().unwrap();
    assert_eq!(acme.file.as_deref(), Some(&*file));

    let refused = |change: &dyn Fn(&mut PluginOptions), reason: &str| {
        let mut settings = plain.clone();
        options(&mut settings, "acme", change);
        assert_foreseen(&settings, PluginState::Refused, reason);
    };
    refused(&|acme| acme.sha256 = Some("0".repeat(64)), "has the SHA-256 digest");
    refused(&|acme| acme.timeout = 0.0, "plugins.acme.timeout is 0");
    refused(&|acme| acme.max_concurrent_calls = 0, "plugins.acme.max_concurrent_calls is 0");
    let other = folder.path().join("libbroken_init.so");
    refused(&|acme| acme.path = Some(other.clone()), "no backend plugin `acme`");
    refused(&|acme| acme.path = Some("/nowhere.so".into()), "there is no file /nowhere.so");

    install(&library, folder.path(), "libcopy.so");
    assert_foreseen(&plain, PluginState::Refused, "two files offer the backend plugin `acme`");
    fs::remove_file(folder.path().join("libcopy.so")).unwrap();
    fs::remove_file(library).unwrap();
    assert_foreseen(&plain, PluginState::NotInstalled, "no file in plugin_dirs offers it");
}
