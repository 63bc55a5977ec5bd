//! Which plugins run, and what each needs (contract: config.md section 2.6).

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::value::{self, Secret};

value::only_mappings!(IdpPlugin, PluginOptions, Identities);

/// Plugins by kind. Names that exist nowhere are kept: the registry reports them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Plugins {
    /// Resources of the REST API.
    #[serde(rename = "enabled_http_plugins", deserialize_with = "value::switches")]
    pub http: IndexMap<String, bool>,
    /// Backends.
    #[serde(rename = "enabled_backend_plugins", deserialize_with = "value::switches")]
    pub backend: IndexMap<String, bool>,
    /// Sources of token metadata.
    #[serde(rename = "enabled_metadata_plugins", deserialize_with = "value::switches")]
    pub metadata: IndexMap<String, bool>,
    /// Purpose to the names of the metadata plugins it adds to its default one.
    #[serde(rename = "purpose_metadata_mapping", deserialize_with = "purposes")]
    pub purpose_metadata: IndexMap<String, Vec<String>>,
    /// Accounts at other services.
    #[serde(rename = "enabled_external_auth_plugins", deserialize_with = "value::switches")]
    pub external_auth: IndexMap<String, bool>,
    /// Identity providers.
    #[serde(rename = "idp_plugins", deserialize_with = "value::or_default")]
    pub idp: IndexMap<String, IdpPlugin>,
    /// What sends mails.
    #[serde(rename = "email_notification_plugin")]
    pub email_notification: String,
    /// Directories in which the files of plugins are looked for.
    #[serde(rename = "plugin_dirs", deserialize_with = "value::or_default")]
    pub dirs: Vec<PathBuf>,
    /// Name of a plugin to what it needs beyond its name.
    #[serde(rename = "plugins", deserialize_with = "options")]
    pub options: IndexMap<String, PluginOptions>,
}

/// One entry of `idp_plugins`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self")]
pub struct IdpPlugin {
    /// Off unless said otherwise.
    #[serde(default, deserialize_with = "value::switch")]
    pub enabled: bool,
    /// The lowest is asked first.
    #[serde(default = "last_priority")]
    pub priority: i64,
}

/// One entry of `plugins`; every key is optional. A misspelt one is an error: a
/// `sha265` would pin nothing.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", default, deny_unknown_fields)]
pub struct PluginOptions {
    /// The file, instead of looking in `plugin_dirs`.
    pub path: Option<PathBuf>,
    /// The SHA-256 digest that the file must have, in hexadecimal digits.
    #[serde(deserialize_with = "value::non_empty")]
    pub sha256: Option<String>,
    /// Where the plugin runs.
    pub isolation: Isolation,
    /// How long one call may take.
    #[serde(deserialize_with = "value::seconds")]
    pub timeout: Duration,
    /// How many calls may run at a time.
    #[serde(deserialize_with = "value::positive")]
    pub max_concurrent_calls: u32,
    /// Handed to the plugin as it is; an empty mapping by default.
    #[serde(deserialize_with = "config")]
    pub config: Secret<Value>,
    /// For a backend: whether logins unknown to the database are accepted, and how.
    pub identities: Option<Identities>,
    /// Access patterns: what it may have the daemon do beyond what its kind needs.
    /// Unset: everything for a plugin in the daemon, nothing for one in a process.
    pub accesses: Option<Vec<String>>,
}

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// In the daemon.
    #[default]
    InProcess,
    /// In a process of its own, whose crash leaves the daemon alone.
    Process,
}

/// The bounds of users whom only a backend knows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Identities {
    /// Slug of the tenant they belong to.
    pub tenant: String,
    /// Access patterns; what a backend grants beyond them is cut.
    #[serde(default, deserialize_with = "value::or_default")]
    pub max_acl: Vec<String>,
}

// === impl PluginOptions ===

impl Default for PluginOptions {
    fn default() -> Self {
        Self {
            path: None,
            sha256: None,
            isolation: Isolation::InProcess,
            timeout: Duration::from_secs(30),
            max_concurrent_calls: 8,
            config: empty_config(),
            identities: None,
            accesses: None,
        }
    }
}

fn empty_config() -> Secret<Value> {
    Secret::new(Value::Object(serde_json::Map::new()))
}

fn config<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret<Value>, D::Error> {
    Ok(Option::<Value>::deserialize(deserializer)?.map_or_else(empty_config, Secret::new))
}

const fn last_priority() -> i64 {
    100
}

/// `name:` alone (null) is the same as no entry.
fn options<'de, D>(deserializer: D) -> Result<IndexMap<String, PluginOptions>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let entries: IndexMap<String, Option<PluginOptions>> = value::or_default(deserializer)?;
    Ok(entries.into_iter().map(|(name, entry)| (name, entry.unwrap_or_default())).collect())
}

fn purposes<'de, D>(deserializer: D) -> Result<IndexMap<String, Vec<String>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let entries: IndexMap<String, Option<Vec<String>>> = value::or_default(deserializer)?;
    Ok(entries.into_iter().map(|(purpose, names)| (purpose, names.unwrap_or_default())).collect())
}
