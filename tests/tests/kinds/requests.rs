//! What a plugin asks of the daemon's API, in the daemon's own name (plugins.md
//! section 7).

use serde_json::json;
use wazo_auth_tests::Daemon;

use crate::support::setup;

fn clerk() -> Daemon {
    setup("enabled_http_plugins: {clerk: true}").start()
}

#[test]
fn a_plugin_can_do_what_the_api_can() {
    let daemon = clerk();
    let admin = daemon.admin_token();
    let post = || daemon.post("/0.1/clerk").token(&admin).json("{}").send();
    let seen = post().expect(200).json();
    let me = daemon.get(&format!("/0.1/token/{admin}")).send().expect(200).json();
    // By the group and directly.
    let twice = json!(["road.runner", "anvil.drop", "road.runner", "anvil.drop"]);
    let expected = json!({
        "tenant": "acme", "tenants": 2, "users": ["wile"], "members": 1, "policies": "hunt",
        "acl": ["road.runner", "anvil.drop"], "user_acl": twice,
        "sessions": 0, "purpose": ["default_user"], "me": me["data"]["auth_id"],
    });
    assert_eq!(seen, expected);
    let _ = daemon.login("wile", "coyote-1949", json!({}));
    // Each step is a change of its own: what came before the one that fails stays.
    let conflict = post().expect(409).json();
    assert_eq!(conflict["resource"], "tenants");
}

#[test]
fn the_errors_of_the_api_come_through_the_plugin_as_they_are() {
    let daemon = clerk();
    let admin = daemon.admin_token();
    let post = |body: &str| daemon.post("/0.1/clerk/users").token(&admin).json(body).send();
    let made = post(r#"{"username": "alice"}"#).expect(200).json();
    let shown = format!("/0.1/users/{}", made["uuid"].as_str().unwrap());
    let _ = daemon.get(&shown).token(&admin).send().expect(200);
    for body in [r#"{"username": "alice"}"#, r#"{"username": 1}"#] {
        let through = post(body);
        let direct = daemon.post("/0.1/users").token(&admin).json(body).send();
        assert_eq!(through.status, direct.status);
        let (mut through, mut direct) = (through.json(), direct.json());
        for error in [&mut through, &mut direct] {
            error["timestamp"].take();
        }
        assert_eq!(through, direct);
    }
    assert_eq!(post("{").expect(400).json()["error_id"], "invalid-data");
}

#[test]
fn a_plugin_learns_what_tokens_stand_for() {
    let daemon = clerk();
    let alice = daemon.create_user("alice", "s3cre7");
    daemon.grant(&alice, &["calld.calls.read"]);
    let offline = json!({"client_id": "desk", "access_type": "offline"});
    let data = daemon.login("alice", "s3cre7", offline);
    let text = |key: &str| data[key].as_str().unwrap();
    let (token, refresh) = (text("token"), text("refresh_token"));
    let path = format!("/0.1/clerk/tokens/{refresh}?client_id=desk&token={token}");
    let seen = daemon.get(&path).token(&daemon.admin_token()).send().expect(200).json();
    assert_eq!(
        seen["known"],
        json!({"backend_name": "wazo_user", "login": "alice", "metadata": {}})
    );
    let granted = json!({"calld.calls.read": true, "calld.calls.delete": false});
    assert_eq!(seen["granted"], granted);
    assert_eq!(seen["listed"][0]["user_uuid"], json!(alice));
    assert!(!seen["listed"].to_string().contains(refresh), "{seen}");
}

#[test]
fn a_plugin_does_not_reach_itself_by_the_api() {
    let daemon = clerk();
    let again = daemon.post("/0.1/clerk/again").token(&daemon.admin_token()).json("{}").send();
    assert_eq!(again.expect(404).json()["message"], "There is nothing at this address.");
}
