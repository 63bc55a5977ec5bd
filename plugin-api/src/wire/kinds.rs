//! What the methods take and answer of the kinds that came after backends and
//! metadata plugins.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Map, Value};

/// Takes what is known of a login request; its body goes beside it.
#[derive(Serialize, Deserialize)]
pub struct Authenticate<'a> {
    /// See [`Args`](crate::Args).
    #[serde(default)]
    pub args: Cow<'a, Map>,
    /// All headers, with names in small letters.
    #[serde(default)]
    pub headers: Cow<'a, [(String, String)]>,
}

/// Takes what is known of a login.
#[derive(Serialize, Deserialize)]
pub struct OfArgs<'a> {
    /// See [`Args`](crate::Args).
    #[serde(default)]
    pub args: Cow<'a, Map>,
}

/// Answers the authentication method of an identity provider.
#[derive(Debug, Serialize, Deserialize)]
pub struct Method {
    /// Its name; empty for none.
    #[serde(default)]
    pub authentication_method: String,
}

/// Answers whether a login request is for an identity provider.
#[derive(Debug, Serialize, Deserialize)]
pub struct CanAuthenticate {
    /// It is.
    pub can_authenticate: bool,
}

/// Answers who sent a login request.
#[derive(Debug, Serialize, Deserialize)]
pub struct Authenticated {
    /// The backend to ask for more.
    pub backend: String,
    /// The login of a user.
    pub login: String,
    /// The arguments, if the plugin changed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map>,
}

/// Answers a backend.
#[derive(Debug, Serialize, Deserialize)]
pub struct BackendName {
    /// Its name.
    pub backend: String,
}

/// Answers what user interfaces are told of a type of external authentication.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PluginInfo {
    /// Any keys.
    #[serde(default)]
    pub plugin_info: Map,
}

/// Takes a stored document.
#[derive(Serialize, Deserialize)]
pub struct Data<'a> {
    /// The document; it holds secrets.
    pub data: Cow<'a, Value>,
}

/// Answers what of a stored document may be shown.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SafeData {
    /// Any keys.
    #[serde(default)]
    pub data: Map,
}

/// Takes what came for a state that a plugin had registered.
#[derive(Serialize, Deserialize)]
pub struct OAuth2Message<'a> {
    /// The UUID of the user who consented.
    #[serde(borrow)]
    pub user_uuid: Cow<'a, str>,
    /// What the plugin had left for itself.
    #[serde(default)]
    pub extra: Cow<'a, Value>,
    /// What came.
    #[serde(default)]
    pub message: Cow<'a, Value>,
}
