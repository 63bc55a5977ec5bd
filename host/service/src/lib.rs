//! The rules of the service: who may log in, what a token carries, who may
//! hand out what.
//!
//! Synchronous code. It knows nothing of HTTP and nothing of SQL: it is called
//! by the `http` crate on a worker thread (but for [`Services::check`], which
//! answers from memory), and calls the store, the plugins and the hasher.
//!
//! A request that changes something is *prepared* (reads, hashing, plugins; no
//! transaction is open), then *written* by one short closure that checks again
//! what the preparation relied on.

use std::sync::{Arc, OnceLock, atomic::AtomicI64};

use indexmap::IndexMap;
use parking_lot::Mutex;
use uuid::Uuid;
use wazo_auth_context::Context;
use wazo_auth_events::Events;
use wazo_auth_password::Hasher;
use wazo_auth_plugins::Registry;
use wazo_auth_store::Store;

pub use outside::Outside;

use activity::Activity;
use directory::Directory;
use mails::{MailRules, Mails};
use reconciliation::Configured;
use totals::Totals;

pub mod activity;
mod authentication_methods;
pub mod bootstrap;
pub mod cleanup;
mod directory;
mod events;
pub mod external_auth;
pub mod groups;
pub mod host_services;
pub mod idp;
pub mod ldap_config;
pub mod login;
pub mod mails;
pub mod metadata;
pub mod missing;
mod outside;
pub mod policies;
pub mod reconciliation;
pub mod refresh_tokens;
pub mod sessions;
pub mod slug;
pub mod tenants;
pub mod tokens;
mod totals;
pub mod users;

/// The `auth_id` of tokens that the service issues to itself.
pub const OWN_AUTH_ID: &str = "wazo-auth";

/// The settings that the rules depend on (config.md section 2.4).
#[derive(Debug, Clone)]
pub struct Rules {
    /// Lifetime of a token, in seconds, when the request names none.
    pub default_token_lifetime: i64,
    /// How many sessions a user may have at once.
    pub max_user_concurrent_sessions: i64,
    /// Name of the policy whose accesses every user token gets.
    pub default_user_policy: Option<String>,
    /// The same by the `backend` value of the request; wins.
    pub backend_policies: IndexMap<String, String>,
    /// Expired tokens deleted per transaction, at most.
    pub token_cleanup_batch_size: u32,
    /// Seconds between two clean-ups; 0 or less: none.
    pub token_cleanup_interval: f64,
    /// Policies and groups kept by configuration.
    pub configured: Configured,
    /// Mails with links.
    pub mails: MailRules,
}

/// The domain: everything that a request handler may ask for.
pub struct Services {
    context: Context,
    rules: Rules,
    store: Arc<Store>,
    hasher: Arc<Hasher>,
    events: Events,
    directory: Directory,
    totals: Totals,
    activity: Activity,
    mails: Mails,
    /// Tenants of registrations that failed, which could not be deleted so far.
    leftovers: Mutex<Vec<Uuid>>,
    /// Of sessions that end before this (epoch seconds) the bus was told that they
    /// end soon.
    told_until: AtomicI64,
    /// Set once, after the plugins were given this very object to call.
    plugins: OnceLock<Registry>,
    /// Set once, where other services may be asked.
    outside: OnceLock<Outside>,
    top_tenant: Uuid,
}

// === impl Services ===

impl Services {
    /// The services over an open store, whose changes `events` tells the bus.
    ///
    /// # Errors
    /// [`StartError`] when the database has no top tenant or cannot be read.
    pub fn new(
        context: Context,
        rules: Rules,
        store: Arc<Store>,
        hasher: Arc<Hasher>,
        events: Events,
    ) -> Result<Arc<Self>, StartError> {
        let top = store.read(wazo_auth_store::tenants::top).map_err(StartError::Store)?;
        let top_tenant = top.ok_or(StartError::NoTopTenant)?.uuid;
        let (directory, totals) = (Directory::default(), Totals::default());
        let (plugins, outside) = (OnceLock::new(), OnceLock::new());
        Ok(Arc::new(Self {
            context,
            rules,
            store,
            hasher,
            events,
            directory,
            totals,
            activity: Activity::default(),
            mails: Mails::new(),
            leftovers: Mutex::default(),
            told_until: AtomicI64::new(i64::MIN),
            plugins,
            outside,
            top_tenant,
        }))
    }

    /// Hands over the loaded plugins; done once, at start.
    pub fn set_plugins(&self, registry: Registry) {
        if self.plugins.set(registry).is_err() {
            log::error!(target: "wazo_auth.service", "plugins were handed over twice; the first ones stay");
        }
    }

    /// The loaded plugins.
    ///
    /// # Errors
    /// [`NotReady`] while they are still being loaded.
    pub fn plugins(&self) -> Result<&Registry, NotReady> {
        self.plugins.get().ok_or(NotReady)
    }

    /// Time, randomness and environment.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The settings of the rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The store below.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// What tells the bus.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Whether requests come, and what they make.
    #[must_use]
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(crate) fn mails(&self) -> &Mails {
        &self.mails
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The tenant above all others: another one once the backup of another
    /// installation was restored beside us.
    #[must_use]
    pub fn top_tenant(&self) -> Uuid {
        self.store.index().top_tenant().unwrap_or(self.top_tenant)
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// The current time in whole seconds since 1970.
    pub(crate) fn now_seconds(&self) -> i64 {
        self.context.now().as_second()
    }
}

/// Why the services cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The database holds no tenant that is its own parent.
    #[error(
        "the database has no top tenant (a tenant that is its own parent): it was not made by wazo-auth, or is damaged"
    )]
    NoTopTenant,
    /// The database cannot be read.
    #[error("the database cannot be read: {0}")]
    Store(#[source] wazo_auth_store::Error),
}

/// A plugin called before all plugins were loaded.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("plugins are still being loaded")]
pub struct NotReady;
