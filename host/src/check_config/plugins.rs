//! The libraries of plugins.

use std::fs;

use indexmap::IndexMap;
use wazo_auth_config::{Checked, Origin, Settings, alike};
use wazo_auth_plugins::{PluginReport, PluginState, Registry};

use crate::setup;

const BACKENDS: &str = "enabled_backend_plugins";
const METADATA: &str = "enabled_metadata_plugins";
const HTTP: &str = "enabled_http_plugins";
const EMAIL_NOTIFICATION: &str = "email_notification_plugin";
/// Each kind of plugin, and the key that enables those of it.
const KINDS: [(&str, &str); 6] = [
    ("email_notification", EMAIL_NOTIFICATION),
    ("metadata", METADATA),
    ("backend", BACKENDS),
    ("identity_provider", "idp_plugins"),
    ("http", HTTP),
    ("external_auth", "enabled_external_auth_plugins"),
];
/// The daemon does not start without this backend.
const REQUIRED: &str = "wazo_user";

pub(super) fn check(checked: &mut Checked, settings: &Settings) {
    // With other folders than meant, nothing can be said of what is in them.
    if checked.findings.iter().any(|finding| finding.key == "plugin_dirs") {
        return;
    }
    for (index, dir) in settings.plugins.dirs.iter().enumerate() {
        let index = index.to_string();
        let key = ["plugin_dirs", &index];
        if let Err(error) = fs::read_dir(dir)
            && !checked.is_wrong(&key)
        {
            let sentence = format!("the folder {} cannot be read: {error}", dir.display());
            checked.mistake(&key, sentence);
        }
    }
    let reports = Registry::survey(&setup::plugin_settings(settings));
    for report in &reports {
        let Some((_, enabled)) = KINDS.into_iter().find(|(kind, _)| *kind == report.kind) else {
            continue;
        };
        match report.state {
            PluginState::NotInstalled => {
                not_installed(checked, enabled, report, settings, &reports);
            }
            PluginState::Refused => refused(checked, enabled, report, settings),
            _ => {}
        }
    }
    none_loaded(checked, "metadata", METADATA, &settings.plugins.metadata, &reports);
    none_loaded(checked, "backend", BACKENDS, &settings.plugins.backend, &reports);
    if settings.plugins.backend.get(REQUIRED) != Some(&true) {
        let sentence = "the daemon does not start without this backend: set it to true";
        checked.mistake(&[BACKENDS, REQUIRED], sentence);
    }
}

/// The daemon does not start when nothing of what is enabled is there.
fn none_loaded(
    checked: &mut Checked,
    kind: &str,
    key: &str,
    plugins: &IndexMap<String, bool>,
    reports: &[PluginReport],
) {
    let on = plugins.iter().filter(|(_, on)| **on);
    let names: Vec<String> = on.map(|(name, _)| name.clone()).collect();
    let is_there = |report: &PluginReport| {
        report.kind == kind && report.state == PluginState::Enabled && names.contains(&report.name)
    };
    if !names.is_empty() && !reports.iter().any(is_there) {
        let names = names.join(", ");
        checked.mistake(
            &[key],
            format!(
                "none of the enabled {kind} plugins can be loaded ({names}): the daemon does not \
                 start without one"
            ),
        );
    }
}

fn not_installed(
    checked: &mut Checked,
    enabled: &str,
    report: &PluginReport,
    settings: &Settings,
    reports: &[PluginReport],
) {
    let key = key_of(enabled, &report.name);
    let mut sentence = report.reason.clone().unwrap_or_default();
    let offered = reports
        .iter()
        .filter(|other| other.state == PluginState::NotEnabled && other.kind == report.kind);
    let offered = offered.map(|other| other.name.as_str());
    // Most resources are the daemon's own.
    let own = settings.plugins.http.keys().filter(|name| enabled == HTTP && **name != report.name);
    if let Some(name) = alike(&report.name, offered.chain(own.map(String::as_str))) {
        sentence = format!("{sentence}: is `{name}` meant?");
    }
    let origin = checked.config.as_ref().and_then(|config| config.origin(&key));
    if origin == Some(&Origin::Defaults) && report.name != REQUIRED {
        checked.warning(&key, sentence);
    } else {
        checked.mistake(&key, sentence);
    }
}

fn refused(checked: &mut Checked, enabled: &str, report: &PluginReport, settings: &Settings) {
    let name = report.name.as_str();
    let has_options = settings.plugins.options.contains_key(name);
    let key = key_of(if has_options { "plugins" } else { enabled }, name);
    // What is wrong with its options was said before.
    if !checked.is_wrong(&key) {
        checked.mistake(&key, report.reason.clone().unwrap_or_default());
    }
}

/// The key of a plugin below the key of its kind; only one sends mails.
fn key_of<'a>(enabled: &'a str, name: &'a str) -> Vec<&'a str> {
    if enabled == EMAIL_NOTIFICATION { vec![enabled] } else { vec![enabled, name] }
}
