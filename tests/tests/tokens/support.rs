//! What these tests share.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon, Database};

/// The password of every user of these tests.
pub const PASSWORD: &str = "s3cre7-of-all";

/// A daemon with its administrator's token.
pub struct Bench {
    pub daemon: Daemon,
    pub admin: String,
}

// === impl Bench ===

impl Bench {
    pub fn new(daemon: Daemon) -> Self {
        let admin = daemon.admin_token();
        Self { daemon, admin }
    }

    /// Creates a user with the password of all; gives its UUID.
    pub fn user(&self, username: &str) -> String {
        self.user_with(json!({"username": username, "password": PASSWORD}))
    }

    #[track_caller]
    pub fn user_with(&self, body: Value) -> String {
        let answer = self.daemon.post("/0.1/users").token(&self.admin).json(body).send();
        text(&answer.expect(200).json(), "uuid")
    }

    /// Creates a policy; gives its UUID.
    #[track_caller]
    pub fn policy(&self, body: Value) -> String {
        let answer = self.daemon.post("/0.1/policies").token(&self.admin).json(body).send();
        text(&answer.expect(200).json(), "uuid")
    }

    /// Gives a user a new policy.
    #[track_caller]
    pub fn grant(&self, user: &str, name: &str, acl: &[&str]) {
        let policy = self.policy(json!({"name": name, "acl": acl}));
        let path = format!("/0.1/users/{user}/policies/{policy}");
        let _ = self.daemon.put(&path).token(&self.admin).send().expect(204);
    }

    /// A token of a user with the password of all.
    #[track_caller]
    pub fn login(&self, login: &str) -> Value {
        self.daemon.login(login, PASSWORD, json!({}))
    }

    /// Tries to log in with the password of all.
    pub fn try_login(&self, login: &str, body: Value) -> Answer {
        self.daemon.post("/0.1/token").basic(login, PASSWORD).json(body).send()
    }

    /// An offline login.
    #[track_caller]
    pub fn offline(&self, login: &str, client: &str) -> Value {
        let body = json!({"access_type": "offline", "client_id": client});
        self.daemon.login(login, PASSWORD, body)
    }

    /// Uses a refresh token.
    pub fn refresh(&self, client: &str, refresh_token: &Value) -> Answer {
        let body = json!({"client_id": client, "refresh_token": refresh_token});
        self.daemon.post("/0.1/token").json(body).send()
    }

    /// The status of `HEAD /token/{token}{query}`.
    pub fn head(&self, token: &str, query: &str) -> u16 {
        self.daemon.head(&format!("/0.1/token/{token}{query}")).send().status
    }

    /// Changes the database under the daemon, which has noticed then.
    #[track_caller]
    pub fn sql(&self, sql: &str) {
        self.daemon.change_database(sql);
    }

    pub fn database(&self) -> Database {
        self.daemon.database()
    }

    /// Creates a tenant under another, with a user `{slug}-user`.
    #[track_caller]
    pub fn tenant(&self, uuid: &str, slug: &str, parent: &str) {
        self.sql(&format!(
            "INSERT INTO auth_tenant (uuid, name, parent_uuid, slug) \
             VALUES ('{uuid}', '{slug}', '{parent}', '{slug}')"
        ));
        let body = json!({"username": format!("{slug}-user"), "password": PASSWORD});
        let request = self.daemon.post("/0.1/users").token(&self.admin);
        let _ = request.header("Wazo-Tenant", uuid).json(body).send().expect(200);
    }

    /// The tenant above all.
    pub fn top(&self) -> String {
        self.database().text("SELECT uuid FROM auth_tenant WHERE uuid = parent_uuid")
    }
}

/// Asks until it is so.
#[track_caller]
pub fn until(mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "it never was so");
        std::thread::yield_now();
    }
}

#[track_caller]
pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

/// The one reason of an error of shape A, whose other keys are checked.
#[track_caller]
pub fn reason(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!(body["status_code"], json!(answer.status), "{body}");
    assert!(body["timestamp"][0].is_f64() && body["timestamp"].as_array().unwrap().len() == 1);
    assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
    assert_eq!(body["reason"].as_array().unwrap().len(), 1, "{body}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("www-authenticate"), "");
    body["reason"][0].as_str().unwrap().to_owned()
}

/// The names of an object's keys, sorted.
pub fn keys(value: &Value) -> Vec<String> {
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}
