//! The libraries of plugins.

use std::fs;

use indexmap::IndexMap;
use wazo_auth_config::{Checked, Origin, Settings, alike};
use wazo_auth_plugins::{PluginReport, PluginState, Registry};

use crate::setup;

const BACKENDS: &str = "enabled_backend_plugins";
const METADATA: &str = "enabled_metadata_plugins";
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
        let enabled = match report.kind.as_str() {
            "backend" => BACKENDS,
            "metadata" => METADATA,
            _ => continue,
        };
        match report.state {
            PluginState::NotInstalled => not_installed(checked, enabled, report, &reports),
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
    reports: &[PluginReport],
) {
    let key = [enabled, &report.name];
    let mut sentence = report.reason.clone().unwrap_or_default();
    let offered = reports
        .iter()
        .filter(|other| other.state == PluginState::NotEnabled && other.kind == report.kind);
    if let Some(name) = alike(&report.name, offered.map(|other| other.name.as_str())) {
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
    let key = [if has_options { "plugins" } else { enabled }, name];
    // What is wrong with its options was said before.
    if !checked.is_wrong(&key) {
        checked.mistake(&key, report.reason.clone().unwrap_or_default());
    }
}
