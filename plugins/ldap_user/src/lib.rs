//! Stock plugins `ldap` and `ldap_user`: users whose password the LDAP server of
//! their tenant knows (plugins.md section 8).
//!
//! ```text
//!  provider `ldap`,        which tenant,       who the server     connection,
//!  backend `ldap_user`  ─▶ which user of it ─▶ says it is      ─▶ guard of the
//!  (this file)             (login.rs)          (directory.rs)     LDAP library
//! ```
//!
//! The provider asks the server itself, beside the backend rather than through it:
//! what the backend says of users who come with a refresh token must not wait for
//! servers.
//!
//! LDAP is spoken by a library that trusts its server; which server that is, any
//! administrator of a tenant says. guard.rs lets through what it can cope with.

use std::path::PathBuf;

use wazo_auth_plugin_api::prelude::*;

mod connection;
mod directory;
mod escape;
mod filter;
mod guard;
mod login;
mod tls;

use login::Logins;

/// What says what its users may do.
const BACKEND: &str = "ldap_user";

/// What may be configured as `plugins.ldap.config`, and `plugins.ldap_user.config`.
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
    logins: Logins,
}

/// The identity provider: its users name the tenant whose server knows them.
struct Ldap {
    logins: Logins,
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
        let logins = Logins::new(host.clone(), config.ca_file)?;
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

// === impl Ldap ===

impl IdentityProvider for Ldap {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        if !host.has_backend(BACKEND)? {
            return Err(Error::other(format!(
                "the backend `{BACKEND}`, which says what its users may do, is not there; set \
                 enabled_backend_plugins.{BACKEND} to true, or idp_plugins.ldap.enabled to false"
            )));
        }
        Ok(Self { logins: Logins::new(host, config.ca_file)? })
    }

    fn authentication_method(&self) -> &str {
        "ldap"
    }

    fn can_authenticate(&self, args: &Args, _request: &LoginRequest) -> Result<bool> {
        let given = |key: &str| args.get(key).is_some();
        let has_credentials = args.login().is_some() && args.password().is_some();
        Ok(has_credentials && (given("domain_name") || given("tenant_id")))
    }

    fn verify_auth(&self, args: &mut Args, _request: &LoginRequest) -> Result<Identity> {
        let text = |key: &str| args.str(key).unwrap_or_default().to_owned();
        let (login, password) = (text("login"), text("password"));
        match self.logins.verify(&login, &password, args)? {
            Some(email) => Ok(Identity::new(BACKEND, email)),
            None => Err(Error::unauthorized(format!(
                "invalid login or password for LDAP login {login}"
            ))),
        }
    }

    fn get_backend(&self, _args: &Args) -> Result<String> {
        Ok(BACKEND.to_owned())
    }
}

export_plugins! {
    backend "ldap_user" => LdapUser,
    identity_provider "ldap" => Ldap,
}

#[cfg(test)]
mod tests;
