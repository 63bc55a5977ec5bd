//! Types, configurations and connected users.

use serde_json::{Value, json};
use wazo_auth_tests::Setup;

use crate::support::{Bench, UNKNOWN, column, error};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";

fn bench(config: &str) -> Bench {
    Bench::new(Setup::default().config(config).start())
}

/// What is there to be said of an error about a type.
#[track_caller]
fn check(body: Value, id: &str, message: &str, name: &str, resource: &str) {
    let details = json!({"type": name});
    let expected =
        json!({"error_id": id, "message": message, "details": details, "resource": resource});
    assert_eq!(body, expected);
}

#[test]
fn configurations_are_any_json_per_tenant_and_type() {
    let bench = bench("");
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    let path = "/0.1/external/wéird.type/config";
    let path = &path.replace('é', "%C3%A9");
    let send = |method, tenant, body: &str| bench.about(tenant, method, path).json(body).send();
    let name = "wéird.type";
    let unknown_type = format!("No such auth type: \"{name}\"");
    let not_found = format!("No config found for this external auth type: \"{name}\"");

    let never = format!("Configuration for this external auth type \"{name}\" is not defined.");
    check(error(send("GET", "", ""), 404), "unknown-config", &never, name, name);
    for method in ["PUT", "DELETE"] {
        let body = error(send(method, "", "1"), 404);
        check(body, "unknown-external-auth-type", &unknown_type, name, "external");
    }
    // The last two are no values that a plugin could be given.
    for body in ["", "{", "\u{1}", "{'a': 1}", "1e999", r#"{"a": "\ud800"}"#] {
        let refused = error(send("POST", "nonsense", body), 400);
        assert_eq!(refused.as_object().unwrap().len(), 1, "{refused}");
    }
    assert_eq!(error(send("POST", UNKNOWN, "1"), 401)["error_id"], "unauthorized-tenant");

    let made = send("POST", "", r#" {"b": 12345678901234567890123, "a": "é"} "#).expect(201);
    assert_eq!(made.json(), "");
    let read = send("GET", "", "").expect(200);
    assert_eq!(read.text().trim(), r#"{"b": 12345678901234567890123, "a": "é"}"#);
    assert_eq!(read.header("content-type"), "application/json");
    let already = format!("This external authentication config has already been set: \"{name}\"");
    check(error(send("POST", "", "2"), 409), "conflict", &already, name, name);
    // A tenant below has its own, or none.
    for method in ["GET", "PUT", "DELETE"] {
        let body = error(send(method, CHILD, "3"), 404);
        check(body, "unknown-external-auth", &not_found, name, name);
    }
    let _ = send("POST", CHILD, "null").expect(201);
    let _ = send("PUT", "", "[]").expect(204);
    assert_eq!(send("GET", "", "").expect(200).json(), json!([]));
    assert_eq!(send("GET", CHILD, "").expect(200).json(), json!(null));
    let _ = send("DELETE", "", "").expect(204);
    check(error(send("GET", "", ""), 404), "unknown-external-auth", &not_found, name, name);
    assert_eq!(send("GET", CHILD, "").expect(200).json(), json!(null));

    let token = bench.token_with("reader", &["auth.wéird_type.external.config.read"]);
    let by_reader = |method| bench.daemon.request(method, path).token(&token).json("1").send();
    assert_eq!(by_reader("GET").status, 404);
    assert_eq!(by_reader("DELETE").status, 401);
}

#[test]
fn the_types_of_a_user_are_those_that_are_enabled() {
    let switches = "enabled_external_auth_plugins: {google: false, nobody_has_it: true}";
    let bench = bench(switches);
    let list = |query: &str| {
        let path = format!("/0.1/users/{UNKNOWN}/external?{query}");
        bench.by_admin("GET", &path).send().expect(200).json()
    };
    let all = list("");
    assert_eq!(column(&all, "type"), ["microsoft", "mobile", "nobody_has_it"]);
    assert_eq!((&all["total"], &all["filtered"]), (&json!(3), &json!(3)));
    let expected = json!({"type": "mobile", "data": {}, "enabled": false, "plugin_info": {}});
    assert_eq!(all["items"][1], expected);
    let some = list("search=MO&order=type&direction=desc&recurse=true&limit=5");
    assert_eq!(column(&some, "type"), ["mobile"]);
    assert_eq!((&some["total"], &some["filtered"]), (&json!(3), &json!(1)));
    assert_eq!(list("type=mobil")["filtered"], 0);
    let bad = bench.by_admin("GET", &format!("/0.1/users/{UNKNOWN}/external?order=name")).send();
    assert_eq!(error(bad, 400)["error_id"], "invalid-list-param");

    // Off: no routes, nobody connected, but a configuration as for any name.
    let user = bench.daemon.create_user("alice", "s3cre7");
    let google = format!("/0.1/users/{user}/external/google");
    assert_eq!(
        bench.by_admin("GET", &google).send().header("content-type"),
        "text/html; charset=utf-8"
    );
    let users = |name: &str| bench.by_admin("GET", &format!("/0.1/external/{name}/users")).send();
    check(
        error(users("google"), 404),
        "unknown-external-auth-type",
        "No such auth type: \"google\"",
        "google",
        "external",
    );
    let _ = bench.by_admin("POST", "/0.1/external/google/config").json("{}").send().expect(201);
    for name in ["google", "nobody_has_it"] {
        let empty = json!({"total": 0, "filtered": 0, "items": []});
        assert_eq!(users(name).expect(200).json(), empty, "{name}");
    }
}

#[test]
fn what_is_switched_off_keeps_its_data() {
    let bench = bench("");
    let user = bench.daemon.create_user("alice", "s3cre7");
    let path = format!("/0.1/users/{user}/external/mobile");
    let _ = bench.by_admin("POST", &path).json("{}").send().expect(201);
    let users = |bench: &Bench| {
        let answer = bench.by_admin("GET", "/0.1/external/mobile/users").send().expect(200);
        answer.json()["total"].clone()
    };
    assert_eq!(users(&bench), 1);
    let (_, folder, _) = bench.daemon.stop();
    let off = "enabled_external_auth_plugins: {mobile: false}";
    let bench = Bench::new(Setup::default().folder(folder).config(off).start());
    assert_eq!(users(&bench), 0);
    assert_eq!(bench.by_admin("GET", &path).send().status, 404);
    let (_, folder, _) = bench.daemon.stop();
    let bench = Bench::new(Setup::default().folder(folder).config("{}").start());
    assert_eq!(users(&bench), 1);
    let _ = bench.by_admin("GET", &path).send().expect(200);
}

#[test]
fn connected_users_are_those_of_the_tenant_or_below() {
    let bench = bench("");
    let top = bench.top();
    bench.tenant(CHILD, "child", &top);
    let alice = bench.daemon.create_user("alice", "s3cre7");
    let bob = json!({"username": "bob"});
    let bob = bench.about(CHILD, "POST", "/0.1/users").json(bob).send().expect(200).json();
    let bob = bob["uuid"].as_str().unwrap();
    for user in [&*alice, bob] {
        let path = format!("/0.1/users/{user}/external/mobile");
        let _ = bench.by_admin("PUT", &path).json("{}").send().expect(200);
    }
    let list = |tenant, query: &str| {
        let path = format!("/0.1/external/mobile/users?{query}");
        bench.about(tenant, "GET", &path).send().expect(200).json()
    };
    assert_eq!(list("", "")["items"], json!([{"uuid": alice}]));
    assert_eq!(list(CHILD, "search=nonsense")["items"], json!([{"uuid": bob}]));
    let page = list("", "recurse=true&limit=1");
    assert_eq!((&page["total"], &page["filtered"]), (&json!(2), &json!(2)));
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let bad = bench.by_admin("GET", "/0.1/external/mobile/users?order=uuid").send();
    assert_eq!(error(bad, 400)["error_id"], "invalid-list-param");
    // Who goes takes it along.
    let _ = bench.by_admin("DELETE", &format!("/0.1/users/{alice}")).send().expect(204);
    assert_eq!(list("", "recurse=true")["items"], json!([{"uuid": bob}]));
}
