//! Logins that identity providers decide (plugins.md sections 3 and 11).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

use crate::support::providers;

const METHOD: &str = "broken_verify_auth";

fn log_in(daemon: &Daemon, password: &str, body: Value) -> Answer {
    daemon.post("/0.1/token").basic("alice", password).json(body).send()
}

fn methods(daemon: &Daemon) -> Vec<String> {
    let admin = daemon.admin_token();
    let listed = daemon.get("/0.1/idp").token(&admin).send().expect(200).json();
    let methods = listed["items"].as_array().unwrap().iter();
    let methods: Vec<String> = methods.map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!((&listed["total"], &listed["filtered"]), (&json!(methods.len()), &listed["total"]));
    methods
}

#[test]
fn one_that_cannot_start_is_left_out_and_one_that_cannot_tell_is_passed_over() {
    let daemon = providers(&[("broken_load", 1), ("broken_can_authenticate", 2)]).start();
    assert_eq!(methods(&daemon), ["broken_can_authenticate", "native", "default"]);
    daemon.create_user("alice", "s3cre7");
    let _ = log_in(&daemon, "s3cre7", json!({})).expect(200);
    let _ = log_in(&daemon, "wrong", json!({})).expect(401);
    let log = daemon.log();
    assert!(log.contains("error calling 'broken_load': "), "{log}");
    assert!(log.contains("the identity provider `broken_load` is left out"), "{log}");
    assert!(log.contains("`broken_can_authenticate` cannot tell"), "{log}");

    let body = json!({"username": "bob", "authentication_method": "broken_load"});
    let _ = daemon.post("/0.1/users").token(&daemon.admin_token()).json(body).send().expect(400);
}

#[test]
fn the_first_whose_request_it_is_decides_alone() {
    let both = [("broken_verify_auth_replacement", 5), ("broken_verify_auth", 4)];
    let daemon = providers(&both).start();
    assert_eq!(methods(&daemon), [METHOD, "native", "default"], "a method is listed once");
    daemon.create_user("alice", "s3cre7");
    let _ = log_in(&daemon, "s3cre7", json!({METHOD: true})).expect(401);
    let _ = log_in(&daemon, "s3cre7", json!({METHOD: false})).expect(200);
    let user = json!({"username": "carol", "password": "s3cre7", "authentication_method": METHOD});
    daemon.create_user_with(user);
    let carol = |body: Value| daemon.post("/0.1/token").basic("carol", "s3cre7").json(body).send();
    let _ = carol(json!({METHOD: true})).expect(401);
    let _ = carol(json!({})).expect(401);
}

#[test]
fn the_error_that_it_chooses_is_the_answer() {
    let daemon = providers(&[("broken_verify_auth", 4)]).start();
    let request = daemon.post("/0.1/token").header("X-Unknown-Tenant", "acme");
    let error = request.json(json!({METHOD: true})).send().expect(404).json();
    assert_eq!(
        (&error["error_id"], &error["details"]),
        (&json!("unknown-tenant"), &json!({"uuid": "acme"}))
    );
}

#[test]
fn while_it_hangs_other_logins_go_on_and_its_own_are_not_taken_for_others() {
    let limits = "plugins: {broken_verify_auth: {timeout: 0.2, max_concurrent_calls: 1}}";
    let daemon = providers(&[("broken_verify_auth", 4)]).config(limits).start();
    daemon.create_user("alice", "s3cre7");
    let _ = log_in(&daemon, "s3cre7", json!({METHOD: true, "hang": true})).expect(503);
    let _ = log_in(&daemon, "s3cre7", json!({})).expect(200);
    let _ = log_in(&daemon, "s3cre7", json!({METHOD: true})).expect(503);
}

#[test]
fn while_it_is_quarantined_its_own_users_try_again_later_and_others_log_in() {
    let daemon = providers(&[("broken_verify_auth", 4)]).start();
    daemon.create_user("alice", "s3cre7");
    let user = json!({"username": "carol", "password": "s3cre7", "authentication_method": METHOD});
    daemon.create_user_with(user);
    let carol = || daemon.post("/0.1/token").basic("carol", "any").json(json!({})).send();
    let _ = carol().expect(401);
    for _ in 0..5 {
        let _ = log_in(&daemon, "any", json!({"panic": true})).expect(401);
    }
    let _ = daemon.wait_for_log("plugin `broken_verify_auth` is quarantined").unwrap();
    let answer = carol().expect(503);
    assert!(!answer.header("retry-after").is_empty());
    let _ = log_in(&daemon, "s3cre7", json!({})).expect(200);
    let _ = log_in(&daemon, "wrong", json!({})).expect(401);
    let _ = daemon.admin_token();
}

#[test]
fn its_users_log_in_by_it_online_offline_and_by_refresh_token() {
    let both = [("broken_verify_auth_replacement", 4), ("broken_verify_auth", 5)];
    let daemon = providers(&both).start();
    let alice = daemon.create_user("alice", "s3cre7");
    daemon.grant(&alice, &["calld.calls.read"]);
    // A native user is not let in by another method.
    let _ = log_in(&daemon, "any", json!({METHOD: true})).expect(401);
    let admin = daemon.admin_token();
    let assign = format!("/0.1/idp/{METHOD}/users/{alice}");
    let _ = daemon.put(&assign).token(&admin).send().expect(204);

    let _ = log_in(&daemon, "s3cre7", json!({})).expect(401);
    let offline = json!({METHOD: true, "client_id": "desk", "access_type": "offline"});
    let data = log_in(&daemon, "any", offline).expect(200).json()["data"].clone();
    assert_eq!(data["auth_id"], json!(alice));
    assert_eq!(data["acl"], json!(["calld.calls.read"]));
    let refresh = json!({"client_id": "desk", "refresh_token": data["refresh_token"]});
    let refresh = || daemon.post("/0.1/token").json(&refresh).send();
    assert_eq!(refresh().expect(200).json()["data"]["acl"], data["acl"]);

    // Whose backend is asked for is that of the method of today.
    let _ = daemon.delete(&assign).token(&admin).send().expect(204);
    assert_eq!(refresh().expect(200).json()["data"]["metadata"], data["metadata"]);
}

#[test]
fn the_refresh_of_a_method_fails_with_its_first_provider_and_without_any() {
    let daemon = providers(&[("broken_verify_auth_replacement", 4)]).start();
    let user = json!({"username": "alice", "password": "s3cre7", "authentication_method": METHOD});
    daemon.create_user_with(user);
    let offline = json!({METHOD: true, "client_id": "desk", "access_type": "offline"});
    let data = log_in(&daemon, "any", offline).expect(200).json()["data"].clone();
    let (_, folder, _) = daemon.stop();
    let refresh = json!({"client_id": "desk", "refresh_token": data["refresh_token"]});

    let both = [("broken_verify_auth_replacement", 5), ("broken_verify_auth", 4)];
    let daemon = providers(&both).folder(folder).start();
    let _ = daemon.post("/0.1/token").json(&refresh).send().expect(500);
    let (_, folder, _) = daemon.stop();

    let daemon = providers(&[]).folder(folder).start();
    let _ = daemon.post("/0.1/token").json(&refresh).send().expect(401);
    let missing = format!("Authentication method {METHOD} is in use but is not available");
    assert!(daemon.log().contains(&missing), "{}", daemon.log());
}

#[test]
fn a_name_that_is_no_method_stands_for_the_method_of_its_provider() {
    let daemon = providers(&[("broken_verify_auth_replacement", 4)]).start();
    let admin = daemon.admin_token();
    let body =
        json!({"username": "alice", "authentication_method": "broken_verify_auth_replacement"});
    let alice = daemon.post("/0.1/users").token(&admin).json(body).send().expect(200).json();
    assert_eq!(alice["authentication_method"], METHOD);
    let _ = log_in(&daemon, "any", json!({METHOD: true})).expect(200);

    let tenant = json!({"name": "acme", "default_authentication_method": METHOD});
    let tenant = daemon.post("/0.1/tenants").token(&admin).json(tenant).send().expect(200).json();
    assert_eq!(tenant["default_authentication_method"], METHOD);
}
