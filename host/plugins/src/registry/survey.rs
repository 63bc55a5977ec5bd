//! What the configuration would load, found out without running any of it.

use crate::{
    PluginReport, PluginState, Settings, kind,
    registry::{
        catalog::Catalog,
        choice::{Absent, Choices, Refusal},
    },
};

/// One report per plugin that is offered or enabled, and per refused file.
pub(crate) fn survey(settings: &Settings) -> Vec<PluginReport> {
    let catalog = Catalog::read(&settings.plugin_dirs);
    let choices = Choices::new(settings, &catalog);
    let mut reports = Vec::new();
    for kind in kind::ALL {
        let names = choices.enabled(kind).into_iter();
        reports.extend(names.map(|name| enabled_plugin(choices, kind, name)));
    }
    let is_enabled =
        |other: &PluginReport| reports.iter().any(|known| known.is(&other.kind, &other.name));
    let others: Vec<PluginReport> =
        catalog.not_loaded(&[]).into_iter().filter(|other| !is_enabled(other)).collect();
    reports.extend(others);
    reports
}

fn enabled_plugin(choices: Choices<'_>, kind: &'static str, name: &str) -> PluginReport {
    if let Err(error) = choices.check_single(kind, name) {
        let refusal = Refusal { file: None, reason: error.to_string() };
        return PluginReport::refused(kind, name, refusal);
    }
    match choices.choose(kind, name) {
        Ok(choice) => PluginReport {
            version: choice.version,
            isolation: choice.isolation,
            accesses: choice.accesses,
            file: Some(choice.inspection.file),
            ..PluginReport::not_registered(kind, name, PluginState::Enabled)
        },
        Err(Absent::NotInstalled) => PluginReport::not_installed(kind, name),
        Err(Absent::Refused(refusal)) => PluginReport::refused(kind, name, refusal),
    }
}
