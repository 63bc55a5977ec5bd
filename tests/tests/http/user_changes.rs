//! `GET`, `PUT` and `DELETE /users/{user_uuid}` (users.md sections 5 and 6).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

use crate::support::{Bench, PASSWORD, UNKNOWN, error, text};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";

fn unknown(uuid: &str) -> Value {
    json!({"message": format!("No such user: \"{uuid}\""), "error_id": "unknown-user",
           "details": {"uuid": uuid}, "resource": "users"})
}

fn put(bench: &Bench, user: &str, body: Value) -> Answer {
    bench.by_admin("PUT", &format!("/0.1/users/{user}")).json(body).send()
}

#[test]
fn an_update_replaces_what_it_may_and_nothing_else() {
    let bench = Bench::new(Daemon::start());
    let body = json!({"username": "alice", "firstname": "A", "lastname": "L", "enabled": true,
        "purpose": "internal", "password": PASSWORD, "email_address": "a@example.com"});
    let made = bench.by_admin("POST", "/0.1/users").json(body).send().expect(200).json();
    let alice = text(&made, "uuid");
    // What was read can be sent back.
    assert_eq!(put(&bench, &alice, made.clone()).expect(200).json(), made);
    let path = format!("/0.1/users/{alice}");
    assert_eq!(bench.by_admin("GET", &path).send().expect(200).json(), made);
    let body = json!({"username": "ALICE", "enabled": "yes", "uuid": 1, "password": 2, "emails": 3,
        "email_address": 4, "tenant_uuid": 5});
    let mut changed = put(&bench, &alice, body).expect(200).json();
    assert_eq!(changed["username"], "ALICE", "its own name in other letters");
    let _ = bench.daemon.login("alice", PASSWORD, json!({}));
    let expected = json!({"uuid": alice, "username": null, "firstname": null, "lastname": null,
        "purpose": "user", "enabled": true, "tenant_uuid": bench.top(),
        "authentication_method": "default", "emails": made["emails"]});
    changed = put(&bench, &alice, json!({})).expect(200).json();
    assert_eq!(changed, expected);
    let _ = bench.daemon.login("a@example.com", PASSWORD, json!({}));
}

#[test]
fn an_update_is_checked_like_a_creation() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user(json!({"username": "alice"}));
    let _ = bench.user(json!({"username": "bob", "email_address": "bob@example.com"}));
    for (name, said) in [("BOB", "BOB"), ("Bob@Example.com", "Bob@Example.com")] {
        let error = error(put(&bench, &alice, json!({"username": name})), 409);
        let message = format!("The login \"{said}\" is already used");
        let details = json!({"username": {"constraint_id": "unique", "message": message}});
        assert_eq!((&error["error_id"], &error["details"]), (&json!("conflict"), &details));
    }
    let wrong = error(put(&bench, UNKNOWN, json!({"username": "", "purpose": "x"})), 400);
    assert_eq!((&wrong["error_id"], &wrong["resource"]), (&json!("invalid-data"), &json!("users")));
    assert!(wrong["details"]["username"].is_object(), "{wrong}");
    let wrong = error(put(&bench, UNKNOWN, json!({"authentication_method": "x"})), 400);
    assert_eq!(wrong["message"], "Invalid authentication method x");
    assert_eq!(error(put(&bench, UNKNOWN, json!({})), 404), unknown(UNKNOWN));
}

#[test]
fn a_user_is_seen_from_its_tenant_and_those_above() {
    let bench = Bench::new(Daemon::start());
    bench.tenant(CHILD, "child", &bench.top());
    let alice = bench.user(json!({"username": "alice"}));
    let bob = bench.about(CHILD, "POST", "/0.1/users").json(json!({"username": "bob"})).send();
    let bob = text(&bob.expect(200).json(), "uuid");
    let path = |user: &str| format!("/0.1/users/{user}");
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let body = if method == "PUT" { "{}" } else { "" };
        let answer = bench.about(CHILD, method, &path(&alice)).body(body).send();
        match method {
            "HEAD" => assert_eq!(answer.status, 404),
            _ => assert_eq!(error(answer, 404), unknown(&alice)),
        }
    }
    let _ = bench.by_admin("GET", &path(&bob.to_uppercase())).send().expect(200);
    let _ = bench.by_admin("DELETE", &path(&bob)).send().expect(204);
    assert_eq!(error(bench.by_admin("DELETE", &path(&bob)).send(), 404), unknown(&bob));
    let _ = bench.user(json!({"username": "bob"}));
}

#[test]
fn a_user_that_is_disabled_or_deleted_is_logged_out() {
    let bench = Bench::new(Daemon::start());
    for (number, end) in ["disable", "delete"].into_iter().enumerate() {
        let name = format!("user{number}");
        let user = bench.daemon.create_user(&name, PASSWORD);
        let offline = json!({"access_type": "offline", "client_id": "c"});
        let token = bench.daemon.login(&name, PASSWORD, offline);
        let (first, refresh) = (text(&token, "token"), text(&token, "refresh_token"));
        let second = text(&bench.daemon.login(&name, PASSWORD, json!({})), "token");
        let other = bench.daemon.admin_token();
        if end == "disable" {
            let body = json!({"username": name, "enabled": false});
            assert_eq!(put(&bench, &user, body).expect(200).json()["enabled"], false);
        } else {
            let _ = bench.by_admin("DELETE", &format!("/0.1/users/{user}")).send().expect(204);
        }
        for (token, status) in [(&first, 404), (&second, 404), (&other, 204)] {
            let _ = bench.daemon.head(&format!("/0.1/token/{token}")).send().expect(status);
        }
        // Revoking what is dead already is no error.
        let _ = bench.daemon.delete(&format!("/0.1/token/{first}")).send().expect(200);
        let body = json!({"refresh_token": refresh, "client_id": "c"});
        let _ = bench.daemon.post("/0.1/token").json(&body).send().expect(401);
        if end == "disable" {
            let _ = put(&bench, &user, json!({"username": name})).expect(200);
            let _ = bench.daemon.post("/0.1/token").json(&body).send().expect(200);
        } else {
            let left = "SELECT count(*) FROM auth_refresh_token";
            assert_eq!(bench.database().text(left), "1", "that of the disabled one");
        }
    }
}
