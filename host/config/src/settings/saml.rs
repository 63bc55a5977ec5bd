//! Section `saml` (contract: config.md section 2.11).

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::value;

value::only_mappings!(Saml);

/// Logins at a SAML identity provider.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self")]
pub struct Saml {
    /// Domain to its settings, as written.
    #[serde(deserialize_with = "value::or_default")]
    pub domains: IndexMap<String, Value>,
    /// Where providers send their answers; `{{STACK_URL}}` is replaced.
    pub acs_url_template: String,
    /// Seconds a login may take.
    #[serde(rename = "saml_login_timeout_seconds")]
    pub login_timeout: u32,
    /// Seconds a session lasts.
    #[serde(rename = "saml_session_lifetime_seconds")]
    pub session_lifetime: u32,
    /// The program that signs and verifies, where one is used.
    pub xmlsec_binary: PathBuf,
    /// Our key, PEM.
    pub key_file: PathBuf,
    /// Our certificate, PEM.
    pub cert_file: PathBuf,
    /// Where the providers' metadata are kept.
    pub xml_files_dir: PathBuf,
}
