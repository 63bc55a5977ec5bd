//! Section `rest_api` (contract: config.md section 2.2).

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::value;

value::only_mappings!(RestApi, Timeouts, Cors);

/// Where and how the API is served.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self")]
pub struct RestApi {
    /// The address to bind.
    pub listen: String,
    /// The port to bind.
    pub port: u16,
    /// Requests worked on at a time, and connections to the database.
    #[serde(deserialize_with = "value::positive")]
    pub max_threads: u32,
    /// Connections open at a time, as far as the limit on descriptors allows.
    #[serde(deserialize_with = "value::positive")]
    pub max_connections: u32,
    /// How long a client may take.
    pub timeouts: Timeouts,
    /// How many proxies are trusted to add to `X-Forwarded-*` (http.md 6.2).
    pub num_proxies: u32,
    /// How TLS gets its certificate if not from the two files below.
    pub tls: Option<Tls>,
    /// The certificate chain, PEM.
    #[serde(deserialize_with = "path")]
    pub certificate: Option<PathBuf>,
    /// The key of the certificate, PEM.
    #[serde(deserialize_with = "path")]
    pub private_key: Option<PathBuf>,
    /// Requests from scripts of other sites (http.md 6.1).
    #[serde(deserialize_with = "value::or_default")]
    pub cors: Cors,
}

/// Section `rest_api.timeouts`: how long a client may take for each step.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(remote = "Self")]
pub struct Timeouts {
    /// For the TLS handshake.
    #[serde(deserialize_with = "value::positive_seconds")]
    pub handshake: Duration,
    /// For the head of a request, since the answer to the one before it.
    #[serde(deserialize_with = "value::positive_seconds")]
    pub head: Duration,
    /// For the body of a request.
    #[serde(deserialize_with = "value::positive_seconds")]
    pub body: Duration,
    /// To take each 64 KiB of an answer.
    #[serde(deserialize_with = "value::positive_seconds")]
    pub answer: Duration,
    /// To finish requests that run when the daemon is told to stop.
    #[serde(deserialize_with = "value::seconds")]
    pub stop: Duration,
}

/// The values of `rest_api.tls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Certificate and key are made on the first start.
    SelfSigned,
}

/// Section `rest_api.cors`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(remote = "Self")]
pub struct Cors {
    /// Whether any such header is sent.
    #[serde(default, deserialize_with = "value::switch")]
    pub enabled: bool,
    /// Request headers that may be sent.
    #[serde(default, deserialize_with = "value::or_default")]
    pub allow_headers: Vec<String>,
    /// The other settings, as written: origins, methods, expose_headers,
    /// supports_credentials, max_age, send_wildcard, vary_header, always_send, resources.
    #[serde(skip)]
    pub others: Map<String, Value>,
}

// === impl RestApi ===

impl RestApi {
    /// Certificate and key, when both are named (one alone has no effect).
    #[must_use]
    pub fn certificate_files(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.certificate.as_ref().zip(self.private_key.as_ref())
    }
}

fn path<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(value::non_empty(deserializer)?.map(PathBuf::from))
}
