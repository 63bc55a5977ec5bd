//! The kinds whose plugins are asked something once they are made.

use std::sync::Arc;

use indexmap::IndexMap;

use super::Loading;
use crate::{
    CallError, ExternalAuth, HttpPlugin, IdentityProvider, LoadError, instance::Instance, kind,
};

// === impl Loading ===

impl Loading<'_> {
    /// The identity providers in the order in which they are asked, with those
    /// that the daemon goes without.
    pub(crate) fn identity_providers(
        &mut self,
    ) -> Result<IndexMap<String, IdentityProvider>, LoadError> {
        let made = self.group(kind::IDENTITY_PROVIDER)?;
        let providers = made.into_iter().map(|(name, instance)| {
            let instance = Arc::new(instance);
            let method = self.ask(&instance, Instance::authentication_method);
            let provider = IdentityProvider::new(instance, method);
            warn_if_dropped(&provider);
            (name, provider)
        });
        Ok(providers.collect())
    }

    /// The plugins that add routes to the API.
    pub(crate) fn http(&mut self) -> Result<IndexMap<String, HttpPlugin>, LoadError> {
        let made = self.group(kind::HTTP)?;
        let plugins = made.into_iter().map(|(name, instance)| {
            let instance = Arc::new(instance);
            let routes = or_nothing("routes", self.ask(&instance, Instance::routes));
            (name, HttpPlugin { instance, routes })
        });
        Ok(plugins.collect())
    }

    /// The external-authentication plugins.
    pub(crate) fn external_auth(&mut self) -> Result<IndexMap<String, ExternalAuth>, LoadError> {
        let made = self.group(kind::EXTERNAL_AUTH)?;
        let plugins = made.into_iter().map(|(name, instance)| {
            let instance = Arc::new(instance);
            let routes = or_nothing("routes", self.ask(&instance, Instance::routes));
            let plugin_info = or_nothing("plugin_info", self.ask(&instance, Instance::plugin_info));
            (name, ExternalAuth { instance, routes, plugin_info })
        });
        Ok(plugins.collect())
    }
}

fn warn_if_dropped(provider: &IdentityProvider) {
    let (name, Err(reason)) = (provider.name(), &provider.method) else { return };
    if provider.instance.unusable().is_some() {
        log::warn!(target: "wazo_auth.plugins",
            "the identity provider `{name}` is left out: it could not be started");
    } else {
        log::warn!(target: "wazo_auth.plugins",
            "the identity provider `{name}` is left out, as it has no authentication method: {reason}");
    }
}

/// What a plugin says of itself; nothing, if that failed.
fn or_nothing<T: Default>(what: &str, answer: Result<T, CallError>) -> T {
    answer.unwrap_or_else(|error| {
        log::error!(target: "wazo_auth.plugins", "its {what} are not used: {error}");
        T::default()
    })
}
