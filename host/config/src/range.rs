//! Values of the right type that still make no sense. The daemon starts with
//! most of them, and then does not do what somebody meant.

use std::path::Path;

use serde_json::{Map, Value};

use crate::finding::Severity::{self, Mistake, Warning};
use crate::{DbUri, PluginOptions, Settings, known, layer};

/// A key, and what is wrong with its value.
pub(crate) type Wrong = (Severity, Vec<String>, String);

/// Numbers that may be zero by their type only.
const ABOVE_ZERO: &[&str] = &[
    "default_token_lifetime",
    "max_user_concurrent_sessions",
    "password_reset_expiration",
    "email_confirmation_expiration",
    "smtp.port",
    "consul.port",
    "service_discovery.advertise_port",
    "service_discovery.ttl_interval",
    "service_discovery.refresh_interval",
    "service_discovery.retry_interval",
    "saml.saml_login_timeout_seconds",
    "saml.saml_session_lifetime_seconds",
];

/// Texts of which only these mean something.
const CHOICES: &[(&str, &[&str])] = &[
    ("bootstrap_user_purpose", &["user", "internal", "external_api"]),
    ("consul.scheme", &["http", "https"]),
];

const DIGEST_DIGITS: usize = 64;

/// All such values.
pub(crate) fn check(settings: &Settings, tree: &Map<String, Value>) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    numbers(tree, &mut wrong);
    choices(tree, &mut wrong);
    paths(settings, &mut wrong);
    half_a_pair(settings, &mut wrong);
    mail_login(settings, &mut wrong);
    metadata_names(settings, &mut wrong);
    for (name, options) in &settings.plugins.options {
        plugin(settings, name, options, &mut wrong);
    }
    wrong
}

fn numbers(tree: &Map<String, Value>, wrong: &mut Vec<Wrong>) {
    for key in ABOVE_ZERO {
        let path = path(key);
        if layer::lookup(tree, &path).and_then(Value::as_u64) == Some(0) {
            wrong.push((Mistake, path, "it is `0`: a whole number above 0 is expected".to_owned()));
        }
    }
}

fn choices(tree: &Map<String, Value>, wrong: &mut Vec<Wrong>) {
    for (key, allowed) in CHOICES {
        let path = path(key);
        let Some(text) = layer::lookup(tree, &path).and_then(Value::as_str) else { continue };
        if !allowed.contains(&text) {
            let (text, allowed) = (text.escape_debug(), allowed.join(", "));
            let sentence = format!("it is the text `{text}`: one of {allowed} is expected");
            wrong.push((Mistake, path, sentence));
        }
    }
}

/// What a relative path means depends on where somebody stands who starts the
/// daemon.
fn paths(settings: &Settings, wrong: &mut Vec<Wrong>) {
    let mut check = |key: &[&str], path: &Path| {
        let example = if key == ["db_uri"] { ", as in sqlite:////var/lib/file.db" } else { "" };
        if path.is_relative() && !path.as_os_str().is_empty() {
            let sentence = format!(
                "`{}` is a relative path, which depends on the folder that the daemon is started \
                 in: write it from / on{example}",
                path.display()
            );
            wrong.push((Mistake, key.iter().map(|&step| step.to_owned()).collect(), sentence));
        }
    };
    let (database, api) = (&settings.database, &settings.rest_api);
    check(&["log_filename"], &settings.process.log_filename);
    if let DbUri::Sqlite(path) = &database.uri {
        check(&["db_uri"], path);
    }
    check(&["token_key_file"], &database.token_key_file);
    for (key, file) in [("certificate", &api.certificate), ("private_key", &api.private_key)] {
        file.iter().for_each(|file| check(&["rest_api", key], file));
    }
    let ca_file = settings.smtp.as_ref().and_then(|smtp| smtp.ca_file.as_ref());
    ca_file.iter().for_each(|file| check(&["smtp", "ca_file"], file));
    for (index, dir) in settings.plugins.dirs.iter().enumerate() {
        check(&["plugin_dirs", &index.to_string()], dir);
    }
    for (name, options) in &settings.plugins.options {
        options.path.iter().for_each(|path| check(&["plugins", name, "path"], path));
    }
}

fn half_a_pair(settings: &Settings, wrong: &mut Vec<Wrong>) {
    let api = &settings.rest_api;
    let (there, missing) = match (&api.certificate, &api.private_key) {
        (Some(_), None) => ("certificate", "private_key"),
        (None, Some(_)) => ("private_key", "certificate"),
        _ => return,
    };
    let sentence =
        format!("it has no effect without `rest_api.{missing}`: set both, or neither of them");
    wrong.push((Mistake, path(&format!("rest_api.{there}")), sentence));
}

/// As the plugin itself says when it is started.
fn mail_login(settings: &Settings, wrong: &mut Vec<Wrong>) {
    let Some(smtp) = &settings.smtp else { return };
    let (there, sentence) = match (&smtp.username, &smtp.password) {
        (Some(_), None) => ("username", "it has no effect without `smtp.password`"),
        (None, Some(_)) => ("password", "it has no effect without `smtp.username`"),
        (Some(_), Some(_)) if smtp.tls.is_none() => (
            "username",
            "the password would be sent in clear: set `smtp.tls` to `starttls` or `implicit`",
        ),
        _ => return,
    };
    wrong.push((Mistake, path(&format!("smtp.{there}")), sentence.to_owned()));
}

fn metadata_names(settings: &Settings, wrong: &mut Vec<Wrong>) {
    let plugins = &settings.plugins;
    let on = |name: &str| plugins.metadata.get(name).copied().unwrap_or_default();
    for (purpose, names) in &plugins.purpose_metadata {
        for (index, name) in names.iter().enumerate().filter(|(_, name)| !on(name)) {
            let enabled = plugins.metadata.keys().map(String::as_str).filter(|name| on(name));
            let hint = known::alike(name, enabled)
                .map_or_else(|| "enable it".to_owned(), |name| format!("is `{name}` meant?"));
            let sentence = format!(
                "`{}` is no plugin that `enabled_metadata_plugins` enables: {hint}",
                name.escape_debug()
            );
            let steps = ["purpose_metadata_mapping", purpose, &index.to_string()];
            wrong.push((Mistake, steps.map(str::to_owned).to_vec(), sentence));
        }
    }
}

fn plugin(settings: &Settings, name: &str, options: &PluginOptions, wrong: &mut Vec<Wrong>) {
    let key = |key: &str| vec!["plugins".to_owned(), name.to_owned(), key.to_owned()];
    if options.timeout.is_zero() {
        let sentence = "it is `0`: a number of seconds above 0 is expected";
        wrong.push((Mistake, key("timeout"), sentence.to_owned()));
    }
    if let Some(digest) = &options.sha256 {
        let digits = digest.trim();
        if digits.len() != DIGEST_DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            let sentence = format!(
                "it is no SHA-256 digest, which has {DIGEST_DIGITS} hexadecimal digits: \
                 `sha256sum FILE` prints it"
            );
            wrong.push((Mistake, key("sha256"), sentence));
        }
    }
    let plugins = &settings.plugins;
    let names = plugins.backend.iter().chain(&plugins.metadata).chain(&plugins.external_auth);
    let mut names = names.chain(&plugins.http).map(|(enabled, on)| (enabled, *on));
    let is_idp = plugins.idp.get(name).is_some_and(|idp| idp.enabled);
    let is_enabled = is_idp
        || plugins.email_notification == name
        || names.any(|(enabled, on)| on && enabled == name);
    if !is_enabled {
        let names = plugins.backend.keys().chain(plugins.metadata.keys());
        let hint = match known::alike(name, names.map(String::as_str).filter(|n| *n != name)) {
            Some(name) => format!("is `{name}` meant?"),
            None => format!("`enabled_backend_plugins: {{{name}: true}}` enables a backend"),
        };
        let sentence = format!("no plugin of this name is enabled: {hint}");
        wrong.push((Warning, vec!["plugins".to_owned(), name.to_owned()], sentence));
    }
}

fn path(key: &str) -> Vec<String> {
    key.split('.').map(str::to_owned).collect()
}
