//! `/idp`: which methods there are, and who has which (idp.md).

use serde_json::{Value, json};
use wazo_auth_tests::Daemon;

fn method(daemon: &Daemon, user: &str) -> Value {
    let admin = daemon.admin_token();
    let user = daemon.get(&format!("/0.1/users/{user}")).token(&admin).send().expect(200).json();
    user["authentication_method"].clone()
}

#[test]
fn a_user_gets_a_method_and_loses_only_the_one_it_has() {
    let daemon = Daemon::start();
    let admin = daemon.admin_token();
    let alice = daemon.create_user("alice", "s3cre7");
    let path = format!("/0.1/idp/native/users/{alice}");
    for _ in 0..2 {
        let _ = daemon.put(&path).token(&admin).json("not even JSON").send().expect(204);
        assert_eq!(method(&daemon, &alice), "native");
    }
    let other = format!("/0.1/idp/default/users/{alice}");
    let _ = daemon.delete(&other).token(&admin).send().expect(204);
    assert_eq!(method(&daemon, &alice), "native");
    let _ = daemon.delete(&path).token(&admin).send().expect(204);
    assert_eq!(method(&daemon, &alice), "default");
}

#[test]
fn several_users_get_a_method_or_none_of_them() {
    let daemon = Daemon::start();
    let admin = daemon.admin_token();
    let users = ["alice", "bob"].map(|name| daemon.create_user(name, "s3cre7"));
    let put = |body: Value| daemon.put("/0.1/idp/native/users").token(&admin).json(body).send();
    let some = |uuids: &[&str]| {
        let users: Vec<Value> = uuids.iter().map(|uuid| json!({"uuid": uuid, "x": 1})).collect();
        json!({"users": users})
    };
    let unknown = "5b046ec3-8ac7-4908-9814-692f55d57e77";
    for absent in [unknown, "not-a-uuid"] {
        let error = put(some(&[&users[0], absent])).expect(404).json();
        assert_eq!(
            (&error["error_id"], &error["details"]["uuid"]),
            (&json!("unknown-user"), &json!(absent))
        );
        assert_eq!(method(&daemon, &users[0]), "default", "all or none");
    }
    let _ = put(some(&[])).expect(204);
    let _ = put(some(&[&users[0], &users[1], &users[0]])).expect(204);
    assert!(users.iter().all(|user| method(&daemon, user) == "native"));

    let error = put(json!({})).expect(400).json();
    assert_eq!(error["error_id"], "invalid-list-param");
    assert_eq!(error["message"]["users"]["constraint_id"], "required");
    let error = put(json!({"users": [{"uuid": unknown}, {}]})).expect(400).json();
    assert_eq!(error["message"]["users"]["1"]["uuid"]["constraint_id"], "required");
    let _ = daemon.put("/0.1/idp/native/users").token(&admin).body("").send().expect(400);
}

#[test]
fn the_type_is_looked_at_first_and_then_the_tenant() {
    let daemon = Daemon::start();
    let admin = daemon.admin_token();
    let user = "5b046ec3-8ac7-4908-9814-692f55d57e77";
    let error = daemon
        .put("/0.1/idp/pigeon/users")
        .token(&admin)
        .header("Wazo-Tenant", user)
        .json(json!({"users": 1}))
        .send()
        .expect(404)
        .json();
    assert_eq!(error["error_id"], "unknown-idp-type");
    assert_eq!(error["message"], "No such IDP type: \"pigeon\"");
    assert_eq!(
        (&error["resource"], &error["details"]),
        (&json!("idp"), &json!({"idp_type": "pigeon"}))
    );
    let path = format!("/0.1/idp/native/users/{user}");
    let foreign = daemon.put(&path).token(&admin).header("Wazo-Tenant", user).send();
    assert_eq!(foreign.expect(401).json()["error_id"], "unauthorized-tenant");
    assert_eq!(daemon.put(&path).token(&admin).send().expect(404).json()["resource"], "users");
    let _ = daemon.put(&path).send().expect(401);
    let _ = daemon.get(&path).token(&admin).send().expect(405);
}

#[test]
fn a_user_outside_the_tenant_is_unknown() {
    let daemon = Daemon::start();
    let admin = daemon.admin_token();
    let tenant = json!({"name": "below"});
    let tenant = daemon.post("/0.1/tenants").token(&admin).json(tenant).send().expect(200).json();
    let below = tenant["uuid"].as_str().unwrap();
    let alice = daemon.create_user("alice", "s3cre7");
    let path = format!("/0.1/idp/native/users/{alice}");
    let put = |tenant: &str| daemon.put(&path).token(&admin).header("Wazo-Tenant", tenant).send();
    let _ = put(below).expect(404);
    assert_eq!(method(&daemon, &alice), "default");
    let _ = put("").expect(204);
}
