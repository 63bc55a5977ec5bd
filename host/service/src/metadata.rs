//! Token metadata by purpose (tokens.md section 6): each metadata plugin of a
//! purpose overlays what the ones before it said.

use serde_json::{Map, Value};
use wazo_auth_plugins::{Args, CallError, MetadataPlugin};

use crate::{NotReady, Services};

/// Why there is no metadata.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// No metadata plugin serves this purpose.
    #[error("no metadata plugin is enabled for purpose `{0}`; see `enabled_metadata_plugins`")]
    UnknownPurpose(String),
    /// A plugin failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Asked for too early.
    #[error(transparent)]
    NotReady(#[from] NotReady),
}

type Ask = fn(&MetadataPlugin, &str, &Args) -> Result<Map<String, Value>, CallError>;

impl Services {
    /// The metadata of a token for `login`.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn token_metadata(
        &self,
        purpose: &str,
        login: &str,
        args: &Args,
    ) -> Result<Map<String, Value>, MetadataError> {
        self.overlay(purpose, login, args, MetadataPlugin::get_token_metadata)
    }

    /// The metadata to keep with a refresh token of `login`.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn persistent_metadata(
        &self,
        purpose: &str,
        login: &str,
        args: &Args,
    ) -> Result<Map<String, Value>, MetadataError> {
        self.overlay(purpose, login, args, MetadataPlugin::get_persistent_metadata)
    }

    fn overlay(
        &self,
        purpose: &str,
        login: &str,
        args: &Args,
        ask: Ask,
    ) -> Result<Map<String, Value>, MetadataError> {
        let plugins = self
            .plugins()?
            .metadata_for(purpose)
            .ok_or_else(|| MetadataError::UnknownPurpose(purpose.to_owned()))?;
        let mut metadata = Map::new();
        for plugin in plugins {
            metadata.extend(ask(plugin, login, args)?);
        }
        Ok(metadata)
    }
}
