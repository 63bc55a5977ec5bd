use std::num::NonZeroUsize;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tempfile::TempDir;
use wazo_auth_context::{Context, Environment};
use wazo_auth_events::Events;
use wazo_auth_password::Hasher;
use wazo_auth_store::sessions::{self, Session};
use wazo_auth_store::tokens::{self, Token};
use wazo_auth_store::users::{self, NewUser};
use wazo_auth_store::{Error, Options, Sealer, Store, Tx};

use super::*;
use crate::Rules;

/// The services of a daemon that was started with a key, and one user.
struct Daemon {
    services: Arc<Services>,
    user: Uuid,
    folder: TempDir,
}

fn start(folder: &TempDir, key: u8) -> Arc<Services> {
    let context = Context::system(Environment { xivo_uuid: None, time_zone: TimeZone::UTC });
    let sealer = Some(Sealer::new(&[key; 32]));
    let options = Options { path: folder.path().join("auth.db"), readers: 1, sealer };
    let store = Store::open(options, context.clone()).unwrap();
    let rules = Rules {
        default_token_lifetime: 7200,
        max_user_concurrent_sessions: 10,
        default_user_policy: None,
        backend_policies: indexmap::IndexMap::new(),
        token_cleanup_batch_size: 10,
        token_cleanup_interval: 0.0,
        configured: Default::default(),
        mails: Default::default(),
    };
    let settings = wazo_auth_password::Settings {
        threads: NonZeroUsize::MIN,
        waiting: 1,
        nice: 0,
        unknown_salt: context.random(),
    };
    let hasher = Arc::new(Hasher::start(settings).unwrap());
    Services::new(context, rules, store, hasher, Events::off()).unwrap()
}

// === impl Daemon ===

impl Daemon {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let services = start(&folder, 1);
        let user = services.context().uuid();
        let new = NewUser {
            uuid: user,
            username: Some("alice".into()),
            firstname: None,
            lastname: None,
            enabled: true,
            tenant_uuid: services.top_tenant(),
            purpose: "user".into(),
            authentication_method: "default".into(),
            password: None,
        };
        let daemon = Self { services, user, folder };
        daemon.write(move |tx| users::insert(tx.conn(), &new));
        daemon
    }

    /// Starts again with another key.
    fn restart(self, key: u8) -> Self {
        let Self { services, user, folder } = self;
        drop(services);
        Self { services: start(&folder, key), user, folder }
    }

    fn write<T: Send + 'static>(
        &self,
        f: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.services.store().write(Change::Directory, f).unwrap()
    }

    /// What an offline login does: the refresh token and the ended sessions.
    fn log_in(&self, client_id: &str, mobile: bool) -> (Uuid, u64) {
        let context = self.services.context();
        let offline = Offline {
            fresh: context.uuid(),
            client_id: client_id.into(),
            user: self.user,
            tenant: self.services.top_tenant(),
            backend: "wazo_user".into(),
            login: "alice".into(),
            user_agent: String::new(),
            remote_addr: String::new(),
            created_at: context.now(),
            mobile,
            metadata: Map::new(),
        };
        let session =
            Session { uuid: context.uuid(), mobile, tenant_uuid: self.services.top_tenant() };
        let mut token = Token {
            uuid: context.uuid(),
            auth_id: self.user.to_string(),
            pbx_user_uuid: None,
            xivo_uuid: None,
            issued_at: None,
            expires_at: None,
            metadata: Map::new(),
            session_uuid: session.uuid,
            user_agent: String::new(),
            remote_addr: String::new(),
            acl: [].into(),
            refresh_token_uuid: None,
        };
        self.write(move |tx| {
            let (refresh_token, ended) = obtain(tx.conn(), &mut Told::default(), &offline)?;
            token.refresh_token_uuid = Some(refresh_token);
            sessions::insert(tx.conn(), &session)?;
            tokens::insert(tx.conn(), &token)?;
            Ok((refresh_token, ended))
        })
    }

    fn clients(&self) -> Vec<String> {
        let scope = store::refresh_tokens::Scope::User(self.user);
        let page = self.services.list_refresh_tokens(scope, &ListQuery::default()).unwrap();
        page.items.into_iter().filter_map(|item| item.client_id).collect()
    }
}

#[test]
fn a_client_gets_its_refresh_token_again_or_another_one_when_the_key_was_lost() {
    let daemon = Daemon::new();
    let (first, _) = daemon.log_in("app", false);
    assert_eq!(daemon.log_in("app", false), (first, 0));
    let daemon = daemon.restart(2);
    let (second, ended) = daemon.log_in("app", false);
    assert_ne!(second, first);
    assert_eq!(ended, 0);
    assert_eq!(daemon.log_in("app", false), (second, 0));
    assert_eq!(daemon.clients(), ["app"]);
}

#[test]
fn another_mobile_ends_the_sessions_of_the_one_before_whatever_its_key() {
    let daemon = Daemon::new();
    daemon.log_in("laptop", false);
    daemon.log_in("phone", true);
    let daemon = daemon.restart(2);
    assert_eq!(daemon.log_in("tablet", true).1, 1);
    assert_eq!(daemon.clients(), ["laptop", "tablet"]);
    let daemon = daemon.restart(3);
    let (again, ended) = daemon.log_in("tablet", true);
    assert_eq!(ended, 1, "the same client, too");
    assert_eq!(daemon.clients(), ["laptop", "tablet"]);
    assert_eq!(daemon.log_in("tablet", false), (again, 0));
}

#[test]
fn a_refresh_token_is_deleted_whatever_its_key() {
    let daemon = Daemon::new();
    daemon.log_in("app", false);
    let daemon = daemon.restart(2);
    let delete = || {
        let top = daemon.services.top_tenant();
        daemon.services.delete_refresh_token(top, daemon.user, "app")
    };
    assert!(delete().is_ok());
    assert!(daemon.clients().is_empty());
    assert!(matches!(delete(), Err(DeleteError::UnknownClient(client)) if client == "app"));
}

#[test]
fn a_remembered_refresh_token_is_forgotten_with_its_row() {
    let daemon = Daemon::new();
    let (kept, _) = daemon.log_in("kept", false);
    let (gone, _) = daemon.log_in("gone", false);
    let store = daemon.services.store();
    let find = |token, client| {
        daemon.services.directory().refresh_token(store, token, client).unwrap().is_some()
    };
    let version = store.version_of_refresh_tokens();
    assert!(find(gone, "gone") && find(gone, "gone") && find(kept, "kept"));
    assert!(!find(kept, "gone"), "of another client");
    daemon.log_in("new", false);
    assert_eq!(store.version_of_refresh_tokens(), version, "a new one overtakes nothing");

    let (top, user) = (daemon.services.top_tenant(), daemon.user);
    daemon.services.delete_refresh_token(top, user, "gone").unwrap();
    assert!(!find(gone, "gone") && find(kept, "kept"));
    daemon.write(move |tx| tx.conn().execute("DELETE FROM auth_user", &[]));
    assert!(!find(kept, "kept"), "deleted with its user");
}
