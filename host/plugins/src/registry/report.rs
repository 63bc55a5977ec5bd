//! What is said of plugins to the people who run the daemon.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Isolation, health::Figures, instance::Instance, registry::choice::Refusal};

/// One plugin, or one file that is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PluginReport {
    /// `backend`, `metadata` or another kind; empty when the file is refused
    /// before its manifest could be read.
    pub kind: String,
    /// The name by which it is enabled; empty as above.
    pub name: String,
    /// Its version; empty when unknown.
    pub version: String,
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// What became of it.
    pub state: PluginState,
    /// Why it is not usable, if so.
    pub reason: Option<String>,
    /// Where it runs, or would.
    pub isolation: Isolation,
    /// What it may have the daemon do beyond what its kind needs; none: everything.
    pub accesses: Option<Vec<String>>,
    /// How often it was called since the daemon started.
    pub calls: u64,
    /// How often it panicked.
    pub panics: u64,
    /// How often it did not answer in time.
    pub time_outs: u64,
    /// How often its process ended by itself, or could not be started again.
    pub crashes: u64,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// For how many seconds it is not called.
    pub quarantined_for: Option<u64>,
}

/// What became of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PluginState {
    /// Registered; can be called.
    Usable,
    /// Registered, but not called for a while: it kept panicking, or ending its
    /// process.
    Quarantined,
    /// Registered, but its start failed: it cannot be called.
    Unusable,
    /// Enabled, and there is a file that fits; it was not opened.
    Enabled,
    /// There is a file, but it is not used; or what is configured is wrong.
    Refused,
    /// Enabled, but no file offers it.
    NotInstalled,
    /// A file offers it, but it is not enabled.
    NotEnabled,
}

/// Where a registered plugin comes from.
pub(crate) struct Registered {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) file: PathBuf,
    pub(crate) isolation: Isolation,
    pub(crate) accesses: Option<Vec<String>>,
}

// === impl Registered ===

impl Registered {
    /// What is said of it; `dropped` tells why the daemon goes without it
    /// though it could be made.
    pub(crate) fn report(&self, instance: &Instance, dropped: Option<&str>) -> PluginReport {
        let reason = instance.unusable().or(dropped).map(str::to_owned);
        let Figures { calls, panics, time_outs, crashes, last_error, quarantined_for } =
            instance.figures();
        PluginReport {
            version: self.version.clone(),
            file: Some(self.file.clone()),
            isolation: self.isolation,
            accesses: self.accesses.clone(),
            calls,
            panics,
            time_outs,
            crashes,
            last_error,
            quarantined_for: quarantined_for.map(|time| time.as_secs_f64().ceil() as u64),
            state: match (&reason, quarantined_for) {
                (Some(_), _) => PluginState::Unusable,
                (None, Some(_)) => PluginState::Quarantined,
                (None, None) => PluginState::Usable,
            },
            reason,
            ..PluginReport::not_registered(self.kind, &self.name, PluginState::Usable)
        }
    }
}

// === impl PluginState ===

impl PluginState {
    /// The state in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Quarantined => "quarantined",
            Self::Unusable => "unusable",
            Self::Enabled => "enabled",
            Self::Refused => "refused",
            Self::NotInstalled => "not installed",
            Self::NotEnabled => "not enabled",
        }
    }
}

// === impl PluginReport ===

impl PluginReport {
    pub(crate) fn is(&self, kind: &str, name: &str) -> bool {
        self.kind == kind && self.name == name
    }

    /// An enabled plugin that no file offers.
    pub(crate) fn not_installed(kind: &str, name: &str) -> Self {
        Self {
            reason: Some("it is enabled, but no file in plugin_dirs offers it".to_owned()),
            ..Self::not_registered(kind, name, PluginState::NotInstalled)
        }
    }

    /// An enabled plugin that is not opened.
    pub(crate) fn refused(kind: &str, name: &str, refusal: Refusal) -> Self {
        Self {
            file: refusal.file,
            reason: Some(refusal.reason),
            ..Self::not_registered(kind, name, PluginState::Refused)
        }
    }

    /// A plugin or file that is not registered.
    pub(crate) fn not_registered(kind: &str, name: &str, state: PluginState) -> Self {
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            version: String::new(),
            file: None,
            state,
            reason: None,
            isolation: Isolation::InProcess,
            accesses: None,
            calls: 0,
            panics: 0,
            time_outs: 0,
            crashes: 0,
            last_error: None,
            quarantined_for: None,
        }
    }
}
