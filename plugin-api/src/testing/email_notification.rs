use super::Tested;
use crate::{
    EmailContext, Result,
    wire::{Empty, method},
};

/// An e-mail plugin behind the border.
pub struct TestedEmailNotification(pub(super) Tested);

// === impl TestedEmailNotification ===

impl TestedEmailNotification {
    /// See [`EmailNotification::send_confirmation`](crate::EmailNotification::send_confirmation).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn send_confirmation(&self, context: &EmailContext) -> Result<()> {
        self.0.call(method::SEND_CONFIRMATION, context).map(|Empty {}| ())
    }

    /// See [`EmailNotification::send_password_reset`](crate::EmailNotification::send_password_reset).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn send_password_reset(&self, context: &EmailContext) -> Result<()> {
        self.0.call(method::SEND_PASSWORD_RESET, context).map(|Empty {}| ())
    }
}
