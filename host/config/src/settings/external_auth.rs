//! Accounts at other services (contract: config.md section 2.8).

use serde::Deserialize;
use serde_json::Value;

/// The relay that tells of a user's consent, and the providers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ExternalAuth {
    /// Websocket of the relay; `{state}` is replaced.
    #[serde(rename = "oauth2_synchronization_ws_url_template")]
    pub ws_url_template: String,
    /// Address given to providers; `{auth_type}` is replaced.
    #[serde(rename = "oauth2_synchronization_redirect_url_template")]
    pub redirect_url_template: String,
    /// As written: a missing key matters only when a request needs it.
    #[serde(default)]
    pub google: Option<Value>,
    /// As `google`.
    #[serde(default)]
    pub microsoft: Option<Value>,
}
