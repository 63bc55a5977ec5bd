//! Mails (contract: config.md section 2.7).

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::value::{self, Secret};

super::value::only_mappings!(Smtp);

/// How mails are sent and what they say. Each part is as flat in the files as
/// its keys: `password_reset_*`, `email_confirmation_*`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self")]
pub struct Smtp {
    /// The relay.
    pub hostname: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted; none: not at all.
    pub tls: Option<SmtpTls>,
    /// Certificates that are trusted instead of the system's, PEM.
    #[serde(deserialize_with = "path")]
    pub ca_file: Option<PathBuf>,
    /// Who logs in there; none: nobody.
    #[serde(deserialize_with = "value::non_empty")]
    pub username: Option<String>,
    /// With what.
    #[serde(deserialize_with = "secret")]
    pub password: Option<Secret<String>>,
}

/// How the connection to the relay is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// After a word in clear.
    Starttls,
    /// From the first byte.
    Implicit,
}

// === impl SmtpTls ===

impl SmtpTls {
    /// As it stands in the files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starttls => "starttls",
            Self::Implicit => "implicit",
        }
    }
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(value::non_empty(deserializer)?.map(PathBuf::from))
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret<String>>, D::Error> {
    Ok(value::non_empty(deserializer)?.map(Secret::new))
}

/// Keys `password_reset_*`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PasswordReset {
    /// Seconds that the link is valid.
    #[serde(rename = "password_reset_expiration")]
    pub expiration: u32,
    /// Name of the sender.
    #[serde(rename = "password_reset_from_name")]
    pub from_name: String,
    /// Address of the sender.
    #[serde(rename = "password_reset_from_address")]
    pub from_address: String,
    /// Template of the body.
    #[serde(rename = "password_reset_email_template")]
    pub body_template: PathBuf,
    /// Template of the subject.
    #[serde(rename = "password_reset_email_subject_template")]
    pub subject_template: PathBuf,
}

/// Keys `email_confirmation_*`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EmailConfirmation {
    /// Seconds that the link is valid.
    #[serde(rename = "email_confirmation_expiration")]
    pub expiration: u32,
    /// Name of the sender.
    #[serde(rename = "email_confirmation_from_name")]
    pub from_name: String,
    /// Address of the sender.
    #[serde(rename = "email_confirmation_from_address")]
    pub from_address: String,
    /// Template of the body.
    #[serde(rename = "email_confirmation_template")]
    pub body_template: PathBuf,
    /// Template of the subject.
    #[serde(rename = "email_confirmation_subject_template")]
    pub subject_template: PathBuf,
    /// Template of the page shown to who follows the link.
    #[serde(rename = "email_confirmation_get_response_body_template")]
    pub page_template: PathBuf,
    /// Content type of that page.
    #[serde(rename = "email_confirmation_get_mimetype")]
    pub page_mimetype: String,
}
