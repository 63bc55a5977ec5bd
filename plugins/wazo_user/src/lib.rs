//! Stock plugin `wazo_user`: users with a password of the service's own.
//!
//! Metadata and accesses of their tokens are those that the daemon gives to every
//! user of the service.

use wazo_auth_plugin_api::prelude::*;

struct WazoUser {
    host: Host,
}

// === impl WazoUser ===

impl WazoUser {
    fn user(&self, login: &str) -> Result<User> {
        let user = self.host.user_by_login(login)?;
        user.ok_or_else(|| Error::not_found("no enabled user has this login"))
    }
}

impl Backend for WazoUser {
    type Config = NoConfig;

    fn new(_config: NoConfig, host: Host) -> Result<Self> {
        Ok(Self { host })
    }

    fn verify_password(&self, login: &str, password: &str, _args: &mut Args) -> Result<bool> {
        self.host.verify_user_password(login, password)
    }

    fn get_persistent_metadata(&self, login: &str, args: &mut Args) -> Result<Map> {
        self.host.persistent_metadata(&self.user(login)?.purpose, login, args)
    }
}

export_plugins! { backend "wazo_user" => WazoUser }

#[cfg(test)]
mod tests;
