//! What the configuration would load, found out without running any of it.

use std::path::PathBuf;

use indexmap::IndexMap;

use crate::{Inspection, PluginReport, PluginState, Settings, inspect, registry::catalog::Catalog};

/// One report per plugin that is offered or enabled, and per refused file.
pub(crate) fn survey(settings: &Settings) -> Vec<PluginReport> {
    let catalog = Catalog::read(&settings.plugin_dirs);
    let groups =
        [("metadata", &settings.enabled_metadata), ("backend", &settings.enabled_backends)];
    let mut reports = Vec::new();
    for (kind, enabled) in groups {
        for name in names_on(enabled) {
            reports.push(enabled_plugin(settings, &catalog, kind, name));
        }
    }
    let is_enabled =
        |other: &PluginReport| reports.iter().any(|known| known.is(&other.kind, &other.name));
    let others: Vec<PluginReport> =
        catalog.not_loaded(&[]).into_iter().filter(|other| !is_enabled(other)).collect();
    reports.extend(others);
    reports
}

fn names_on(enabled: &IndexMap<String, bool>) -> impl Iterator<Item = &str> {
    enabled.iter().filter(|(_, on)| **on).map(|(name, _)| name.as_str())
}

fn enabled_plugin(
    settings: &Settings,
    catalog: &Catalog,
    kind: &'static str,
    name: &str,
) -> PluginReport {
    let configured = settings.plugins.get(name).and_then(|options| options.path.clone());
    let found: Result<Option<Inspection>, (PathBuf, String)> = match configured {
        Some(path) => inspect(&path).map(Some).map_err(|error| (path, error.to_string())),
        None => Ok(catalog.offering(kind, name).next().cloned()),
    };
    let state = |state| PluginReport::not_registered(kind, name, state);
    match found {
        Err((file, reason)) => {
            PluginReport { file: Some(file), reason: Some(reason), ..state(PluginState::Refused) }
        }
        Ok(None) => state(PluginState::NotInstalled),
        Ok(Some(found)) => {
            let verdict = found.fits_in_process().err().map(|error| error.to_string());
            let fits = if verdict.is_none() { PluginState::Enabled } else { PluginState::Refused };
            PluginReport {
                version: found.offers(kind, name).unwrap_or_default().to_owned(),
                file: Some(found.file),
                reason: verdict,
                ..state(fits)
            }
        }
    }
}
