//! Routes that plugins add to the API (plugins.md sections 5 and 7).

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

use crate::support::setup;

fn hello() -> Daemon {
    setup("enabled_http_plugins: {hello: true}\nplugins: {hello: {timeout: 1}}").start()
}

fn greet(daemon: &Daemon, token: &str, name: &str) -> Answer {
    daemon.get(&format!("/0.1/hello/{name}")).token(token).send()
}

#[test]
fn a_plugin_is_told_who_asks_and_what() {
    let daemon = hello();
    let alice = daemon.create_user("alice", "s3cre7");
    daemon.grant(&alice, &["auth.hello.*.read"]);
    let data = daemon.login("alice", "s3cre7", json!({}));
    let token = data["token"].as_str().unwrap();
    let path = "/0.1/hello/J%C3%BCrgen?a=1&b=%20&a=2";
    let answer = daemon.get(path).token(token).header("X-Own", "yes").send().expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let seen = answer.json();
    assert_eq!(
        (&seen["hello"], &seen["parameters"]),
        (&json!("Jürgen"), &json!({"name": "Jürgen"}))
    );
    assert_eq!(seen["query"], json!([["a", "1"], ["b", " "], ["a", "2"]]));
    assert_eq!(seen["token"]["auth_id"], json!(alice));
    assert_eq!(seen["token"]["session_uuid"], data["session_uuid"]);
    assert_eq!(seen["token"]["metadata"], data["metadata"]);
    assert_eq!(seen["tenant"], data["metadata"]["tenant_uuid"]);
    assert!(seen["headers"].as_array().unwrap().contains(&json!(["x-own", "yes"])), "{seen}");
    assert!(!seen.to_string().contains(token), "the token itself is kept from it");

    let put = daemon.put("/0.1/hello/x").token(&daemon.admin_token()).body(vec![0, 159, 255]);
    assert_eq!(put.send().expect(201).body, [0, 159, 255]);
    let delete = daemon.delete("/0.1/hello/x").token(&daemon.admin_token()).send().expect(204);
    assert!(delete.body.is_empty());
    let open = daemon.get("/0.1/hello").send().expect(200);
    assert_eq!((open.text().as_str(), open.header("x-greeting")), ("hello", "hello"));
    assert_eq!(open.header("content-type"), "text/plain");
    let _ = daemon.head("/0.1/hello").send().expect(200);
}

#[test]
fn its_routes_are_in_the_description_of_the_api() {
    let document = hello().get("/0.1/api/api.yml").send().expect(200).text();
    let route = document.split("\n  \"/hello/{name}\":\n").nth(1).unwrap();
    let operation = route.lines().find_map(|line| line.strip_prefix("    get: ")).unwrap();
    let operation: Value = serde_json::from_str(operation).unwrap();
    assert_eq!(operation["x-required-access"], "auth.hello.{name}.read");
    assert_eq!((&operation["tags"], &operation["x-plugin"]), (&json!(["hello"]), &json!("hello")));
}

#[test]
fn whoever_may_not_call_a_route_does_not_reach_the_plugin() {
    let daemon = hello();
    daemon.create_user("alice", "s3cre7");
    let data = daemon.login("alice", "s3cre7", json!({}));
    let alice = data["token"].as_str().unwrap();
    // It would not come back.
    let _ = daemon.get("/0.1/hello/sleeper").send().expect(401);
    let refusal = greet(&daemon, alice, "sleeper").expect(401).json();
    assert_eq!(refusal["details"]["required_access"], "auth.hello.sleeper.read");
    let admin = daemon.admin_token();
    let foreign = "5b046ec3-8ac7-4908-9814-692f55d57e77";
    let foreign = daemon.get("/0.1/hello/you").token(&admin).header("Wazo-Tenant", foreign).send();
    assert_eq!(foreign.expect(401).json()["error_id"], "unauthorized-tenant");
    let _ = daemon.get("/0.1/hello/you/too").token(&admin).send().expect(404);
    let wrong = daemon.post("/0.1/hello/you").token(&admin).json("{}").send().expect(405);
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        assert!(wrong.header("allow").contains(method), "{}", wrong.header("allow"));
    }
    let large = daemon.put("/0.1/hello/you").token(&admin).body(vec![b' '; 2 << 20]);
    let _ = large.send().expect(413);
}

#[test]
fn a_plugin_that_fails_fails_that_request_only() {
    let daemon = hello();
    let admin = daemon.admin_token();
    let unknown = greet(&daemon, &admin, "nobody").expect(404).json();
    assert_eq!(unknown["error_id"], "unknown-name");
    assert_eq!(
        (&unknown["resource"], &unknown["details"]),
        (&json!("hello"), &json!({"name": "nobody"}))
    );
    let _ = greet(&daemon, &admin, "stranger").expect(401);
    let _ = greet(&daemon, &admin, "teapot").expect(500);
    let failure: Value = greet(&daemon, &admin, "panic").expect(500).json();
    assert_eq!(failure["message"], "Internal Server Error");
    let _ = greet(&daemon, &admin, "sleeper").expect(503);
    let _ = greet(&daemon, &admin, "you").expect(200);
    assert!(daemon.log().contains("plugin `hello` panicked: greeted too hard"));
}

#[test]
fn what_is_served_already_or_makes_no_sense_is_refused_with_a_reason() {
    let daemon = hello();
    for reason in [
        "the route GET /users/{id} of plugin `hello` is not served: \
         /0.1/users/{user_uuid} is served already",
        "the route POST /users of plugin `hello` is not served: it is served already",
        "the route GET /idp/{type}/users of plugin `hello` is not served: \
         /0.1/idp/{idp_type}/users is served already",
        "its access has a variable {friend} that its path has not",
        "the route BREW /coffee of plugin `hello` is not served: its method is none of",
    ] {
        assert!(daemon.wait_for_log(reason).is_some(), "{reason}");
    }
    let admin = daemon.admin_token();
    let _ = daemon.get("/0.1/users").token(&admin).send().expect(200);
}

#[test]
fn an_external_auth_plugin_serves_below_its_users() {
    let daemon = setup("enabled_external_auth_plugins: {badge: true}").start();
    let alice = daemon.create_user("alice", "s3cre7");
    let path = format!("/0.1/users/{alice}/external/badge");
    let _ = daemon.get(&path).token(&daemon.admin_token()).send().expect(200);
    let token = daemon.login("alice", "s3cre7", json!({}))["token"].as_str().unwrap().to_owned();
    let refusal = daemon.get(&path).token(&token).send().expect(401).json();
    let required = format!("auth.users.{alice}.external.badge.read");
    assert_eq!(refusal["details"]["required_access"], required);
    let _ = daemon.get("/0.1/users/me/external/badge").token(&token).send().expect(404);
}
