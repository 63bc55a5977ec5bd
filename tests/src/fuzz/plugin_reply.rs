//! Any bytes as the answer of a plugin: read as each kind of answer, then as
//! that of a backend in the middle of a login.

use std::{cell::RefCell, path::PathBuf};

use serde_json::Value;
use wazo_auth_plugin_api::wire;
use wazo_auth_plugins::reply::{self, MAX_DEPTH, MAX_HEAD};
use wazo_auth_service::{OWN_AUTH_ID, users::NewUser};

use crate::in_process::{InProcess, login_request};

/// Logins before the database is made anew.
const LOGINS: usize = 1000;
/// A backend of `tests/third-party/hostile` that answers what the password says.
const BACKEND: &str = "echoes";

thread_local! {
    static LOGIN: RefCell<Option<Login>> = const { RefCell::new(None) };
}

struct Login {
    host: InProcess,
    /// The UUID of a user of the backend.
    alice: String,
    left: usize,
}

/// # Panics
/// When a limit does not hold, or a login gets more than it may.
pub fn run(bytes: &[u8], libraries: impl Fn() -> Vec<PathBuf>) {
    let Ok(head) = std::str::from_utf8(bytes) else { return };
    read::<wire::Verified>(head);
    read::<wire::Acl>(head);
    read::<wire::MetadataReply>(head);
    LOGIN.with_borrow_mut(|login| {
        let login = login.get_or_insert_with(|| Login::start(libraries()));
        login.run(head);
        if login.left == 0 {
            *login = Login::start(libraries());
        }
    });
}

fn read<A: serde::de::DeserializeOwned>(head: &str) {
    match reply::read::<A>(head) {
        Ok(_) => {
            assert!(head.len() <= MAX_HEAD);
            // What is not asked for may be worse than wrong: it is skipped.
            if let Ok(value) = serde_json::from_str::<Value>(head) {
                assert!(depth(&value) <= MAX_DEPTH, "{} levels", depth(&value));
            }
        }
        Err(text) => super::check_sentence(&text),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

// === impl Login ===

impl Login {
    fn start(libraries: Vec<PathBuf>) -> Self {
        super::log_to_nowhere();
        let host = InProcess::start(&libraries, &[BACKEND]);
        let alice = NewUser {
            uuid: None,
            username: Some("alice".to_owned()),
            firstname: None,
            lastname: None,
            purpose: "user".to_owned(),
            authentication_method: Some(BACKEND.to_owned()),
            enabled: true,
            password: None,
            email_address: None,
        };
        let alice = host.services.create_user(host.services.top_tenant(), alice).unwrap();
        Self { host, alice: alice.uuid.to_string(), left: LOGINS }
    }

    fn run(&mut self, head: &str) {
        let Self { host, alice, left } = self;
        *left -= 1;
        if head.is_empty() {
            return;
        }
        let services = &host.services;
        for (login, offline) in [("alice", true), ("stranger", false)] {
            let text = head.replace("ALICE", alice);
            let mut request = login_request(BACKEND, login, &text);
            request.offline = offline;
            request.client_id = offline.then(|| "fuzz".to_owned());
            let Ok(answer) = services.create_token(&request) else { continue };
            let token = answer.token;
            let is_alice = token.auth_id.eq_ignore_ascii_case(alice);
            assert_eq!(is_alice, login == "alice", "{login} is {}", token.auth_id);
            assert_ne!(token.auth_id, OWN_AUTH_ID);
            if !is_alice {
                let beyond =
                    |access: &&String| !access.starts_with('!') && !access.starts_with("calld.");
                assert_eq!(token.acl.iter().find(beyond), None);
            }
            // What was stored can be read back.
            services.read_token(&token.token, None, None).unwrap();
            services.revoke_token(token.token).unwrap();
        }
    }
}
