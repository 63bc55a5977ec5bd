//! Keys of the process itself (contract: config.md sections 2.1 and 2.12).

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de::Error};
use wazo_auth_log::Level;

use super::value::{self, Secret};

/// The account, the log and the files.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Process {
    /// The account to switch to, if any.
    #[serde(deserialize_with = "value::non_empty")]
    pub user: Option<String>,
    /// Everything is logged, whatever `log_level` says.
    #[serde(deserialize_with = "value::switch")]
    pub debug: bool,
    /// The level the files or the command line name; see [`Process::effective_log_level`].
    #[serde(deserialize_with = "level")]
    pub log_level: Level,
    /// The log file; must be openable, also `/dev/null`, `/dev/stdout`.
    pub log_filename: PathBuf,
    /// The local syslog gets every line as well.
    #[serde(deserialize_with = "value::switch")]
    pub syslog_enabled: bool,
    /// One file per request in `/tmp/wazo-profiling` (status.md section 4).
    #[serde(deserialize_with = "value::switch")]
    pub profiling_enabled: bool,
}

/// Keys `bootstrap_user_*`: the administrator to create at start.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BootstrapUser {
    /// Whether it is done at all.
    #[serde(rename = "bootstrap_user_on_startup", deserialize_with = "value::switch")]
    pub on_startup: bool,
    /// The user's name.
    #[serde(rename = "bootstrap_user_username")]
    pub username: Option<String>,
    /// The user's password.
    #[serde(rename = "bootstrap_user_password")]
    pub password: Option<Secret<String>>,
    /// The user's purpose.
    #[serde(rename = "bootstrap_user_purpose")]
    pub purpose: String,
    /// Slug of the policy attached; it must exist.
    #[serde(rename = "bootstrap_user_policy_slug")]
    pub policy_slug: String,
}

// === impl Process ===

impl Process {
    /// The level to log at: DEBUG with `debug`, else `log_level`.
    #[must_use]
    pub const fn effective_log_level(&self) -> Level {
        if self.debug { Level::Debug } else { self.log_level }
    }
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(|_| {
        D::Error::custom("critical, error, warning, info or debug (in any letter case) is expected")
    })
}
