//! How tokens end, and how many a user may have (sections 2, 4.6, 8 and 9).

use serde_json::json;
use wazo_auth_tests::{Daemon, Setup};

use crate::support::{Bench, reason, text, until};

#[test]
fn a_revoked_token_is_unknown_at_once() {
    let bench = Bench::new(Daemon::start());
    bench.user("alice");
    let data = bench.login("alice");
    let (token, session) = (text(&data, "token"), text(&data, "session_uuid"));
    let delete = || bench.daemon.delete(&format!("/0.1/token/{token}")).send().expect(200).json();
    for _ in 0..2 {
        assert_eq!(delete(), json!({"data": {"message": "success"}}));
        assert_eq!(bench.head(&token, ""), 404);
        let request = bench.daemon.get("/0.1/users/me/tokens").token(&token);
        assert_eq!(request.send().expect(401).json()["details"]["reason"], "not_found_or_expired");
    }
    let sql = format!("SELECT count(*) FROM auth_session WHERE uuid = '{session}'");
    assert_eq!(bench.database().text(&sql), "0", "the session goes with its last token");
}

#[test]
fn an_expired_token_is_unknown_before_it_is_deleted() {
    let setup = Setup::default().config("token_cleanup_interval: 0");
    let bench = Bench::new(setup.start());
    bench.user("alice");
    let long = text(&bench.login("alice"), "token");
    let short = text(
        &bench.try_login("alice", json!({"expiration": 1})).expect(200).json()["data"],
        "token",
    );
    until(|| bench.head(&short, "") == 404);
    let answer = bench.daemon.get(&format!("/0.1/token/{short}")).send().expect(404);
    assert_eq!(reason(&answer), "No such token");
    let request = bench.daemon.get("/0.1/users/me/tokens").token(&short);
    assert_eq!(request.send().expect(401).json()["details"]["reason"], "not_found_or_expired");
    assert!(bench.database().tokens().contains(&short), "nobody cleans up here");
    assert_eq!(bench.head(&long, ""), 204);
}

#[test]
fn expired_tokens_are_deleted_with_their_sessions() {
    let setup =
        Setup::default().config("{token_cleanup_interval: 0.5, token_cleanup_batch_size: 2}");
    let bench = Bench::new(setup.start());
    bench.user("alice");
    let offline = bench.offline("alice", "desk");
    for _ in 0..5 {
        let body = json!({"client_id": "desk", "refresh_token": offline["refresh_token"], "expiration": 1});
        let _ = bench.daemon.post("/0.1/token").json(body).send().expect(200);
    }
    let live = [bench.admin.clone(), text(&offline, "token")];
    until(|| bench.database().tokens().iter().eq(sorted(&live)));
    assert_eq!(bench.database().text("SELECT count(*) FROM auth_session"), "2");
    assert_eq!(bench.database().refresh_tokens().len(), 1);
    assert_eq!(bench.head(&live[1], ""), 204);
    let _ = bench.refresh("desk", &offline["refresh_token"]).expect(200);
}

fn sorted(tokens: &[String]) -> Vec<&String> {
    let mut tokens: Vec<&String> = tokens.iter().collect();
    tokens.sort();
    tokens
}

#[test]
fn users_have_a_limited_number_of_sessions() {
    let setup = Setup::default().config("max_user_concurrent_sessions: 2");
    let bench = Bench::new(setup.start());
    for (login, purpose) in [("alice", "user"), ("robot", "external_api")] {
        let body =
            json!({"username": login, "password": crate::support::PASSWORD, "purpose": purpose});
        let uuid = bench.user_with(body);
        let first = bench.login(login);
        let offline = bench.offline(login, "desk");
        let text_of = format!("User {uuid} has exceeded the maximum number of active sessions");
        let full = bench.try_login(login, json!({})).expect(429);
        assert_eq!(reason(&full), text_of);
        // Neither a refresh nor a mobile that would make room gets in.
        let full = bench.refresh("desk", &offline["refresh_token"]).expect(429);
        assert_eq!(reason(&full), text_of);
        let mobile = json!({"access_type": "offline", "client_id": "desk"});
        let request = bench.daemon.post("/0.1/token").basic(login, crate::support::PASSWORD);
        let full = request.header("Wazo-Session-Type", "mobile").json(mobile).send().expect(429);
        assert_eq!(full.header("wazo-sessions-revoked"), "");
        assert_eq!(bench.head(&text(&offline, "token"), ""), 204, "nothing was revoked");

        let _ = bench
            .daemon
            .delete(&format!("/0.1/token/{}", text(&first, "token")))
            .send()
            .expect(200);
        let _ = bench.login(login);
    }
    // The administrator is `internal`.
    for _ in 0..3 {
        let _ = bench.daemon.admin_token();
    }
    // A login that is refused for its password is not counted first.
    let wrong = bench.daemon.post("/0.1/token").basic("alice", "wrong").json("{}").send();
    assert_eq!(reason(&wrong.expect(401)), "Authentication Failed");
}
