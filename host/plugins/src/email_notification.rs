//! Calls into the plugin that sends mails.

use std::sync::Arc;

use wazo_auth_plugin_api::{
    EmailContext,
    wire::{Empty, method},
};

use crate::{CallError, confided::confide_all, instance::Instance};

/// The stock plugin that writes mails to the log, links and all.
const LOGGER: &str = "logger";

/// The plugin that sends mails (contract: plugins.md section 6).
///
/// Calls block: they belong on a pool's thread, where each one runs under the
/// plugin's deadline.
pub struct EmailNotification(pub(crate) Arc<Instance>);

// === impl EmailNotification ===

impl EmailNotification {
    /// The name by which it is enabled.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Sends the mail with which the owner of an address confirms it.
    ///
    /// # Errors
    /// Why it is not sent.
    pub fn send_confirmation(&self, context: &EmailContext) -> Result<(), CallError> {
        self.send(method::SEND_CONFIRMATION, context)
    }

    /// Sends the mail with which a user chooses a new password.
    ///
    /// # Errors
    /// Why it is not sent.
    pub fn send_password_reset(&self, context: &EmailContext) -> Result<(), CallError> {
        self.send(method::SEND_PASSWORD_RESET, context)
    }

    fn send(&self, method: &str, context: &EmailContext) -> Result<(), CallError> {
        // To write it down is all that one plugin is for.
        let is_told = self.name() != LOGGER;
        let _confided = is_told.then(|| confide_all([context.token.as_str()]));
        let reply = self.0.exchange(method, context, &[])?;
        let reply = reply.ok_or_else(|| self.0.failed("it does not send this mail"))?;
        self.0.read(&reply).map(|Empty {}| ())
    }
}
