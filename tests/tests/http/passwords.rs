//! Passwords changed by their user and reset by others (users.md section 10,
//! email-flows.md section 5).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon, Setup, third_party};

use crate::support::{Bench, PASSWORD, UNKNOWN, error, reason, text};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";
const NEW: &str = "another-s3cre7";

fn change(bench: &Bench, token: &str, user: &str, body: Value) -> Answer {
    bench.daemon.put(&format!("/0.1/users/{user}/password")).token(token).json(body).send()
}

fn passwords(old: &str, new: &str) -> Value {
    json!({"old_password": old, "new_password": new})
}

fn login(bench: &Bench, login: &str, password: &str) -> u16 {
    bench.daemon.post("/0.1/token").basic(login, password).json(json!({})).send().status
}

#[test]
fn a_user_changes_its_password_and_is_logged_out() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.daemon.create_user("alice", PASSWORD);
    bench.daemon.grant(&alice, &["auth.users.me.password.update"]);
    let offline = json!({"access_type": "offline", "client_id": "c"});
    let logged = bench.daemon.login("alice", PASSWORD, offline);
    let token = text(&logged, "token");
    assert_eq!(
        reason(change(&bench, &token, &alice, passwords("wrong", NEW)), 401),
        "Authentication Failed"
    );
    let _ = bench.daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
    let _ = change(&bench, &token, &alice, passwords(PASSWORD, NEW)).expect(204);
    let _ = bench.daemon.head(&format!("/0.1/token/{token}")).send().expect(404);
    assert_eq!([login(&bench, "alice", PASSWORD), login(&bench, "alice", NEW)], [401, 200]);
    let body = json!({"refresh_token": logged["refresh_token"], "client_id": "c"});
    let _ = bench.daemon.post("/0.1/token").json(body).send().expect(200);
    let others = bench.user(json!({"username": "bob", "password": PASSWORD}));
    let token = text(&bench.daemon.login("alice", NEW, json!({})), "token");
    let _ = change(&bench, &token, &others, passwords(PASSWORD, NEW)).expect(401);
}

#[test]
fn who_may_not_change_a_password_is_told_so() {
    let bench = Bench::new(Daemon::start());
    bench.tenant(CHILD, "child", &bench.top());
    let admin = &bench.admin;
    let alice = bench.daemon.create_user("alice", PASSWORD);
    for (field, body) in [
        ("old_password", json!({})),
        ("old_password", json!({"old_password": null, "new_password": 5})),
        ("new_password", json!({"old_password": "x"})),
        ("new_password", json!({"old_password": "x", "new_password": ""})),
    ] {
        let error = error(change(&bench, admin, &alice, body), 400);
        assert_eq!(
            (&error["error_id"], &error["resource"]),
            (&json!("invalid-data"), &json!("users"))
        );
        assert!(error["details"][field].is_object(), "{error}");
    }
    let error_of = |user: &str| error(change(&bench, admin, user, passwords(PASSWORD, NEW)), 404);
    assert_eq!(error_of(UNKNOWN)["error_id"], "unknown-user");
    // Nobody of another tenant, whatever the access.
    let outsider = bench.token_in("outsider", &["#"], CHILD);
    let answer = change(&bench, &outsider, &alice, passwords(PASSWORD, NEW));
    assert_eq!(error(answer, 404)["error_id"], "unknown-user");
    let disabled = bench.user(json!({"username": "d", "password": PASSWORD, "enabled": false}));
    let nameless = bench.user(json!({"password": PASSWORD}));
    let none = bench.user(json!({"username": "none"}));
    for user in [disabled, nameless, none] {
        let answer = change(&bench, admin, &user, passwords(PASSWORD, NEW));
        assert_eq!(reason(answer, 401), "Authentication Failed");
    }
    let by_address = bench.user(json!({"email_address": "x@example.com", "password": PASSWORD}));
    let _ = change(&bench, admin, &by_address, passwords(PASSWORD, NEW)).expect(204);
    assert_eq!(login(&bench, "x@example.com", NEW), 200);
}

fn reset(bench: &Bench, token: &str, user: &str, body: &str) -> Answer {
    let path = format!("/0.1/users/password/reset?user_uuid={user}");
    bench.daemon.post(&path).token(token).body(body).send()
}

#[test]
fn who_may_reset_a_password_does_not_need_the_old_one() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.daemon.create_user("alice", PASSWORD);
    let token = text(&bench.daemon.login("alice", PASSWORD, json!({})), "token");
    let _ = reset(&bench, &bench.admin, &alice, &json!({"password": NEW}).to_string()).expect(204);
    let _ = bench.daemon.head(&format!("/0.1/token/{token}")).send().expect(404);
    assert_eq!([login(&bench, "alice", PASSWORD), login(&bench, "alice", NEW)], [401, 200]);
    // One user's access is for one user; the token may stand in the address.
    let access = format!("auth.users.password.reset.{alice}.create");
    let link = bench.token_with("link", &[&access]);
    let path = format!("/0.1/users/password/reset?user_uuid={alice}&token={link}");
    let answer = bench.daemon.post(&path).token(UNKNOWN).json(json!({"password": null})).send();
    let _ = answer.expect(204);
    assert_eq!([login(&bench, "alice", ""), login(&bench, "alice", NEW)], [401, 401]);
    let other = bench.user(json!({"username": "other"}));
    for (token, user) in [(&*link, &*other), (UNKNOWN, &other), ("", &alice), (&link, "None")] {
        let error = error(reset(&bench, token, user, "{"), 401);
        assert_eq!(error["details"], json!({"invalid_token": token}));
    }
    for (body, message) in [
        ("{}", json!("Missing data for required field.")),
        (r#"{"password": ""}"#, json!("Shorter than minimum length 1.")),
        (r#"{"password": 5}"#, json!("Not a valid string.")),
        ("[1]", json!(["Invalid input type."])),
    ] {
        let error = error(reset(&bench, &bench.admin, &alice, body), 400);
        let expected = json!({"message": message, "error_id": "invalid-data", "details": {},
            "resource": "reset"});
        assert_eq!(error, expected);
    }
    let good = json!({"password": NEW}).to_string();
    for user in [UNKNOWN, "None", "x", &alice.to_uppercase()] {
        let error = error(reset(&bench, &bench.admin, user, &good), 404);
        assert_eq!(error["details"]["uuid"], user);
    }
    let nameless = bench.user(json!({}));
    let answer = reset(&bench, &bench.admin, &nameless, &good);
    assert_eq!(reason(answer, 401), "Authentication Failed");
    let _ = reset(&bench, &bench.admin, &nameless, r#"{"password": null}"#).expect(204);
}

#[test]
fn a_password_kept_elsewhere_is_not_ours_to_change() {
    let setup = Setup::default().plugin(third_party("acme_auth", "acme_auth"));
    let bench = Bench::new(setup.config("enabled_backend_plugins: {acme: true}").start());
    let body = json!({"username": "alice", "password": PASSWORD, "authentication_method": "acme"});
    let alice = bench.user(body);
    let external = json!({"message": format!("Unable to update externally managed password for user : \"{alice}\""),
        "error_id": "password-managed-externally", "details": {"uuid": alice}, "resource": "users"});
    let answer = change(&bench, &bench.admin, &alice, passwords(PASSWORD, NEW));
    assert_eq!(error(answer, 405), external);
    let answer = change(&bench, &bench.admin, &alice, passwords("wrong", NEW));
    assert_eq!(reason(answer, 401), "Authentication Failed");
    let good = json!({"password": NEW}).to_string();
    assert_eq!(error(reset(&bench, &bench.admin, &alice, &good), 405), external);
    let _ = reset(&bench, &bench.admin, &alice, r#"{"password": null}"#).expect(204);
}
