//! Stock plugin `ldap_user`: users whose password the LDAP server of their tenant
//! knows (plugins.md section 8).
//!
//! ```text
//!  who verifies   which tenant,      the server, who     connection, messages,
//!  (this file) ─▶ which user of it ─▶ it says it is    ─▶ filters, BER
//!                 (login.rs)         (directory.rs)
//! ```
//!
//! The few operations of LDAP are written out here: the libraries there are read
//! what a server sends by recursion without an end, so that any server that a tenant
//! names could end the daemon.

use std::{path::PathBuf, sync::Arc};

use wazo_auth_plugin_api::prelude::*;

mod ber;
mod connection;
mod directory;
mod escape;
mod filter;
mod login;
mod message;
mod tls;

use login::Logins;

/// What may be configured as `plugins.ldap_user.config`.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
struct Config {
    /// The authorities that certificates of servers are checked by, in PEM, instead
    /// of those that LDAP clients of the system know.
    #[serde(default)]
    ca_file: Option<PathBuf>,
}

/// The backend.
struct LdapUser {
    host: Host,
    logins: Arc<Logins>,
}

// === impl LdapUser ===

impl LdapUser {
    fn user(&self, login: &str) -> Result<User> {
        let user = self.host.user_by_login(login)?;
        user.ok_or_else(|| Error::not_found("no enabled user has this login"))
    }
}

impl Backend for LdapUser {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        let logins = Arc::new(Logins::new(host.clone(), config.ca_file)?);
        Ok(Self { host, logins })
    }

    fn verify_password(&self, login: &str, password: &str, args: &mut Args) -> Result<bool> {
        Ok(self.logins.verify(login, password, args)?.is_some())
    }

    fn get_metadata(&self, login: &str, args: &mut Args) -> Result<Map> {
        let mut metadata = self.host.base_metadata(login)?;
        metadata.extend(self.host.token_metadata(&self.user(login)?.purpose, login, args)?);
        Ok(metadata)
    }

    fn get_persistent_metadata(&self, login: &str, args: &mut Args) -> Result<Map> {
        self.host.persistent_metadata(&self.user(login)?.purpose, login, args)
    }
}

export_plugins! { backend "ldap_user" => LdapUser }

#[cfg(test)]
mod tests;
