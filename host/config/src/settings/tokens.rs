//! Keys of tokens and sessions (contract: config.md section 2.4).

use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;

use super::value;

/// How long tokens live and what they may.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Tokens {
    /// Lifetime in seconds of a token whose request names none.
    #[serde(rename = "default_token_lifetime")]
    pub default_lifetime: u32,
    /// Time between two removals of expired tokens; zero or less: never.
    #[serde(rename = "token_cleanup_interval", deserialize_with = "value::seconds_or_never")]
    pub cleanup_interval: Duration,
    /// How many expired tokens one statement removes.
    #[serde(rename = "token_cleanup_batch_size", deserialize_with = "value::positive")]
    pub cleanup_batch_size: u32,
    /// Sessions at a time of a user of purpose `user` or `external_api`.
    pub max_user_concurrent_sessions: u32,
    /// Name of a policy whose access is added to every user's token.
    #[serde(default, deserialize_with = "value::non_empty")]
    pub default_user_policy: Option<String>,
    /// The same for one backend each; wins over `default_user_policy`.
    #[serde(deserialize_with = "value::or_default")]
    pub backend_policies: IndexMap<String, String>,
}
