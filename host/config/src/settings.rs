//! The typed view of the merged tree.
//!
//! The files are flat in many places; here keys are grouped by noun. Each
//! group reads its own keys from the tree and leaves the others alone, so
//! unknown keys are never an error.

mod database;
mod email;
mod external_auth;
mod network;
mod plugins;
mod policies;
mod process;
mod rest_api;
mod saml;
mod tokens;
pub(crate) mod value;

pub use database::{Database, DbUri, DbUriError};
pub use email::{EmailConfirmation, PasswordReset, Smtp, SmtpTls};
pub use external_auth::ExternalAuth;
pub use network::{Amqp, Consul, ServiceDiscovery};
pub use plugins::{Identities, IdpPlugin, Isolation, PluginOptions, Plugins};
pub use policies::{DefaultGroup, DefaultPolicy, Policies};
pub use process::{BootstrapUser, Process};
pub use rest_api::{Cors, RestApi, Timeouts, Tls};
pub use saml::Saml;
pub use tokens::Tokens;
pub use value::Secret;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::SettingError;
use crate::layer::Layer;

/// Every setting (contract: config.md section 2). A section that a file sets
/// to nothing (null) is `None` where the daemon can do without it.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The account, the log.
    pub process: Process,
    /// Where and how the API is served.
    pub rest_api: RestApi,
    /// Where data is kept.
    pub database: Database,
    /// Tokens and sessions.
    pub tokens: Tokens,
    /// Policies and groups kept by configuration.
    pub policies: Policies,
    /// Plugins by kind, and what each needs.
    pub plugins: Plugins,
    /// The administrator to create at start.
    pub bootstrap_user: BootstrapUser,
    /// The mail relay.
    pub smtp: Option<Smtp>,
    /// Mails that reset a password.
    pub password_reset: PasswordReset,
    /// Mails that confirm an address.
    pub email_confirmation: EmailConfirmation,
    /// Accounts at other services.
    pub external_auth: ExternalAuth,
    /// The bus.
    pub amqp: Option<Amqp>,
    /// Registration at Consul.
    pub service_discovery: Option<ServiceDiscovery>,
    /// The Consul agent.
    pub consul: Option<Consul>,
    /// Logins at SAML providers.
    pub saml: Option<Saml>,
}

/// The keys that are sections of their own at the top.
#[derive(Deserialize)]
struct Sections {
    rest_api: RestApi,
    smtp: Option<Smtp>,
    amqp: Option<Amqp>,
    service_discovery: Option<ServiceDiscovery>,
    consul: Option<Consul>,
    saml: Option<Saml>,
}

// === impl Settings ===

impl Settings {
    /// Reads the merged tree; `layers` tell where a wrong value stands.
    pub(crate) fn read(tree: &Map<String, Value>, layers: &[Layer]) -> Result<Self, SettingError> {
        let source = Source { tree, layers };
        let mut sections: Sections = source.group()?;
        sections.rest_api.cors.others = other_cors_settings(tree);
        Ok(Self {
            process: source.group()?,
            rest_api: sections.rest_api,
            database: source.group()?,
            tokens: source.group()?,
            policies: source.group()?,
            plugins: source.group()?,
            bootstrap_user: source.group()?,
            smtp: sections.smtp,
            password_reset: source.group()?,
            email_confirmation: source.group()?,
            external_auth: source.group()?,
            amqp: sections.amqp,
            service_discovery: sections.service_discovery,
            consul: sections.consul,
            saml: sections.saml,
        })
    }
}

struct Source<'a> {
    tree: &'a Map<String, Value>,
    layers: &'a [Layer],
}

// === impl Source ===

impl Source<'_> {
    fn group<T: DeserializeOwned>(&self) -> Result<T, SettingError> {
        serde_path_to_error::deserialize(self.tree)
            .map_err(|error| SettingError::new(&error, self.tree, self.layers))
    }
}

fn other_cors_settings(tree: &Map<String, Value>) -> Map<String, Value> {
    let cors = tree.get("rest_api").and_then(|section| section.get("cors"));
    cors.and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(key, _)| !matches!(key.as_str(), "enabled" | "allow_headers"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
