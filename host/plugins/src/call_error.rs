//! Why a call into a plugin gave no answer.

use std::sync::Arc;

use wazo_auth_plugin_api::ApiError;

/// Why a call into a plugin gave no answer. Every variant names the plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// All its slots are taken and enough calls wait, or it says itself that
    /// it has too much to do: to be tried again later (503).
    #[error("plugin `{plugin}` has too much to do: {text}")]
    Busy {
        /// Its name.
        plugin: Arc<str>,
        /// What is exhausted.
        text: String,
    },
    /// It did not return before its deadline; the job was abandoned.
    #[error("plugin `{plugin}` did not answer in time (plugins.{plugin}.timeout)")]
    TimedOut {
        /// Its name.
        plugin: Arc<str>,
    },
    /// It panicked; the panic ended with the call.
    #[error("plugin `{plugin}` panicked: {text}; tell its author")]
    Panicked {
        /// Its name.
        plugin: Arc<str>,
        /// The message of the panic.
        text: String,
    },
    /// Its process ended, or cannot be started (500).
    #[error("plugin `{plugin}` did not answer: {text}; tell its author")]
    Died {
        /// Its name.
        plugin: Arc<str>,
        /// How it ended.
        text: String,
    },
    /// It refuses the credentials (401).
    #[error("plugin `{plugin}` refuses the credentials: {text}")]
    Unauthorized {
        /// Its name.
        plugin: Arc<str>,
        /// Its reason.
        text: String,
    },
    /// Something that it needs for the answer does not exist.
    #[error("plugin `{plugin}` does not find what it needs: {text}")]
    NotFound {
        /// Its name.
        plugin: Arc<str>,
        /// What it does not find.
        text: String,
    },
    /// The API is to answer with this error.
    #[error("plugin `{plugin}` answers {}: {}", error.status, error.message)]
    Api {
        /// Its name.
        plugin: Arc<str>,
        /// The answer; its status is between 400 and 599.
        error: Box<ApiError>,
    },
    /// It failed (500).
    #[error("plugin `{plugin}` failed: {text}")]
    Failed {
        /// Its name.
        plugin: Arc<str>,
        /// Its reason.
        text: String,
    },
    /// Its answer is too large, too deep or not of the expected form.
    #[error("plugin `{plugin}` gave an answer that is not used: {text}")]
    BadReply {
        /// Its name.
        plugin: Arc<str>,
        /// What is wrong with the answer.
        text: String,
    },
}

// === impl CallError ===

impl CallError {
    /// The name of the plugin.
    #[must_use]
    pub fn plugin(&self) -> &str {
        match self {
            Self::Busy { plugin, .. }
            | Self::TimedOut { plugin }
            | Self::Panicked { plugin, .. }
            | Self::Died { plugin, .. }
            | Self::Unauthorized { plugin, .. }
            | Self::NotFound { plugin, .. }
            | Self::Api { plugin, .. }
            | Self::Failed { plugin, .. }
            | Self::BadReply { plugin, .. } => plugin,
        }
    }
}
