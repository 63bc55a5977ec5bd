//! Stock plugin `smtp`: hands mails to a mail server (email-flows.md section 7).
//!
//! One connection for each mail, so that a server that comes back works at once;
//! 4 s for all of it.

mod message;
mod server;

use std::path::PathBuf;

use lettre::Address;
use server::{Server, Tls};
use wazo_auth_plugin_api::prelude::*;

/// What the daemon makes of its own keys `smtp.*`, `email_confirmation_from_*` and
/// `password_reset_from_*`.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields, default)]
pub(crate) struct Config {
    hostname: String,
    port: u16,
    /// None: nothing is encrypted.
    tls: Option<Tls>,
    /// PEM; none: who the system trusts.
    ca_file: Option<PathBuf>,
    username: Option<String>,
    password: Option<String>,
    confirmation: Sender,
    password_reset: Sender,
}

/// Whom a mail is from.
#[derive(Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields, default)]
pub(crate) struct Sender {
    from_name: String,
    from_address: String,
}

struct Smtp {
    host: Host,
    server: Server,
    confirmation: Sender,
    password_reset: Sender,
}

impl EmailNotification for Smtp {
    type Config = Config;

    fn new(config: Config, host: Host) -> Result<Self> {
        let server = Server::new(&config)?;
        let Config { confirmation, password_reset, .. } = config;
        Ok(Self { host, server, confirmation, password_reset })
    }

    fn send_confirmation(&self, context: &EmailContext) -> Result<()> {
        self.send(EmailTemplate::Confirmation, &self.confirmation, context)
    }

    fn send_password_reset(&self, context: &EmailContext) -> Result<()> {
        self.send(EmailTemplate::PasswordReset, &self.password_reset, context)
    }
}

// === impl Smtp ===

impl Smtp {
    fn send(&self, template: EmailTemplate, from: &Sender, context: &EmailContext) -> Result<()> {
        let mail = self.host.format_email(template, context)?;
        let to = address(&context.email_address)?;
        let to_name = context.username.as_deref().unwrap_or_default();
        let from_address = address(&from.from_address)?;
        let headers = message::Headers {
            to: message::mailbox(to_name, to.as_ref()),
            from: message::mailbox(&from.from_name, from_address.as_ref()),
            subject: message::text(&mail.subject),
        };
        self.server.send(from_address, to, &headers.with(&mail.body))
    }
}

fn address(text: &str) -> Result<Address> {
    // Not with the text itself: the daemon's log need not know who was written to.
    let wrong = |error| Error::other(format!("an address is none that mail servers take: {error}"));
    text.to_owned().try_into().map_err(wrong)
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            port: 25,
            tls: None,
            ca_file: None,
            username: None,
            password: None,
            confirmation: Sender::default(),
            password_reset: Sender::default(),
        }
    }
}

// === impl Sender ===

impl Default for Sender {
    fn default() -> Self {
        let from_address = "noreply@wazo.community".to_owned();
        Self { from_name: "wazo-auth".to_owned(), from_address }
    }
}

export_plugins! { email_notification "smtp" => Smtp }

#[cfg(test)]
mod tests;
