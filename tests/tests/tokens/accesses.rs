//! The accesses of a new token (acl.md section 5).

use serde_json::json;
use wazo_auth_tests::{Daemon, Setup};

use crate::support::Bench;

#[test]
fn policies_of_groups_come_before_ones_own() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user("alice");
    bench.grant(&alice, "own", &["z.own", "shared.access"]);
    let group = bench.policy(json!({"name": "all", "acl": ["shared.access", "a.group"]}));
    assert_eq!(bench.login("alice")["acl"], json!(["z.own", "shared.access"]));
    bench.sql(&format!(
        "INSERT INTO auth_group_policy (group_uuid, policy_uuid) \
         SELECT uuid, '{group}' FROM auth_group WHERE name LIKE 'wazo-all-users-tenant-%'"
    ));
    let acl = json!(["shared.access", "a.group", "z.own", "shared.access"]);
    assert_eq!(bench.login("alice")["acl"], acl, "every user of the tenant; duplicates stay");
    bench.user("bob");
    assert_eq!(bench.login("bob")["acl"], json!(["shared.access", "a.group"]));
}

#[test]
fn a_policy_taken_away_counts_from_the_next_token() {
    let bench = Bench::new(Daemon::start());
    let alice = bench.user("alice");
    let policy = bench.policy(json!({"name": "p", "acl": ["a.b"]}));
    let path = format!("/0.1/users/{alice}/policies/{policy}");
    let _ = bench.daemon.put(&path).token(&bench.admin).send().expect(204);
    let before = bench.login("alice");
    let _ = bench.daemon.delete(&path).token(&bench.admin).send().expect(204);
    assert_eq!(bench.login("alice")["acl"], json!([]));
    assert_eq!(bench.head(before["token"].as_str().unwrap(), "?scope=a.b"), 204);
}

#[test]
fn a_configured_policy_is_for_everybody() {
    let setup = Setup::default().config(
        "default_user_policy: base\nbackend_policies: {special: extra, gone: no-such-policy}",
    );
    let bench = Bench::new(setup.start());
    let alice = bench.user("alice");
    bench.grant(&alice, "own", &["own.access"]);
    let with = |backend: &str| {
        let answer = bench.try_login("alice", json!({"backend": backend})).expect(200);
        answer.json()["data"]["acl"].clone()
    };
    // The policy of that name is looked for at each login.
    assert_eq!(with("wazo_user"), json!(["own.access"]));
    assert!(bench.daemon.wait_for_log("\"base\"").unwrap().contains("INFO"));
    bench.policy(json!({"name": "base", "slug": "not-the-name", "acl": ["base.access"]}));
    bench.policy(json!({"name": "extra", "acl": ["extra.access"]}));
    assert_eq!(with("wazo_user"), json!(["base.access", "own.access"]));
    assert_eq!(with("unheard-of"), json!(["base.access", "own.access"]));
    assert_eq!(
        with("special"),
        json!(["extra.access", "own.access"]),
        "instead of the general one"
    );
    assert_eq!(with("gone"), json!(["own.access"]));
    assert!(bench.daemon.wait_for_log("no-such-policy").unwrap().contains("INFO"));
    let offline = json!({"backend": "special", "access_type": "offline", "client_id": "c"});
    let offline = bench.try_login("alice", offline).expect(200).json()["data"].clone();
    let refreshed = bench.refresh("c", &offline["refresh_token"]).expect(200).json();
    assert_eq!(
        refreshed["data"]["acl"],
        json!(["base.access", "own.access"]),
        "by this request's field"
    );
}
