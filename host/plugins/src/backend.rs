//! Calls into a backend.

use std::borrow::Cow;

use wazo_auth_plugin_api::{
    Args, Map,
    wire::{self, method},
};

use crate::{CallError, instance::Instance};

/// A backend that can be called (contract: plugins.md section 2).
///
/// Calls block: they belong on a pool's thread, where each one runs under the
/// plugin's deadline. What a plugin writes to `args` is there afterwards.
pub struct Backend(pub(crate) Instance);

// === impl Backend ===

impl Backend {
    /// The name by which it is enabled.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Whether the password is right.
    ///
    /// # Errors
    /// Why it could not be decided.
    pub fn verify_password(
        &self,
        login: &str,
        password: &str,
        args: &mut Args,
    ) -> Result<bool, CallError> {
        let request = wire::VerifyPassword {
            login: login.into(),
            password: password.into(),
            args: Cow::Borrowed(args.as_map()),
        };
        let reply: Option<wire::Verified> = self.0.call(method::VERIFY_PASSWORD, &request, args)?;
        let reply = reply.ok_or_else(|| self.0.failed("it does not verify passwords"))?;
        update(args, reply.args);
        Ok(reply.verified)
    }

    /// What a new token allows; `args` holds the default accesses as `acl`.
    /// `None`: the plugin leaves it to the daemon.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn get_acl(&self, login: &str, args: &mut Args) -> Result<Option<Vec<String>>, CallError> {
        let reply: Option<wire::Acl> =
            self.0.call(method::GET_ACL, &of_login(login, args), args)?;
        let Some(reply) = reply else { return Ok(None) };
        update(args, reply.args);
        Ok(Some(reply.acl))
    }

    /// The metadata of a new token. `None`: the plugin leaves it to the daemon.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn get_metadata(&self, login: &str, args: &mut Args) -> Result<Option<Map>, CallError> {
        let reply = self.0.metadata(method::GET_METADATA, login, args)?;
        let Some(reply) = reply else { return Ok(None) };
        update(args, reply.args);
        Ok(Some(reply.metadata))
    }

    /// What to keep with a new refresh token; for offline logins only.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn get_persistent_metadata(&self, login: &str, args: &mut Args) -> Result<Map, CallError> {
        let Some(reply) = self.0.metadata(method::GET_PERSISTENT_METADATA, login, args)? else {
            return Ok(Map::new());
        };
        update(args, reply.args);
        Ok(reply.metadata)
    }
}

// === impl Instance ===

impl Instance {
    /// Runs one of the methods that answer metadata.
    pub(crate) fn metadata(
        &self,
        method: &str,
        login: &str,
        args: &Args,
    ) -> Result<Option<wire::MetadataReply>, CallError> {
        self.call(method, &of_login(login, args), args)
    }
}

fn of_login<'a>(login: &'a str, args: &'a Args) -> wire::LoginArgs<'a> {
    wire::LoginArgs { login: login.into(), args: Cow::Borrowed(args.as_map()) }
}

fn update(args: &mut Args, changed: Option<Map>) {
    if let Some(changed) = changed {
        *args = changed.into();
    }
}
