//! The daemon's parts in this very process, with hashes that cost nothing: for
//! what needs more logins than real hashes allow.

use std::{fs, num::NonZeroUsize, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc};

use tempfile::TempDir;
use wazo_auth_config::Config;
use wazo_auth_context::{Context, Environment, time_zone};
use wazo_auth_events::Events;
use wazo_auth_password::Hasher;
use wazo_auth_plugins::{Candidate, Identities, PluginOptions, Registry, Settings, TrialOpener};
use wazo_auth_service::{
    Rules, Services,
    bootstrap::InitialUser,
    host_services::PluginHost,
    login::{LoginRequest, RawRequest},
};
use wazo_auth_store::{Change, Options, Sealer, Store, Tx};

use crate::daemon::{ADMIN, ADMIN_PASSWORD};

/// Opens what is there.
struct NoTrial;

/// Services over a database of their own.
pub struct InProcess {
    /// The services, with an administrator as a daemon of a test has one.
    pub services: Arc<Services>,
    _folder: TempDir,
}

// === impl InProcess ===

impl TrialOpener for NoTrial {
    fn try_open(&self, _: &Candidate<'_>) -> Result<(), String> {
        Ok(())
    }
}

impl InProcess {
    /// Starts with the default configuration and these libraries, enabling the
    /// backends that are named, which may let in whom only they know.
    ///
    /// # Panics
    /// When anything fails.
    #[must_use]
    pub fn start(libraries: &[PathBuf], backends: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        fs::create_dir(&plugins).unwrap();
        fs::set_permissions(&plugins, fs::Permissions::from_mode(0o755)).unwrap();
        for library in libraries {
            let there = plugins.join(library.file_name().unwrap());
            fs::copy(library, &there).unwrap();
            fs::set_permissions(&there, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let zone = time_zone(Some("UTC")).unwrap();
        let context = Context::system(Environment { xivo_uuid: None, time_zone: zone });
        let sealer = Some(Sealer::new(&context.random()));
        let options = Options { path: folder.path().join("auth.db"), readers: 4, sealer };
        let store = Store::open(options, context.clone()).unwrap();
        let hasher = Arc::new(hasher(&context));
        let services = Services::new(context, rules(), store, hasher, Events::off()).unwrap();
        let mut settings = settings(backends);
        settings.plugin_dirs = vec![plugins];
        let registry = Registry::load(&settings, PluginHost::new(&services), &NoTrial).unwrap();
        services.set_plugins(registry);
        let admin = InitialUser {
            username: ADMIN.to_owned(),
            password: ADMIN_PASSWORD.to_owned(),
            purpose: "internal".to_owned(),
            policy_slug: "wazo_default_master_user_policy".to_owned(),
        };
        services.ensure_initial_user(&admin).unwrap();
        Self { services, _folder: folder }
    }

    /// Changes the database.
    ///
    /// # Panics
    /// When the statement fails.
    pub fn run(&self, sql: &'static str) {
        let run = |tx: &mut Tx<'_>| tx.conn().execute(sql, &[]);
        self.services.store().write(Change::Directory, run).unwrap();
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.services.store().close();
    }
}

/// A request for a token with these credentials, as an empty body makes it.
#[must_use]
pub fn login_request(backend: &str, login: &str, password: &str) -> LoginRequest {
    let credentials = wazo_auth_service::login::Credentials {
        login: login.to_owned(),
        password: password.to_owned(),
    };
    LoginRequest {
        credentials: Some(credentials),
        backend: backend.to_owned(),
        expiration: 60,
        offline: false,
        client_id: None,
        refresh_token: None,
        fields: serde_json::Map::new(),
        mobile: false,
        user_agent: String::new(),
        remote_addr: "127.0.0.1".to_owned(),
        raw: RawRequest::default(),
    }
}

fn hasher(context: &Context) -> Hasher {
    let settings = wazo_auth_password::Settings {
        threads: NonZeroUsize::MIN,
        waiting: 16,
        nice: 0,
        unknown_salt: context.random(),
    };
    Hasher::start_with_rounds(settings, 1).unwrap()
}

fn rules() -> Rules {
    Rules {
        default_token_lifetime: 7200,
        max_user_concurrent_sessions: 1_000_000,
        default_user_policy: None,
        backend_policies: indexmap::IndexMap::new(),
        token_cleanup_batch_size: 5000,
        token_cleanup_interval: 60.0,
        configured: Default::default(),
        mails: Default::default(),
    }
}

/// Those of the default configuration, with further backends.
fn settings(backends: &[&str]) -> Settings {
    let configured = Config::defaults().unwrap().settings.plugins;
    let identities =
        Identities { tenant: "master".to_owned(), max_acl: vec!["calld.#".to_owned()] };
    let mut settings = Settings {
        enabled_backends: [("wazo_user".to_owned(), true)].into(),
        enabled_metadata: configured.metadata,
        purpose_metadata_mapping: configured.purpose_metadata,
        ..Settings::default()
    };
    for backend in backends {
        let options =
            PluginOptions { identities: Some(identities.clone()), ..PluginOptions::default() };
        settings.enabled_backends.insert((*backend).to_owned(), true);
        settings.plugins.insert((*backend).to_owned(), options);
    }
    settings
}
