//! The capability to send mails.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Host, Result};

/// Sends the daemon's mails: one plugin does, named by
/// `email_notification_plugin`.
///
/// A mail is rendered by the daemon, from the operator's templates, when the
/// plugin asks for it ([`Host::format_email`]). Whoever caused the mail waits
/// for the answer: it should come within seconds.
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// struct Outbox {
///     host: Host,
/// }
///
/// impl Outbox {
///     fn send(&self, template: EmailTemplate, context: &EmailContext) -> Result<()> {
///         let mail = self.host.format_email(template, context)?;
///         log::info!("to {}: {}", context.email_address, mail.subject);
///         Ok(())
///     }
/// }
///
/// impl EmailNotification for Outbox {
///     type Config = NoConfig;
///
///     fn new(_config: NoConfig, host: Host) -> Result<Self> {
///         Ok(Self { host })
///     }
///
///     fn send_confirmation(&self, context: &EmailContext) -> Result<()> {
///         self.send(EmailTemplate::Confirmation, context)
///     }
///
///     fn send_password_reset(&self, context: &EmailContext) -> Result<()> {
///         self.send(EmailTemplate::PasswordReset, context)
///     }
/// }
///
/// let host = MockHost::new().answer("emails.format", json!({"subject": "Hello", "body": "…"}));
/// let plugin = testing::email_notification::<Outbox>(json!({}), host.clone())?;
/// plugin.send_confirmation(&EmailContext::new("t0ken", "wile@acme.example"))?;
/// assert_eq!(host.logs()[0].text, "to wile@acme.example: Hello");
/// # Ok::<(), Error>(())
/// ```
pub trait EmailNotification: Sized + Send + Sync + 'static {
    /// Its block of the daemon's configuration (`plugins.<name>.config`);
    /// [`NoConfig`](crate::NoConfig) when there is nothing to configure.
    type Config: DeserializeOwned;

    /// Makes the plugin, once, when the daemon starts, which does not do so
    /// without it.
    ///
    /// # Errors
    /// Whatever prevents the plugin from ever working.
    fn new(config: Self::Config, host: Host) -> Result<Self>;

    /// Sends the mail with which the owner of an address confirms it; returns
    /// once it is accepted.
    ///
    /// # Errors
    /// Why it is not sent.
    fn send_confirmation(&self, context: &EmailContext) -> Result<()>;

    /// Sends the mail with which a user chooses a new password; returns once
    /// it is accepted.
    ///
    /// # Errors
    /// Why it is not sent.
    fn send_password_reset(&self, context: &EmailContext) -> Result<()>;
}

/// What a mail is about, and for whom it is: what the templates may use
/// (contract: email-flows.md section 6).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EmailContext {
    /// The token of the mail's link. Whoever has it may do what the mail is
    /// for.
    pub token: String,
    /// The user name of the recipient, if there is one.
    #[serde(default)]
    pub username: Option<String>,
    /// Of a confirmation: the UUID of the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_uuid: Option<String>,
    /// Of a reset: the UUID of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_uuid: Option<String>,
    /// The address of the recipient.
    pub email_address: String,
    /// The host to which the request came that caused the mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The port, if the request named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The prefix of the path under which a proxy publishes the daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// Which mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EmailTemplate {
    /// The owner of an address is to confirm it.
    Confirmation,
    /// A user is to choose a new password.
    PasswordReset,
}

// === impl EmailContext ===

impl EmailContext {
    /// A mail with a token, to an address.
    pub fn new(token: impl Into<String>, email_address: impl Into<String>) -> Self {
        Self { token: token.into(), email_address: email_address.into(), ..Self::default() }
    }
}

/// Without the token.
impl std::fmt::Debug for EmailContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmailContext")
            .field("username", &self.username)
            .field("email_address", &self.email_address)
            .finish_non_exhaustive()
    }
}
