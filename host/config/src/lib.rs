//! Configuration: files, merge rules, typed settings.
//!
//! [`load`] reads the main file, the extra directory and the command line and
//! merges them over the defaults (contract: config.md). The result is a tree,
//! for whoever shows or hands on configuration as it was written, and typed
//! [`Settings`], for the daemon itself. [`check`] finds all mistakes at once,
//! [`show`] prints what came out and where it comes from.

mod check;
mod config;
mod error;
mod exec;
mod files;
mod finding;
mod flags;
mod known;
mod layer;
mod lines;
mod merge;
mod places;
mod range;
mod secrets;
mod settings;
mod show;
mod unused;
mod yaml;

pub use check::{Checked, check};
pub use config::{Config, load};
pub use error::{Cause, ConfigError, SettingError};
pub use files::Sources;
pub use finding::{Finding, Place, Severity};
pub use flags::Flags;
pub use known::alike;
pub use layer::{Layer, Origin};
pub use merge::merge;
pub use settings::{
    Amqp, BootstrapUser, Consul, Cors, Database, DbUri, DbUriError, DefaultGroup, DefaultPolicy,
    EmailConfirmation, ExternalAuth, Identities, IdpPlugin, Isolation, PasswordReset,
    PluginOptions, Plugins, Policies, Process, RestApi, Saml, Secret, ServiceDiscovery, Settings,
    Smtp, SmtpTls, Timeouts, Tls, Tokens,
};
pub use show::show;
pub use wazo_auth_log::Level;

use serde_json::Value;

/// The kind of a value, in words.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing (null)",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
