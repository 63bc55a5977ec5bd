//! A store with helpers to fill it.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tempfile::TempDir;
use uuid::Uuid;
use wazo_auth_context::{Clock, Context, Environment, Random};
use wazo_auth_servers::postgresql;
use wazo_auth_store::sessions::Session;
use wazo_auth_store::tenants::Tenant;
use wazo_auth_store::tokens::Token;
use wazo_auth_store::users::{Email, NewUser};
use wazo_auth_store::{
    Change, Conn, Error, LiveToken, Metadata, Options, Sealer, Server, Store, Tx, groups, policies,
    refresh_tokens, sessions, tenants, tokens, users,
};

/// Noon of 21 November 2026.
pub const NOON: i64 = 1_795_262_400;
pub const KEY: [u8; 32] = [0x5A; 32];

pub struct Fixture {
    pub store: Arc<Store>,
    pub context: Context,
    pub clock: Arc<TestClock>,
    /// The tenant that a new database holds.
    pub master: Uuid,
    place: Place,
}

/// Where the rows are.
enum Place {
    Sqlite(TempDir),
    Postgresql(String),
}

thread_local! {
    static WARNINGS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Warnings;

/// The warnings that `f` makes on this thread.
pub fn warnings_of<T>(f: impl FnOnce() -> T) -> (T, Vec<String>) {
    // It stays for good: the second time it is there already.
    let _ = log::set_logger(&Warnings);
    log::set_max_level(log::LevelFilter::Warn);
    WARNINGS.take();
    (f(), WARNINGS.take())
}

/// Runs a test on every store there is.
pub fn on_every_store(test: impl Fn(&Fixture)) {
    test(&Fixture::sqlite());
    test(&Fixture::postgresql());
}

/// A clock that stands still until it is moved.
pub struct TestClock(AtomicI64);

/// SplitMix64: the same numbers in every run.
pub struct TestRandom(AtomicU64);

// === impl Warnings ===

impl log::Log for Warnings {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        WARNINGS.with_borrow_mut(|warnings| warnings.push(record.args().to_string()));
    }

    fn flush(&self) {}
}

// === impl TestClock ===

impl TestClock {
    pub fn set(&self, second: i64) {
        self.0.store(second, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

// === impl TestRandom ===

impl TestRandom {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub fn next(&self) -> u64 {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| (self.next() >> 56) as u8);
    }
}

// === impl Fixture ===

impl Fixture {
    pub fn sqlite() -> Self {
        Self::sqlite_with(Some(KEY))
    }

    /// With this sealing key, or in clear.
    pub fn sqlite_with(key: Option<[u8; 32]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (context, clock) = context(NOON);
        let store = Store::open(options(&folder, key), context.clone()).unwrap();
        let master = store.index().top_tenant().unwrap();
        Self { store, context, clock, master, place: Place::Sqlite(folder) }
    }

    pub fn postgresql() -> Self {
        Self::postgresql_with("client_min_messages = notice")
    }

    /// With a setting of its own.
    pub fn postgresql_with(setting: &str) -> Self {
        let (context, clock) = context(NOON);
        let uri = postgresql::database_made_by(make_tables);
        let name = uri.rsplit('/').next().unwrap();
        let _ = postgresql::psql(&uri, &format!("ALTER DATABASE {name} SET {setting}"));
        let store = server(&uri, Some(KEY), &context);
        let master = store.index().top_tenant().unwrap();
        Self { store, context, clock, master, place: Place::Postgresql(uri) }
    }

    pub fn path(&self) -> PathBuf {
        match &self.place {
            Place::Sqlite(folder) => folder.path().join("auth.db"),
            Place::Postgresql(_) => panic!("no file"),
        }
    }

    pub fn options(&self) -> Options {
        Options { path: self.path(), readers: 2, sealer: Some(Sealer::new(&KEY)) }
    }

    /// Closes the store and opens it again.
    pub fn reopen(self, key: Option<[u8; 32]>) -> Self {
        let Self { store, context, clock, master, place } = self;
        drop(store);
        let store = match &place {
            Place::Sqlite(folder) => Store::open(options(folder, key), context.clone()).unwrap(),
            Place::Postgresql(uri) => server(uri, key, &context),
        };
        Self { store, context, clock, master, place }
    }

    /// The token, if it is valid now.
    pub fn live(&self, token: &Uuid) -> Option<LiveToken> {
        let now = self.context.now().as_second();
        self.store.look_up(token, None, now).unwrap().get(token, now)
    }

    /// Has another program write.
    pub fn other_program(&self, sql: &str) {
        match &self.place {
            Place::Sqlite(_) => {
                let other = rusqlite::Connection::open(self.path()).unwrap();
                other.execute_batch(sql).unwrap();
            }
            Place::Postgresql(uri) => drop(postgresql::psql(uri, sql)),
        }
    }

    /// A write that must succeed.
    pub fn write<T: Send + 'static>(
        &self,
        f: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.store.write(Change::Directory, f).unwrap()
    }

    /// A write whose outcome is looked at.
    pub fn try_write<T: Send + 'static>(
        &self,
        f: impl FnMut(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.store.write(Change::Directory, f)
    }

    /// A read that must succeed.
    pub fn read<T>(&self, f: impl FnOnce(&mut dyn Conn) -> Result<T, Error>) -> T {
        self.store.read(f).unwrap()
    }

    pub fn tenant(&self, slug: &str, parent: Uuid) -> Uuid {
        let tenant = Tenant {
            uuid: self.context.uuid(),
            name: Some(slug.into()),
            slug: slug.into(),
            parent_uuid: parent,
            default_authentication_method: "native".into(),
            phone: None,
            contact_uuid: None,
        };
        let uuid = tenant.uuid;
        self.write(move |tx| tenants::insert(tx, &tenant));
        uuid
    }

    pub fn new_user(&self, username: &str, tenant: Uuid) -> NewUser {
        NewUser {
            uuid: self.context.uuid(),
            username: Some(username.into()),
            firstname: None,
            lastname: None,
            enabled: true,
            tenant_uuid: tenant,
            purpose: "user".into(),
            authentication_method: "default".into(),
            password: None,
        }
    }

    pub fn user(&self, username: &str, tenant: Uuid) -> Uuid {
        let user = self.new_user(username, tenant);
        let uuid = user.uuid;
        self.write(move |tx| users::insert(tx, &user));
        uuid
    }

    pub fn email(&self, user: Uuid, address: &str, confirmed: bool) -> Result<(), Error> {
        let uuid = self.context.uuid();
        let email = Email { uuid, address: address.into(), main: true, confirmed };
        self.try_write(move |tx| users::insert_email(tx, &user, &email))
    }

    pub fn group(&self, name: &str, tenant: Uuid) -> groups::Group {
        let group = groups::Group {
            uuid: self.context.uuid(),
            name: name.into(),
            slug: name.into(),
            tenant_uuid: tenant,
            system_managed: false,
        };
        let inserted = group.clone();
        self.write(move |tx| groups::insert(tx, &inserted));
        group
    }

    pub fn policy(&self, name: &str, tenant: Uuid, acl: &[&str]) -> policies::Policy {
        let policy = policies::Policy {
            uuid: self.context.uuid(),
            name: name.into(),
            slug: name.into(),
            description: Some(format!("about {name}")),
            tenant_uuid: tenant,
            config_managed: false,
            shared: false,
        };
        let inserted = policy.clone();
        let acl = strings(acl);
        self.write(move |tx| {
            policies::insert(tx, &inserted)?;
            policies::set_accesses(tx, &inserted.uuid, &acl)
        });
        policy
    }

    /// A token in a session of its own, valid for an hour.
    pub fn new_token(&self, auth_id: &str, tenant: Uuid) -> Token {
        let metadata = serde_json::json!({"uuid": auth_id, "tenant_uuid": tenant});
        Token {
            uuid: self.context.uuid(),
            auth_id: auth_id.into(),
            pbx_user_uuid: Some(auth_id.into()),
            xivo_uuid: Some("the-platform".into()),
            issued_at: Some(NOON),
            expires_at: Some(NOON + 3600),
            metadata: metadata.as_object().unwrap().clone(),
            session_uuid: self.context.uuid(),
            user_agent: "curl/8.0".into(),
            remote_addr: "198.51.100.7".into(),
            acl: strings(&["confd.#", "auth.users.me.read", "confd.#"]).into(),
            refresh_token_uuid: None,
        }
    }

    /// Stores a token with its session in `tenant`.
    pub fn store_token(&self, token: &Token, tenant: Uuid) {
        let token = token.clone();
        self.write(move |tx| {
            let uuid = token.session_uuid;
            sessions::insert(tx, &Session { uuid, mobile: false, tenant_uuid: tenant })?;
            tokens::insert(tx, &token)
        });
    }

    pub fn token(&self, auth_id: &str, tenant: Uuid) -> Token {
        let token = self.new_token(auth_id, tenant);
        self.store_token(&token, tenant);
        token
    }

    pub fn new_refresh_token(
        &self,
        user: Uuid,
        client_id: &str,
        mobile: bool,
    ) -> refresh_tokens::RefreshToken {
        refresh_tokens::RefreshToken {
            uuid: self.context.uuid(),
            client_id: Some(client_id.into()),
            user_uuid: Some(user),
            backend: Some("wazo_user".into()),
            login: Some("someone".into()),
            user_agent: Some("curl/8.0".into()),
            remote_addr: Some("198.51.100.7".into()),
            created_at: Some(self.context.now()),
            mobile,
            metadata: Metadata::new(),
        }
    }

    pub fn refresh_token(
        &self,
        user: Uuid,
        client_id: &str,
        mobile: bool,
    ) -> refresh_tokens::RefreshToken {
        let token = self.new_refresh_token(user, client_id, mobile);
        let inserted = token.clone();
        self.write(move |tx| refresh_tokens::insert(tx, &inserted));
        token
    }
}

/// A context and the clock in it, which stands at `second`.
pub fn context(second: i64) -> (Context, Arc<TestClock>) {
    context_with(second, 42)
}

fn context_with(second: i64, seed: u64) -> (Context, Arc<TestClock>) {
    let clock = Arc::new(TestClock(AtomicI64::new(second)));
    let random = Arc::new(TestRandom::new(seed));
    let environment = Environment { xivo_uuid: None, time_zone: TimeZone::UTC };
    (Context::new(clock.clone(), random, environment), clock)
}

fn options(folder: &TempDir, key: Option<[u8; 32]>) -> Options {
    let sealer = key.map(|key| Sealer::new(&key));
    Options { path: folder.path().join("auth.db"), readers: 4, sealer }
}

pub fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

pub fn unique(constraint: &str) -> Error {
    Error::Unique { constraint: constraint.into() }
}

fn make_tables(uri: &str) {
    // Not the numbers of the fixture, which begins anew.
    let context = context_with(NOON, 7).0;
    drop(Server::open(uri, Duration::from_secs(10), true, &context).unwrap());
}

fn server(uri: &str, key: Option<[u8; 32]>, context: &Context) -> Arc<Store> {
    let server = Server::open(uri, Duration::from_secs(10), true, context).unwrap();
    server.start(8, key.map(|key| Sealer::new(&key)), context.clone()).unwrap()
}
