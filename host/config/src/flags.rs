//! What the command line sets.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::layer::{Layer, Origin};

/// Values given on the command line, which win over every file (contract:
/// config.md section 4.1). A switch that is off says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--user`: the account to switch to.
    pub user: Option<String>,
    /// `--debug`.
    pub debug: bool,
    /// `--log-level`, not yet checked.
    pub log_level: Option<String>,
    /// `--db-upgrade-on-startup`.
    pub db_upgrade_on_startup: bool,
    /// `--listen-port`.
    pub listen_port: Option<u16>,
    /// `--log-file`.
    pub log_file: Option<PathBuf>,
}

// === impl Flags ===

impl Flags {
    pub(crate) fn layer(&self, config_file: &Path) -> Layer {
        let mut tree = Map::new();
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                tree.insert(key.to_owned(), value);
            }
        };
        set("config_file", Some(config_file.to_string_lossy().into()));
        set("user", self.user.clone().map(Value::from));
        set("debug", self.debug.then_some(Value::Bool(true)));
        set("log_level", self.log_level.clone().map(Value::from));
        set("db_upgrade_on_startup", self.db_upgrade_on_startup.then_some(Value::Bool(true)));
        set("rest_api", self.listen_port.map(|port| json!({"port": port})));
        set("log_filename", self.log_file.as_ref().map(|path| path.to_string_lossy().into()));
        Layer { origin: Origin::Flags, tree }
    }
}
