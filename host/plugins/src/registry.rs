//! All plugins of the daemon: which are there, which can be called.
//!
//! The rules of loading are those of the contract (plugins.md section 1). A
//! file that is refused counts as not installed; a plugin that was opened but
//! could not be made is registered all the same, and unusable.

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use crate::{
    Backend, EmailNotification, ExternalAuth, HostServices, HttpPlugin, Identities,
    IdentityProvider, MetadataPlugin, Settings,
    instance::Instance,
    kind,
    registry::{known_backends::KnownBackends, loading::Loading},
};

mod catalog;
mod choice;
mod error;
mod known_backends;
mod loading;
mod purposes;
mod report;
mod survey;

pub use error::LoadError;
pub(crate) use loading::THIS_PROGRAM;
pub use loading::{Candidate, TrialOpener};
pub use report::{PluginReport, PluginState};

pub(crate) use catalog::Catalog;
pub(crate) use choice::{Absent, Choices, offers_others};
use purposes::Purposes;
use report::Registered;

/// The backend that must be there.
const REQUIRED: &str = "wazo_user";
/// Plugins that every login needs: they are always called.
const VITAL: [(&str, &str); 4] = [
    (kind::BACKEND, REQUIRED),
    (kind::METADATA, "default_user"),
    (kind::METADATA, "default_internal"),
    (kind::METADATA, "default_external_api"),
];
/// Others that hold no workers which others need: they wait for theirs on threads
/// that are there for nothing else.
const PATIENT: [(&str, &str); 2] =
    [(kind::IDENTITY_PROVIDER, "ldap"), (kind::BACKEND, "ldap_user")];

/// All plugins of the daemon.
pub struct Registry {
    backends: IndexMap<String, Backend>,
    metadata: IndexMap<String, Arc<MetadataPlugin>>,
    /// In the order in which they are asked; those that were dropped too.
    identity_providers: IndexMap<String, IdentityProvider>,
    external_auth: IndexMap<String, ExternalAuth>,
    email_notification: Option<EmailNotification>,
    http: IndexMap<String, HttpPlugin>,
    purposes: Purposes,
    identities: IndexMap<String, Identities>,
    /// Where the registered plugins come from, by kind and name.
    registered: Vec<Registered>,
    /// Files and names that are not registered.
    others: Vec<PluginReport>,
}

// === impl Registry ===

impl Registry {
    /// Looks at all files, opens those that are enabled (a third party's in
    /// another process first), makes the plugins.
    /// Problems that the daemon can live with go to the log.
    ///
    /// # Errors
    /// Problems that it cannot live with.
    pub fn load(
        settings: &Settings,
        services: Arc<dyn HostServices>,
        opener: &dyn TrialOpener,
    ) -> Result<Self, LoadError> {
        let catalog = Catalog::read(&settings.plugin_dirs);
        let known_backends = Arc::new(KnownBackends::new(services));
        let services = Arc::<KnownBackends>::clone(&known_backends);
        let mut loading = Loading::new(settings, &catalog, services, opener);
        let mailer = loading.enabled(kind::EMAIL_NOTIFICATION).first().copied();
        let email_notification = loading.group(kind::EMAIL_NOTIFICATION)?.into_values().next();
        let metadata = loading.group(kind::METADATA)?;
        let backends = loading.group(kind::BACKEND)?;
        known_backends.are(&backends);
        let identity_providers = loading.identity_providers()?;
        let http = loading.http()?;
        let external_auth = loading.external_auth()?;
        let (registered, mut others) = loading.finish();
        others.extend(catalog.not_loaded(&registered));

        let metadata: IndexMap<_, _> = metadata
            .into_iter()
            .map(|(name, made)| (name, Arc::new(MetadataPlugin(made))))
            .collect();
        let registry = Self {
            backends: backends.into_iter().map(|(name, made)| (name, Backend(made))).collect(),
            purposes: Purposes::new(&metadata, &settings.purpose_metadata_mapping),
            metadata,
            identity_providers,
            external_auth,
            email_notification: email_notification.map(|made| EmailNotification(Arc::new(made))),
            http,
            identities: identities(settings),
            registered,
            others,
        };
        registry.check_required(mailer)?;
        Ok(registry)
    }

    /// What [`load`](Self::load) would find, without running any of it.
    #[must_use]
    pub fn survey(settings: &Settings) -> Vec<PluginReport> {
        survey::survey(settings)
    }

    /// The registered backends in the order of the configuration, those that
    /// cannot be called too: what `GET /backends` lists.
    pub fn backend_names(&self) -> impl Iterator<Item = &str> {
        self.backends.keys().map(String::as_str)
    }

    /// A backend, if it can be called.
    #[must_use]
    pub fn backend(&self, name: &str) -> Option<&Backend> {
        self.backends.get(name).filter(|backend| backend.0.unusable().is_none())
    }

    /// Whether a backend of this name comes with the daemon.
    #[must_use]
    pub fn is_stock(name: &str) -> bool {
        kind::is_stock(kind::BACKEND, name)
    }

    /// The third parties' backends that can be called: each one is an
    /// authentication method of its name.
    pub fn third_party_backends(&self) -> impl Iterator<Item = &Backend> {
        let names = self.backends.keys().filter(|name| !Self::is_stock(name));
        names.filter_map(|name| self.backend(name))
    }

    /// The identity providers in the order in which they are asked.
    pub fn identity_providers(&self) -> impl Iterator<Item = &IdentityProvider> {
        self.identity_providers.values().filter(|provider| provider.method.is_ok())
    }

    /// The external-authentication plugins in the order of the configuration,
    /// those that cannot be called too.
    pub fn external_auth(&self) -> impl Iterator<Item = &ExternalAuth> {
        self.external_auth.values()
    }

    /// The plugin that sends mails, if there is one.
    #[must_use]
    pub fn email_notification(&self) -> Option<&EmailNotification> {
        self.email_notification.as_ref()
    }

    /// The plugins that add routes, in the order of the configuration.
    pub fn http(&self) -> impl Iterator<Item = &HttpPlugin> {
        self.http.values()
    }

    /// What those who are known to a backend only may be; none: they are
    /// refused.
    #[must_use]
    pub fn identities(&self, backend: &str) -> Option<&Identities> {
        self.identities.get(backend)
    }

    /// The metadata plugins of a purpose: its default one, then those of the
    /// mapping; later results replace earlier keys. None when the purpose is
    /// unknown or its default plugin is not there: no token can be made.
    #[must_use]
    pub fn metadata_for(&self, purpose: &str) -> Option<&[Arc<MetadataPlugin>]> {
        self.purposes.get(purpose)
    }

    /// Every plugin and every refused file, for people.
    #[must_use]
    pub fn report(&self) -> Vec<PluginReport> {
        let registered = self.registered.iter();
        let reports = registered.filter_map(|registered| {
            let instance = self.instance(registered.kind, &registered.name)?;
            let dropped = match registered.kind {
                kind::IDENTITY_PROVIDER => self.identity_providers.get(&registered.name),
                _ => None,
            };
            let dropped = dropped.and_then(|provider| provider.method.as_ref().err());
            Some(registered.report(instance, dropped.map(String::as_str)))
        });
        reports.chain(self.others.iter().cloned()).collect()
    }

    fn instance(&self, kind: &str, name: &str) -> Option<&Instance> {
        match kind {
            kind::BACKEND => self.backends.get(name).map(|backend| &backend.0),
            kind::METADATA => self.metadata.get(name).map(|plugin| &plugin.0),
            kind::IDENTITY_PROVIDER => {
                self.identity_providers.get(name).map(|provider| &*provider.instance)
            }
            kind::EXTERNAL_AUTH => self.external_auth.get(name).map(|plugin| &*plugin.instance),
            kind::HTTP => self.http.get(name).map(|plugin| &*plugin.instance),
            _ => self.email_notification.as_ref().map(|plugin| &*plugin.0),
        }
    }

    fn check_required(&self, mailer: Option<&str>) -> Result<(), LoadError> {
        self.require(kind::BACKEND, REQUIRED)?;
        mailer.map_or(Ok(()), |name| self.require(kind::EMAIL_NOTIFICATION, name))
    }

    fn require(&self, kind: &'static str, name: &str) -> Result<(), LoadError> {
        let reason = match self.instance(kind, name).map(Instance::unusable) {
            Some(None) => return Ok(()),
            Some(Some(reason)) => format!("it could not be started: {reason}"),
            None => {
                let known = self.others.iter().find(|report| report.is(kind, name));
                let reason = known.and_then(|report| report.reason.clone());
                reason.unwrap_or_else(|| {
                    "it is not enabled; set enabled_backend_plugins.wazo_user to true".to_owned()
                })
            }
        };
        Err(LoadError::Required { kind, name: name.to_owned(), reason })
    }
}

/// The identities of those backends that are enabled.
fn identities(settings: &Settings) -> IndexMap<String, Identities> {
    let enabled: IndexSet<_> =
        settings.enabled_backends.iter().filter(|(_, on)| **on).map(|(name, _)| name).collect();
    let plugins = settings.plugins.iter().filter(|(name, _)| enabled.contains(name));
    plugins
        .filter_map(|(name, options)| Some((name.clone(), options.identities.clone()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_treated_better_is_the_daemons_own() {
        for (kind, name) in VITAL.iter().chain(&PATIENT) {
            assert!(kind::is_stock(kind, name), "{kind} {name}");
        }
        assert!(!VITAL.contains(&(kind::BACKEND, "ldap_user")), "a login goes on without it");
    }
}
