//! What these tests share.

use std::{
    sync::{Arc, Barrier, Mutex, Weak},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use wazo_auth_tests::{Answer, Daemon, Request, Setup, empty_database};

pub const PASSWORD: &str = "s3cre7-of-all";

/// How often a race is run: the losing order must come up.
pub const ROUNDS: usize = 12;

/// How many requests race.
pub const CROWD: usize = 6;

/// A daemon with its administrator's token.
pub struct Bench {
    pub daemon: Daemon,
    pub admin: String,
}

/// What a daemon of these tests is started with: the one place that chooses its
/// store.
pub fn setup() -> Setup {
    Setup::default().config(
        "default_policies: {everybody: {acl: [everybody.read]}}\n\
         all_users_policies: {everybody: true}",
    )
}

/// Two daemons of one database, and where it is.
pub fn pair() -> (TempDir, [Setup; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display();
    let uri = empty_database(folder.path());
    let yaml = format!(
        "db_uri: {uri}\ndb_upgrade_on_startup: true\ntoken_key_file: {here}/token.key"
    );
    let setups = [(), ()].map(|()| setup().config(&yaml));
    (folder, setups)
}

/// The daemon of this test, and of those that run beside it: races of one do not
/// disturb those of another, and starting takes longer than most of them.
pub fn shared() -> Arc<Bench> {
    static RUNNING: Mutex<Weak<Bench>> = Mutex::new(Weak::new());
    // A test that failed while it started one has said so.
    let mut running = RUNNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    running.upgrade().unwrap_or_else(|| {
        let bench = Arc::new(Bench::new(setup().start()));
        *running = Arc::downgrade(&bench);
        bench
    })
}

// === impl Bench ===

impl Bench {
    pub fn new(daemon: Daemon) -> Self {
        let admin = daemon.admin_token();
        Self { daemon, admin }
    }

    /// A request of the administrator.
    pub fn by_admin(&self, method: &str, path: &str) -> Request {
        self.daemon.request(method, &format!("/0.1/{path}")).token(&self.admin)
    }

    /// The same about a tenant.
    pub fn about(&self, tenant: &str, method: &str, path: &str) -> Request {
        self.by_admin(method, path).header("Wazo-Tenant", tenant)
    }

    /// The body of a GET.
    #[track_caller]
    pub fn read(&self, path: &str) -> Value {
        self.by_admin("GET", path).send().expect(200).json()
    }

    /// Creates something; gives its UUID.
    #[track_caller]
    pub fn make(&self, path: &str, body: Value) -> String {
        text(&self.by_admin("POST", path).json(body).send().expect(200).json(), "uuid")
    }

    /// The same in a tenant.
    #[track_caller]
    pub fn make_in(&self, tenant: &str, path: &str, body: Value) -> String {
        text(&self.about(tenant, "POST", path).json(body).send().expect(200).json(), "uuid")
    }

    /// Whether a token is good.
    pub fn is_valid(&self, token: &str) -> bool {
        match self.daemon.head(&format!("/0.1/token/{token}")).send().status {
            204 => true,
            404 => false,
            other => panic!("a check was answered {other}"),
        }
    }

    /// A refresh token of a user with the password of all, for the client `c`.
    #[track_caller]
    pub fn offline(&self, login: &str) -> String {
        let body = json!({"access_type": "offline", "client_id": "c"});
        text(&self.daemon.login(login, PASSWORD, body), "refresh_token")
    }

    /// A login by a refresh token: no password is hashed.
    pub fn refresh(&self, refresh_token: &str) -> Request {
        let body = json!({"client_id": "c", "refresh_token": refresh_token});
        self.daemon.post("/0.1/token").json(body)
    }
}

/// Sends all of these at the same moment; gives the answers in the same order.
/// None of them is a failure of ours, whatever was lost.
#[track_caller]
pub fn at_once(requests: impl IntoIterator<Item = Request>) -> Vec<Answer> {
    let requests: Vec<Request> = requests.into_iter().collect();
    let start = Barrier::new(requests.len());
    let answers: Vec<Answer> = thread::scope(|scope| {
        let send = |request: Request| {
            scope.spawn(|| {
                start.wait();
                request.send()
            })
        };
        let sent: Vec<_> = requests.into_iter().map(send).collect();
        sent.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for answer in &answers {
        assert!(answer.status < 500, "{}: {}", answer.status, answer.text());
    }
    answers
}

/// The one answer that says yes, if all others say `lost`.
#[track_caller]
pub fn one_wins(answers: Vec<Answer>, lost: u16) -> (Answer, Vec<Answer>) {
    let (mut won, losers): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status < 300);
    assert_eq!(won.len(), 1, "winners, {} others", losers.len());
    for loser in &losers {
        assert_eq!(loser.status, lost, "{}", loser.text());
    }
    (won.remove(0), losers)
}

/// The same, where the others are told that this of them is somebody else's.
#[track_caller]
pub fn one_wins_the(key: &str, answers: Vec<Answer>) -> Answer {
    let (won, losers) = one_wins(answers, 409);
    for loser in losers {
        let body = loser.json();
        assert!(text(&body, "error_id").ends_with("conflict"), "{body}");
        assert!(body["details"][key].is_object(), "{body}");
    }
    won
}

/// The same, where the others are told why in shape A.
#[track_caller]
pub fn one_wins_with_reason(answers: Vec<Answer>) -> Answer {
    let (won, losers) = one_wins(answers, 409);
    for loser in losers {
        assert!(loser.json()["reason"][0].is_string(), "{}", loser.text());
    }
    won
}

/// Sees to it that an answer has one of these statuses.
#[track_caller]
pub fn one_of(answer: &Answer, statuses: &[u16]) {
    assert!(statuses.contains(&answer.status), "{}: {}", answer.status, answer.text());
}

/// The `key`s of the items of a list.
#[track_caller]
pub fn column(list: &Value, key: &str) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| text(item, key)).collect()
}

#[track_caller]
pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

/// A UUID of this round of a test.
pub fn chosen_uuid(test: u32, round: usize) -> String {
    format!("{test:08}-0000-4000-8000-{round:012}")
}
