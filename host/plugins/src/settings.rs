//! What is configured of plugins.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kind;

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
    /// `idp_plugins`, in order.
    pub idps: IndexMap<String, Idp>,
    /// `enabled_external_auth_plugins`, in order.
    pub enabled_external_auth: IndexMap<String, bool>,
    /// `email_notification_plugin`; none: there are no mails.
    pub email_notification: Option<String>,
    /// `enabled_http_plugins`, in order; the daemon's own are among them.
    pub enabled_http: IndexMap<String, bool>,
    /// Purpose → metadata plugins after the purpose's default one.
    pub purpose_metadata_mapping: IndexMap<String, Vec<String>>,
    /// What a plugin needs beyond its name, by name.
    pub plugins: IndexMap<String, PluginOptions>,
    /// How many workers the calls of all plugins may hold together; those of
    /// the daemon's own do not count. None: as many as there are.
    pub workers: Option<usize>,
    /// The program that is run as the process of a plugin, with the argument
    /// `plugin-worker`. None: this very one, even if its file was replaced.
    pub worker_program: Option<PathBuf>,
}

/// Whether and when an identity provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Idp {
    /// Whether it is asked at all.
    #[serde(default)]
    pub enabled: bool,
    /// The lowest is asked first.
    pub priority: i64,
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
    /// What it may have the daemon do beyond what its kind needs.
    pub accesses: Option<Vec<String>>,
}

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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

// === impl Settings ===

impl Settings {
    /// The enabled plugins of a kind, in the order in which they are loaded;
    /// without what is part of the daemon itself.
    pub(crate) fn enabled(&self, kind: &str) -> Vec<&str> {
        match kind {
            kind::BACKEND => on(&self.enabled_backends),
            kind::METADATA => on(&self.enabled_metadata),
            kind::EXTERNAL_AUTH => on(&self.enabled_external_auth),
            kind::EMAIL_NOTIFICATION => self.email_notification.as_deref().into_iter().collect(),
            kind::IDENTITY_PROVIDER => self.by_priority(),
            _ => {
                let mut names = on(&self.enabled_http);
                names.retain(|name| !kind::OWN_HTTP.contains(name));
                names
            }
        }
    }

    fn by_priority(&self) -> Vec<&str> {
        let mut idps: Vec<_> = self.idps.iter().filter(|(_, idp)| idp.enabled).collect();
        idps.sort_by_key(|(_, idp)| idp.priority);
        idps.into_iter().map(|(name, _)| name.as_str()).collect()
    }
}

fn on(plugins: &IndexMap<String, bool>) -> Vec<&str> {
    plugins.iter().filter(|(_, on)| **on).map(|(name, _)| name.as_str()).collect()
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
            accesses: None,
        }
    }
}

impl PluginOptions {
    /// The bound of what the daemon does for it; none: everything. Who runs in a
    /// process of its own begins with nothing (see the [`Caller`](crate::Caller)).
    pub(crate) fn bound(&self) -> Option<Vec<String>> {
        let none_there = || (self.isolation == Isolation::Process).then(Vec::new);
        self.accesses.clone().or_else(none_there)
    }
}
