//! What these tests share.

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon, Database, Request};

pub const PASSWORD: &str = "s3cre7-of-all";
pub const UNKNOWN: &str = "5b046ec3-8ac7-4908-9814-692f55d57e77";

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

    /// A request of the administrator.
    pub fn by_admin(&self, method: &str, path: &str) -> Request {
        self.daemon.request(method, path).token(&self.admin)
    }

    /// Creates a user; gives its UUID.
    #[track_caller]
    pub fn user(&self, body: Value) -> String {
        text(&self.by_admin("POST", "/0.1/users").json(body).send().expect(200).json(), "uuid")
    }

    /// Creates a policy; gives its UUID.
    #[track_caller]
    pub fn policy(&self, body: Value) -> String {
        text(&self.by_admin("POST", "/0.1/policies").json(body).send().expect(200).json(), "uuid")
    }

    /// Creates a group; gives its UUID.
    #[track_caller]
    pub fn group(&self, body: Value) -> String {
        text(&self.by_admin("POST", "/0.1/groups").json(body).send().expect(200).json(), "uuid")
    }

    /// A request of the administrator about a tenant.
    pub fn about(&self, tenant: &str, method: &str, path: &str) -> Request {
        self.by_admin(method, path).header("Wazo-Tenant", tenant)
    }

    /// A token of a new user with these accesses.
    #[track_caller]
    pub fn token_with(&self, login: &str, acl: &[&str]) -> String {
        self.token_in(login, acl, "")
    }

    /// The same for a user of a tenant.
    #[track_caller]
    pub fn token_in(&self, login: &str, acl: &[&str], tenant: &str) -> String {
        let body = json!({"username": login, "password": PASSWORD});
        let user = self.by_admin("POST", "/0.1/users").header("Wazo-Tenant", tenant).json(body);
        let user = text(&user.send().expect(200).json(), "uuid");
        let policy = self.policy(json!({"name": format!("of {login}"), "acl": acl}));
        let path = format!("/0.1/users/{user}/policies/{policy}");
        let _ = self.by_admin("PUT", &path).send().expect(204);
        text(&self.daemon.login(login, PASSWORD, json!({})), "token")
    }

    pub fn database(&self) -> Database {
        self.daemon.database()
    }

    /// Adds a tenant, which the daemon knows then.
    #[track_caller]
    pub fn tenant(&self, uuid: &str, slug: &str, parent: &str) {
        self.daemon.change_database(&format!(
            "INSERT INTO auth_tenant (uuid, name, parent_uuid, slug) \
             VALUES ('{uuid}', '{slug}', '{parent}', '{slug}')"
        ));
    }

    /// The tenant above all.
    pub fn top(&self) -> String {
        self.database().text("SELECT uuid FROM auth_tenant WHERE uuid = parent_uuid")
    }
}

/// What `key` is of the items of a list, in their order.
#[track_caller]
pub fn column(list: &Value, key: &str) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| text(item, key)).collect()
}

#[track_caller]
pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

/// The body of an error without its time stamp, whose form is checked.
#[track_caller]
pub fn error(answer: Answer, status: u16) -> Value {
    let answer = answer.expect(status);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("www-authenticate"), "");
    let mut body = answer.json();
    if body.get("error_id").is_some() {
        assert!(body["timestamp"].is_f64(), "{body}");
        let _ = body.as_object_mut().unwrap().remove("timestamp");
    }
    body
}

/// The one reason of an error of shape A.
#[track_caller]
pub fn reason(answer: Answer, status: u16) -> String {
    let body = error(answer, status);
    assert_eq!(
        (&body["status_code"], body.as_object().unwrap().len()),
        (&json!(status), 3),
        "{body}"
    );
    assert!(body["timestamp"][0].is_f64(), "{body}");
    body["reason"][0].as_str().unwrap().to_owned()
}
