//! What is configured of plugins.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Which plugins are enabled, where they are and how they are to be called.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The manifest of every `.so` in these folders is read.
    pub plugin_dirs: Vec<PathBuf>,
    /// `enabled_backend_plugins`, in order.
    pub enabled_backends: IndexMap<String, bool>,
    /// `enabled_metadata_plugins`, in order.
    pub enabled_metadata: IndexMap<String, bool>,
    /// Purpose → metadata plugins after the purpose's default one.
    pub purpose_metadata_mapping: IndexMap<String, Vec<String>>,
    /// What a plugin needs beyond its name, by name.
    pub plugins: IndexMap<String, PluginOptions>,
    /// How many workers the calls of all plugins may hold together; those of
    /// the daemon's own do not count. None: as many as there are.
    pub workers: Option<usize>,
}

/// What a plugin needs beyond its name. An unknown key is an error: a misspelt
/// `sha256` would otherwise pin nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginOptions {
    /// The file, instead of one found in `plugin_dirs`.
    pub path: Option<PathBuf>,
    /// The SHA-256 digest that the file must have, in hexadecimal.
    pub sha256: Option<String>,
    /// Where the plugin runs.
    pub isolation: Isolation,
    /// Seconds that one call may take.
    pub timeout: f64,
    /// How many calls may run at the same time.
    pub max_concurrent_calls: usize,
    /// Handed to the plugin.
    pub config: Value,
    /// Present: logins that only this backend knows are accepted.
    pub identities: Option<Identities>,
}

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// In the daemon.
    #[default]
    InProcess,
    /// In a process of its own.
    Process,
}

/// What those who are known to a backend only may be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identities {
    /// The slug of the tenant they belong to.
    pub tenant: String,
    /// The most that their tokens allow.
    pub max_acl: Vec<String>,
}

// === impl PluginOptions ===

impl Default for PluginOptions {
    fn default() -> Self {
        Self {
            path: None,
            sha256: None,
            isolation: Isolation::InProcess,
            timeout: 30.0,
            max_concurrent_calls: 8,
            config: Value::Object(Map::new()),
            identities: None,
        }
    }
}
