//! Calls into a metadata plugin.

use wazo_auth_plugin_api::{Args, Map, wire::method};

use crate::{CallError, instance::Instance};

/// A metadata plugin (contract: plugins.md section 4). One that could not be
/// started is here too, and fails each call: tokens without what it says of
/// their owner must not be made.
pub struct MetadataPlugin(pub(crate) Instance);

// === impl MetadataPlugin ===

impl MetadataPlugin {
    /// The name by which it is enabled.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// What to add to the metadata of a new token.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn get_token_metadata(&self, login: &str, args: &Args) -> Result<Map, CallError> {
        match self.0.metadata(method::GET_TOKEN_METADATA, login, args)? {
            Some(reply) => Ok(reply.metadata),
            None => self.default_of(login),
        }
    }

    /// What to keep with a new refresh token.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn get_persistent_metadata(&self, login: &str, args: &Args) -> Result<Map, CallError> {
        let reply = self.0.metadata(method::GET_PERSISTENT_METADATA, login, args)?;
        Ok(reply.map(|reply| reply.metadata).unwrap_or_default())
    }

    /// The answer that the host gives in the plugin's place.
    fn default_of(&self, login: &str) -> Result<Map, CallError> {
        self.0.host().user_metadata(login).map_err(|error| {
            let text = error.text().to_owned();
            self.0.refusal(error).unwrap_or_else(|| self.0.failed(text))
        })
    }
}
