//! Refresh tokens: made, used, of no other use (sections 4.4, 5.1 and 10).

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

use crate::support::{Bench, PASSWORD, keys, reason, text};

#[test]
fn a_client_keeps_its_refresh_token() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user("alice");
    let first = bench.offline("alice", "desk");
    let again = bench.offline("alice", "desk");
    assert_eq!(first["refresh_token"], again["refresh_token"]);
    assert_ne!(first["token"], again["token"]);
    assert_ne!(bench.offline("alice", "other")["refresh_token"], first["refresh_token"]);
    let answer = bench.refresh("desk", &first["refresh_token"]).expect(200);
    assert_eq!(answer.header("wazo-sessions-revoked"), "0");
    let fresh = answer.json()["data"].clone();
    assert!(!keys(&fresh).contains(&"refresh_token".to_owned()));
    assert_eq!((&fresh["auth_id"], &fresh["metadata"]), (&json!(alice), &first["metadata"]));
    assert_ne!(fresh["session_uuid"], first["session_uuid"]);
    for data in [&first, &again, &fresh] {
        assert_eq!(bench.head(&text(data, "token"), ""), 204);
    }
    // It does for itself: whatever credentials come along are not looked at.
    let body =
        json!({"client_id": "desk", "refresh_token": first["refresh_token"], "expiration": 5});
    let answer = bench.daemon.post("/0.1/token").basic("alice", "wrong").json(body).send();
    assert_eq!(answer.expect(200).json()["data"]["auth_id"], json!(alice));
}

#[test]
fn a_refresh_token_is_good_for_its_client_alone() {
    let bench = Bench::new(Daemon::start());
    bench.user("alice");
    let offline = bench.offline("alice", "desk");
    let (access, refresh) = (text(&offline, "token"), text(&offline, "refresh_token"));
    let refused = [
        ("other", refresh.clone()),
        ("DESK", refresh.clone()),
        ("desk", refresh.to_uppercase()),
        ("desk", format!(" {refresh}")),
        ("desk", String::new()),
        ("desk", "5b046ec3-8ac7-4908-9814-692f55d57e77".to_owned()),
        // An access token refreshes nothing.
        ("desk", access),
    ];
    for (client, token) in refused {
        let body = json!({"client_id": client, "refresh_token": token});
        // Right credentials do not save it: the first way that applies counts.
        let request = bench.daemon.post("/0.1/token").basic("alice", PASSWORD).json(body);
        assert_eq!(
            reason(&request.send().expect(401)),
            "Authentication Failed",
            "{client} {token}"
        );
    }
    // And a refresh token opens nothing else.
    let answer = bench.daemon.get("/0.1/users/me/tokens").token(&refresh).send().expect(401);
    assert_eq!(answer.json()["details"]["reason"], "not_found_or_expired");
    assert_eq!(bench.head(&refresh, ""), 404);
    let stolen = bench.database().text("SELECT uuid FROM auth_refresh_token");
    assert_ne!(stolen, refresh);
    let _ = bench.refresh("desk", &Value::from(stolen)).expect(401);
}

#[test]
fn a_refresh_looks_at_the_user_as_it_is_now() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user("alice");
    let offline = bench.offline("alice", "desk");
    let refresh = || bench.refresh("desk", &offline["refresh_token"]);
    assert_eq!(offline["acl"], json!([]));

    bench.grant(&alice, "later", &["calld.calls.read"]);
    assert_eq!(refresh().expect(200).json()["data"]["acl"], json!(["calld.calls.read"]));
    let old = bench.daemon.get(&format!("/0.1/token/{}", text(&offline, "token"))).send();
    assert_eq!(old.expect(200).json()["data"]["acl"], json!([]), "what is issued is frozen");

    bench.sql("UPDATE auth_user SET username = 'alicia' WHERE username = 'alice'");
    assert_eq!(refresh().expect(200).json()["data"]["auth_id"], json!(alice), "renamed");

    bench.sql("UPDATE auth_user SET enabled = false WHERE username = 'alicia'");
    assert_eq!(reason(&refresh().expect(401)), "Authentication Failed");
    bench.sql("UPDATE auth_user SET enabled = true WHERE username = 'alicia'");
    let _ = refresh().expect(200);

    bench.sql("UPDATE auth_user SET authentication_method = 'ldap' WHERE username = 'alicia'");
    assert_eq!(reason(&refresh().expect(401)), "Authentication Failed");
    bench.sql("UPDATE auth_user SET authentication_method = 'default', password_hash = NULL");
    let _ = refresh().expect(200);
}

#[test]
fn a_refresh_after_others_sees_what_changed_between_them() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user("alice");
    let token = bench.offline("alice", "desk")["refresh_token"].clone();
    // What the daemon remembers of the first ones must not outlive the change.
    let once = || bench.refresh("desk", &token).expect(200).json()["data"]["acl"].clone();
    let acl = || {
        let (first, second) = (once(), once());
        assert_eq!(first, second);
        first
    };
    assert_eq!(acl(), json!([]));
    let policy = bench.policy(json!({"name": "p", "acl": ["a.b"]}));
    let path = format!("/0.1/users/{alice}/policies/{policy}");
    let _ = bench.daemon.put(&path).token(&bench.admin).send().expect(204);
    assert_eq!(acl(), json!(["a.b"]));
    bench.sql("UPDATE auth_access SET access = 'a.c' WHERE access = 'a.b'");
    assert_eq!(acl(), json!(["a.c"]), "changed by another program");
    for access in ["a.d", "a.e", "a.f", "a.g"] {
        // Without waiting until the daemon says that it has noticed.
        bench
            .database()
            .run(&format!("UPDATE auth_access SET access = '{access}' WHERE access LIKE 'a.%'"));
        assert_eq!(acl(), json!([access]), "changed by another program this very moment");
    }
    let _ = bench.daemon.delete(&path).token(&bench.admin).send().expect(204);
    assert_eq!(acl(), json!([]));

    let _ = bench.refresh("other", &token).expect(401);
    let mine = format!("/0.1/users/{alice}/tokens/desk");
    let _ = bench.daemon.delete(&mine).token(&bench.admin).send().expect(204);
    assert_eq!(reason(&bench.refresh("desk", &token).expect(401)), "Authentication Failed");
    // It is looked for, and not merely missed when the new token is written.
    assert!(bench.daemon.wait_for_log(r#"client \"desk\""#).is_some());

    let token = bench.offline("alice", "desk")["refresh_token"].clone();
    let _ = bench.refresh("desk", &token).expect(200);
    bench.sql("UPDATE auth_refresh_token SET client_id = 'elsewhere'");
    let _ = bench.refresh("desk", &token).expect(401);
    let _ = bench.refresh("elsewhere", &token).expect(200);
    bench.sql("DELETE FROM auth_refresh_token");
    let _ = bench.refresh("elsewhere", &token).expect(401);
}

#[test]
fn a_new_owner_of_the_old_name_gets_nothing() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user("alice");
    let offline = bench.offline("alice", "desk");
    bench.sql("UPDATE auth_user SET username = NULL WHERE username = 'alice'");
    bench.user("alice");
    let answer = bench.refresh("desk", &offline["refresh_token"]);
    // Nameless now, and so without a way to log in; certainly not the other one.
    assert_eq!(reason(&answer.expect(401)), "Authentication Failed");
    bench.sql(&format!("UPDATE auth_user SET username = 'first' WHERE uuid = '{alice}'"));
    let answer = bench.refresh("desk", &offline["refresh_token"]).expect(200);
    assert_eq!(answer.json()["data"]["auth_id"], json!(alice));
}
