//! What these tests share.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use wazo_auth_servers::postgresql;
use wazo_auth_tests::{Answer, Daemon, Setup};

pub const PASSWORD: &str = "s3cre7-of-all";
/// How long a daemon may answer from memory after it was last told all.
pub const TERM: Duration = Duration::from_millis(100);
/// Within so long of the database's return, all is well.
pub const RECOVERY: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// A database, what its daemons share, and those daemons.
pub struct Site {
    shared: TempDir,
    pub uri: String,
    pub daemons: Vec<Daemon>,
    pub admin: String,
}

/// Sets a flag when dropped: whoever works until then ends with a test that fails.
pub struct Over<'a>(pub &'a AtomicBool);

// === impl Site ===

impl Site {
    /// So many daemons on a new database of the server that all tests share.
    pub fn new(daemons: usize) -> Self {
        Self::on(&postgresql::database(), daemons)
    }

    pub fn on(uri: &str, daemons: usize) -> Self {
        let shared = tempfile::tempdir().unwrap();
        let mut site =
            Self { shared, uri: uri.to_owned(), daemons: Vec::new(), admin: String::new() };
        if daemons == 0 {
            return site;
        }
        let first = site.setup(uri).start();
        site.admin = first.admin_token();
        site.daemons.push(first);
        let others =
            (1..daemons).map(|_| site.setup(uri)).map(|setup| thread::spawn(|| setup.start()));
        let others: Vec<_> = others.collect();
        site.daemons.extend(others.into_iter().map(|daemon| daemon.join().unwrap()));
        site
    }

    /// A further daemon, which reaches the database by `uri`.
    pub fn setup(&self, uri: &str) -> Setup {
        setup(uri, self.shared.path())
    }

    /// What a statement that was typed by hand prints.
    #[track_caller]
    pub fn psql(&self, sql: &str) -> String {
        postgresql::psql(&self.uri, sql)
    }

    /// Makes a user of a new name on the first daemon, who may do `acl`.
    pub fn user(&self, acl: &[&str]) -> User {
        static USERS: AtomicU32 = AtomicU32::new(0);
        let name = format!("user-{}", USERS.fetch_add(1, Ordering::Relaxed));
        let body = json!({"username": name, "password": PASSWORD});
        let uuid = text(&self.send(0, "POST", "/0.1/users", body).expect(200).json(), "uuid");
        if !acl.is_empty() {
            self.daemons[0].grant(&uuid, acl);
        }
        User { name, uuid }
    }

    /// A token of the administrator, whose users it may act on.
    #[track_caller]
    pub fn send(&self, daemon: usize, method: &str, path: &str, body: Value) -> Answer {
        let request = self.daemons[daemon].request(method, path).token(&self.admin);
        if body.is_null() { request.send() } else { request.json(body).send() }
    }

    /// Makes a tenant below another one.
    #[track_caller]
    pub fn tenant(&self, daemon: usize, name: &str, parent: &str) -> String {
        let request = self.daemons[daemon].post("/0.1/tenants").token(&self.admin);
        let request = request.header("Wazo-Tenant", parent).json(json!({"name": name}));
        text(&request.send().expect(200).json(), "uuid")
    }

    /// The tenant above all others.
    pub fn top(&self) -> String {
        self.psql("SELECT uuid FROM auth_tenant WHERE uuid = parent_uuid")
    }
}

/// What a daemon is started with, beside others that share the key.
pub fn setup(uri: &str, shared: &Path) -> Setup {
    let key = shared.join("token.key");
    Setup::default().config(&format!(
        "db_uri: {uri}\ndb_upgrade_on_startup: true\ntoken_key_file: {}\n\
         max_user_concurrent_sessions: 10000\ndefault_policies: {{everybody: {{acl: [everybody.read]}}}}\n\
         all_users_policies: {{everybody: true}}",
        key.display()
    ))
}

pub struct User {
    pub name: String,
    pub uuid: String,
}

impl User {
    /// The status, and the token where that is 200.
    pub fn try_login(&self, daemon: &Daemon, password: &str) -> (u16, Value) {
        let answer = daemon.post("/0.1/token").basic(&self.name, password).json(json!({})).send();
        (
            answer.status,
            if answer.status == 200 { answer.json()["data"].clone() } else { Value::Null },
        )
    }

    #[track_caller]
    pub fn token(&self, daemon: &Daemon) -> String {
        text(&daemon.login(&self.name, PASSWORD, json!({})), "token")
    }

    /// A refresh token, with which tokens are to be had without the password.
    #[track_caller]
    pub fn offline(&self, daemon: &Daemon) -> String {
        let body = json!({"access_type": "offline", "client_id": "tests"});
        text(&daemon.login(&self.name, PASSWORD, body), "refresh_token")
    }
}

/// A login by refresh token.
pub fn refresh(daemon: &Daemon, refresh_token: &str) -> Answer {
    let body = json!({"refresh_token": refresh_token, "client_id": "tests"});
    daemon.post("/0.1/token").json(body).send()
}

pub fn check(daemon: &Daemon, token: &str) -> u16 {
    daemon.head(&format!("/0.1/token/{token}")).send().status
}

/// Asks until the token is refused, which must be so for every check that is sent
/// later than [`TERM`] after `since`; how long after it that was.
#[track_caller]
pub fn refused_in_time(daemon: &Daemon, token: &str, since: Instant) -> Duration {
    loop {
        let asked = since.elapsed();
        match check(daemon, token) {
            404 => return asked,
            204 => assert!(asked <= TERM, "accepted {asked:?} after it was revoked"),
            // It cannot be known, and that is said.
            503 if asked > TERM => return asked,
            status => assert_eq!(status, 503),
        }
    }
}

/// An answer for want of a database.
#[track_caller]
pub fn is_outage(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds));
}

/// Waits for a condition.
#[track_caller]
pub fn wait(what: &str, is_so: impl FnMut() -> bool) {
    wait_within(PATIENCE, what, is_so);
}

/// Waits for a condition that must hold before long.
#[track_caller]
pub fn wait_within(bound: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < bound, "not within {bound:?}: {what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

#[track_caller]
pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
