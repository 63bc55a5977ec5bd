use std::time::Duration;

use serde_json::json;

use super::*;
use crate::layer::Origin;
use crate::{config, merge, yaml};

/// The settings with these files over the defaults, the highest first.
fn read(files: &[&str]) -> Result<Settings, String> {
    let mut layers: Vec<Layer> = files
        .iter()
        .enumerate()
        .map(|(i, text)| Layer {
            origin: Origin::File(format!("{i}.yml").into()),
            tree: yaml::parse(text.as_bytes()).unwrap().tree,
        })
        .collect();
    layers.push(config::defaults().unwrap());
    Settings::read(&merge::merge(&layers), &layers).map_err(|error| error.to_string())
}

fn error(file: &str) -> String {
    read(&[file]).unwrap_err()
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.process.user.as_deref(), Some("wazo-auth"));
    assert_eq!(settings.process.effective_log_level(), crate::Level::Info);
    assert_eq!(settings.rest_api.listen, "127.0.0.1");
    assert_eq!(settings.rest_api.port, 9497);
    assert_eq!(settings.rest_api.certificate_files(), None);
    assert_eq!(settings.rest_api.cors.allow_headers.len(), 5);
    assert_eq!(settings.database.uri, DbUri::Sqlite("/var/lib/wazo-auth/auth.db".into()));
    assert_eq!(settings.database.connect_retry_timeout, Duration::from_secs(300));
    assert!(settings.database.seal_tokens);
    assert_eq!(settings.tokens.default_lifetime, 7200);
    assert_eq!(settings.tokens.cleanup_interval, Duration::from_secs(60));
    assert_eq!(settings.tokens.default_user_policy, None);
    // Those of the contract, and our page to read the API's description in.
    assert_eq!(settings.plugins.http.len(), 23 + 1);
    assert!(settings.plugins.http["api_page"]);
    assert!(!settings.plugins.http["user_registration"]);
    assert_eq!(settings.plugins.idp["ldap"], IdpPlugin { enabled: true, priority: 2 });
    assert_eq!(settings.bootstrap_user.password, None);
    let google = settings.external_auth.google.unwrap();
    assert_eq!(google["scope"].as_array().unwrap().len(), 2);
}

#[test]
fn a_negative_cleanup_interval_disables_the_cleanup() {
    let settings = read(&["token_cleanup_interval: -1"]).unwrap();
    assert_eq!(settings.tokens.cleanup_interval, Duration::ZERO);
    assert!(
        error("token_cleanup_interval: soon")
            .contains("token_cleanup_interval: it is the text `soon`: a number is")
    );
}

#[test]
fn booleans_take_the_spellings_of_operators() {
    let file = "debug: yes\nseal_tokens: 'Off'\nbootstrap_user_on_startup: ON\n\
                enabled_backend_plugins: {acme: yes, ldap_user: no}\n\
                idp_plugins: {acme: {enabled: on}}\nupdate_policy_on_startup:\n";
    let settings = read(&[file]).unwrap();
    assert!(settings.process.debug);
    assert_eq!(settings.process.effective_log_level(), crate::Level::Debug);
    assert!(!settings.database.seal_tokens);
    assert!(settings.bootstrap_user.on_startup);
    assert!(settings.plugins.backend["acme"]);
    assert!(!settings.plugins.backend["ldap_user"]);
    assert_eq!(settings.plugins.idp["acme"], IdpPlugin { enabled: true, priority: 100 });
    assert!(!settings.policies.update_on_startup);
}

#[test]
fn plugins_come_in_the_order_of_the_files() {
    let first = "enabled_backend_plugins: {zeta: true}\n";
    let second = "enabled_backend_plugins: {alpha: true, zeta: false}\n";
    let settings = read(&[first, second]).unwrap();
    let names: Vec<_> = settings.plugins.backend.iter().collect();
    let expected = [("zeta", true), ("alpha", true), ("ldap_user", true), ("wazo_user", true)];
    assert!(names.iter().map(|(name, on)| (name.as_str(), **on)).eq(expected), "{names:?}");
}

#[test]
fn a_plugin_says_what_it_needs_or_nothing() {
    let file = "plugins:\n  acme:\n    path: /opt/acme.so\n    isolation: process\n    timeout: 0.5\n    \
                config: {url: https://id, pin: 7}\n    identities: {tenant: master}\n  plain:\n";
    let settings = read(&[file]).unwrap();
    let acme = &settings.plugins.options["acme"];
    assert_eq!(acme.path.as_deref(), Some("/opt/acme.so".as_ref()));
    assert_eq!(acme.isolation, Isolation::Process);
    assert_eq!(acme.timeout, Duration::from_millis(500));
    assert_eq!(acme.max_concurrent_calls, 8);
    assert_eq!(acme.config.expose(), &json!({"url": "https://id", "pin": 7}));
    assert_eq!(acme.identities.as_ref().unwrap().tenant, "master");
    assert_eq!(settings.plugins.options["plain"], PluginOptions::default());
    assert_eq!(PluginOptions::default().config.expose(), &json!({}));
}

#[test]
fn sections_may_be_emptied() {
    let file = "smtp:\nconsul:\namqp: null\nplugin_dirs:\nenabled_http_plugins:\nuser: ''\n\
                rest_api: {cors: null}\ndefault_policies:\n";
    let settings = read(&[file]).unwrap();
    assert_eq!((settings.smtp, settings.consul, settings.amqp), (None, None, None));
    assert!(settings.plugins.dirs.is_empty() && settings.plugins.http.is_empty());
    assert_eq!(settings.process.user, None);
    assert!(!settings.rest_api.cors.enabled);
}

#[test]
fn further_cors_settings_are_kept() {
    let settings = read(&["rest_api: {cors: {origins: [https://a], max_age: 5}}"]).unwrap();
    let others = Value::Object(settings.rest_api.cors.others);
    assert_eq!(others, json!({"origins": ["https://a"], "max_age": 5}));
}

#[test]
fn unknown_keys_are_no_error() {
    assert!(read(&["acme: {x: [1]}\nrest_api: {flavour: mint}\n"]).is_ok());
}

#[test]
fn a_wrong_type_is_one_sentence() {
    assert_eq!(
        error("rest_api: {port: http}"),
        "0.yml: rest_api.port: it is the text `http`: a whole number from 0 to 65535 is expected"
    );
    for (file, sentence) in [
        (
            "rest_api: {port: 99999}",
            "0.yml: rest_api.port: it is `99999`: a whole number from 0 to",
        ),
        ("rest_api: 5", "0.yml: rest_api: it is `5`: a mapping is expected"),
        (
            "rest_api: {max_threads: 0}",
            "0.yml: rest_api.max_threads: it is `0`: a whole number above 0",
        ),
        (
            "rest_api: {timeouts: {head: 0}}",
            "0.yml: rest_api.timeouts.head: it is `0`: a number of seconds above 0",
        ),
        (
            "rest_api: {tls: magic}",
            "rest_api.tls: it is the text `magic`: `self_signed` is expected",
        ),
        ("debug: maybe", "0.yml: debug: it is the text `maybe`: true or false is expected"),
        ("user: [a]", "0.yml: user: it is a list: a text is expected"),
        ("log_filename: {}", "0.yml: log_filename: it is a mapping: a path is expected"),
        ("log_level: loud", "0.yml: log_level: it is the text `loud`: critical, error, warning,"),
        ("log_level:", "0.yml: log_level: it is nothing (null): a text is expected"),
        (
            "db_connect_retry_timeout_seconds: -1",
            "timeout_seconds: it is `-1`: a number of seconds, 0 or more is expected",
        ),
        (
            "enabled_http_plugins: {users: 2}",
            "0.yml: enabled_http_plugins.users: it is `2`: true or",
        ),
        (
            "enabled_http_plugins: [users]",
            "0.yml: enabled_http_plugins: it is a list: a mapping is",
        ),
        ("plugin_dirs: [/a, 5]", "0.yml: plugin_dirs.1: it is `5`: a path is expected"),
        (
            "plugins: {a: {isolation: cage}}",
            "0.yml: plugins.a.isolation: it is the text `cage`: `in_process` or `process` is expected",
        ),
        (
            "plugins: {a: {isolation: 5}}",
            "0.yml: plugins.a.isolation: it is `5`: a text is expected",
        ),
        ("plugins: {a: {identities: {}}}", "0.yml: plugins.a.identities.tenant: it is missing"),
    ] {
        let error = error(file);
        assert!(error.contains(sentence), "{error}");
    }
}

#[test]
fn the_file_that_hides_defaults_is_named() {
    assert_eq!(
        read(&["rest_api: {port: 1}", "rest_api:"]).unwrap_err(),
        "1.yml: rest_api.listen: it has no value, because this line sets a section to nothing and so \
         hides its defaults: remove the line"
    );
}

#[test]
fn the_file_that_wins_is_named() {
    let error = read(&["rest_api: {listen: x}", "rest_api: {port: x}", "rest_api: {port: 1}"]);
    assert!(error.unwrap_err().starts_with("1.yml: rest_api.port: "));
}

#[test]
fn secrets_are_in_no_message() {
    for file in [
        "db_uri: mysql://wazo:swordfish@db/wazo",
        "db_uri: sqlite:///swordfish?mode=ro",
        "bootstrap_user_password: [swordfish]",
        "bootstrap_user_password: 4155747",
        "amqp: {uri: {a: swordfish}}",
        "consul: {token: [swordfish]}",
        "plugins: {a: {config: {password: swordfish}, timeout: x}}",
    ] {
        let error = error(file);
        assert!(!error.contains("swordfish") && !error.contains("4155747"), "{error}");
    }
    let file = "db_uri: postgresql://wazo:swordfish@db/wazo\nbootstrap_user_password: swordfish\n\
                consul: {token: swordfish}\namqp: {uri: swordfish}\n\
                plugins: {a: {config: {password: swordfish}}}\n";
    let settings = read(&[file]).unwrap();
    assert_eq!(settings.bootstrap_user.password.as_ref().unwrap().expose(), "swordfish");
    assert!(!format!("{settings:?}").contains("swordfish"));
}

#[test]
fn a_database_is_a_file_or_a_server() {
    let path = |uri: &str| match uri.parse() {
        Ok(DbUri::Sqlite(path)) => path.to_string_lossy().into_owned(),
        other => panic!("{uri} is {other:?}"),
    };
    assert_eq!(path("sqlite:////var/lib/a.db"), "/var/lib/a.db");
    assert_eq!(path("sqlite:///a.db"), "a.db");
    for uri in
        ["postgresql://a:b@c/d?application_name=x", "postgres:///d", "postgresql+psycopg2://"]
    {
        assert_eq!(uri.parse(), Ok(DbUri::Postgresql(Secret::new(uri.to_owned()))));
    }
    for (uri, error) in [
        ("sqlite://", DbUriError::NoPath),
        ("sqlite:///", DbUriError::NoPath),
        ("sqlite:///:memory:", DbUriError::NoPath),
        ("sqlite://a.db", DbUriError::NoPath),
        ("sqlite:////a.db?mode=ro", DbUriError::Parameters),
        ("/var/lib/a.db", DbUriError::Scheme),
        ("mysql://a", DbUriError::Scheme),
    ] {
        assert_eq!(uri.parse::<DbUri>(), Err(error), "{uri}");
    }
}
