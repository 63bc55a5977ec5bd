//! What the services take and answer that external-authentication plugins use.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Value;

/// Takes what a user has, of the type that the plugin is named after.
#[derive(Serialize, Deserialize)]
pub struct UserData<'a> {
    /// The UUID of the user.
    #[serde(borrow)]
    pub user_uuid: Cow<'a, str>,
    /// The document; it holds secrets.
    #[serde(default)]
    pub data: Cow<'a, Value>,
}

/// Takes the configuration of the type for a tenant.
#[derive(Serialize, Deserialize)]
pub struct TenantConfig<'a> {
    /// The UUID of the tenant.
    #[serde(borrow)]
    pub tenant_uuid: Cow<'a, str>,
    /// The document; it holds secrets.
    #[serde(default)]
    pub data: Cow<'a, Value>,
}

/// Answers a document.
#[derive(Default, Serialize, Deserialize)]
pub struct Document {
    /// The document; it holds secrets.
    #[serde(default)]
    pub data: Value,
}

/// Takes a state, and what to do when a message comes for it.
#[derive(Serialize, Deserialize)]
pub struct OAuth2Callback<'a> {
    /// The UUID of the user.
    #[serde(borrow)]
    pub user_uuid: Cow<'a, str>,
    /// The state.
    #[serde(borrow)]
    pub state: Cow<'a, str>,
    /// Handed to the plugin with the message.
    #[serde(default)]
    pub extra: Cow<'a, Value>,
    /// The address of a relay of the plugin's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websocket_url: Option<Cow<'a, str>>,
}

/// Answers an address.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    #[serde(default)]
    pub url: String,
}

/// Takes a request to another service; its body goes beside it.
#[derive(Serialize, Deserialize)]
pub struct Outgoing<'a> {
    /// The method.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    /// The address.
    #[serde(borrow)]
    pub url: Cow<'a, str>,
    /// Headers; they may hold secrets.
    #[serde(default)]
    pub headers: Cow<'a, [(String, String)]>,
}
