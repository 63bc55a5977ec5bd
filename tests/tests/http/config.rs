//! `/config` (http.md section 9) and profiles (status.md section 4).

use std::fs;

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Setup};

use crate::support::{Bench, PASSWORD, error, text};

const CHILD: &str = "10000000-0000-4000-8000-000000000001";
const SECRET: &str = "a-secret-of-this-test";

fn start() -> Bench {
    let config = format!(
        "consul: {{token: {SECRET}}}\namqp: {{uri: 'amqp://guest:{SECRET}@localhost/'}}\n\
         plugins: {{acme: {{config: {{api_key: {SECRET}}}}}}}\nlog_level: info\n"
    );
    Bench::new(Setup::default().config(&config).environment("XIVO_UUID", "the-platform").start())
}

fn get(bench: &Bench) -> Value {
    bench.by_admin("GET", "/0.1/config").send().expect(200).json()
}

fn patch(bench: &Bench, body: &Value) -> Answer {
    bench.by_admin("PATCH", "/0.1/config").json(body).send()
}

fn replace(path: &str, value: impl Into<Value>) -> Value {
    json!([{"op": "replace", "path": path, "value": value.into()}])
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    let bench = start();
    let shown = get(&bench);
    let expected = (&json!("the-platform"), &json!(["wazo_user"]), &json!(20), &json!(false));
    assert_eq!(
        (&shown["uuid"], &shown["loaded_plugins"], &shown["log_level"], &shown["debug"]),
        expected
    );
    assert!(shown["rest_api"]["port"].is_u64());
    let text = shown.to_string();
    assert!(!text.contains(SECRET) && !text.contains(wazo_auth_tests::ADMIN_PASSWORD), "{text}");
    assert_eq!(shown["amqp"]["uri"], "amqp://guest:<hidden>@localhost/");
    let _ = bench.by_admin("HEAD", "/0.1/config").send().expect(200);
}

#[test]
fn only_the_tenant_above_all_sees_the_configuration() {
    let bench = start();
    bench.tenant(CHILD, "child", &bench.top());
    let token = bench.token_in("of-child", &["#"], CHILD);
    for (method, body) in [("GET", ""), ("PATCH", "{")] {
        let request = bench.daemon.request(method, "/0.1/config").token(&token).body(body);
        let expected = json!({"message": "Unauthorized", "error_id": "unauthorized",
            "details": {"invalid_token": token}});
        assert_eq!(error(request.send(), 401), expected);
    }
    let weak = bench.token_with("weak", &["auth.config.read"]);
    let _ = bench.daemon.get("/0.1/config").token(&weak).send().expect(200);
    let answer = bench.daemon.request("PATCH", "/0.1/config").token(&weak).body("[]").send();
    assert_eq!(error(answer, 401)["details"]["required_access"], "auth.config.update");
}

#[test]
fn the_log_becomes_talkative_and_quiet_again() {
    let bench = start();
    let token = &bench.admin;
    let check = || bench.daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
    let told = || bench.daemon.log().matches("request: HEAD /0.1/token").count();
    let _ = check();
    let _ = bench.by_admin("GET", "/0.1/backends").send().expect(200);
    assert!(bench.daemon.wait_for_log("GET /0.1/backends 200").is_some());
    assert_eq!(told(), 0);
    let changed = patch(&bench, &replace("/debug", "on")).expect(200).json();
    assert_eq!((&changed["debug"], &changed["log_level"]), (&json!(true), &json!(20)));
    assert_eq!(changed, get(&bench));
    let _ = check();
    assert!(bench.daemon.wait_for_log("request: HEAD /0.1/token").is_some());
    assert_eq!(patch(&bench, &replace("/debug", false)).expect(200).json()["debug"], false);
    let before = told();
    let _ = check();
    let _ = bench.by_admin("POST", "/0.1/status").send();
    assert!(bench.daemon.wait_for_log("POST /0.1/status 405").is_some());
    assert_eq!(told(), before);
}

#[test]
fn a_patch_is_made_as_a_whole_or_not_at_all() {
    let bench = start();
    let before = get(&bench);
    assert_eq!(patch(&bench, &json!([])).expect(200).json(), before);
    let good = replace("/debug", true)[0].clone();
    for bad in [
        json!({}),
        json!(5),
        json!([5]),
        json!([good, {"op": "replace", "path": "/debug"}]),
        json!([good, {"op": "add", "path": "/debug", "value": true}]),
        json!([good, {"op": "replace", "path": "/db_uri", "value": true}]),
        json!([good, {"op": "replace", "path": "/debug", "value": "perhaps"}]),
        json!([good, {"op": "replace", "path": "/debug", "value": true, "more": 1}]),
    ] {
        let error = error(patch(&bench, &bad), 400);
        assert_eq!(
            (&error["error_id"], &error["resource"]),
            (&json!("invalid-data"), &json!("config")),
            "{bad}"
        );
    }
    let _ = bench.by_admin("PATCH", "/0.1/config").send().expect(400);
    assert_eq!(get(&bench), before);
}

#[test]
fn each_request_leaves_a_profile_while_that_is_asked_for() {
    let bench = start();
    let alice = bench.daemon.create_user("alice", PASSWORD);
    let path = format!("/0.1/users/{alice}");
    let _ = bench.by_admin("GET", &path).send().expect(200);
    // Others may have asked for profiles before.
    let all = || {
        fs::read_dir("/tmp/wazo-profiling")
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect::<std::collections::HashSet<_>>()
    };
    let others = all();
    let profiles = || {
        let folder = fs::read_dir("/tmp/wazo-profiling").into_iter().flatten().flatten();
        let names = folder.map(|entry| entry.path());
        names.filter(|file| file.to_string_lossy().contains(&alice)).collect::<Vec<_>>()
    };
    assert!(profiles().is_empty());
    let _ = patch(&bench, &replace("/profiling_enabled", true)).expect(200);
    let _ = bench.by_admin("GET", &path).send().expect(200);
    let token = text(&bench.daemon.login("alice", PASSWORD, json!({})), "token");
    let _ = bench.daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
    let _ = bench.daemon.get("/0.1/api/api.yml").send().expect(200);
    // Those that are refused leave one too: without a token, without a body to read.
    let _ = bench.daemon.delete(&path).send().expect(401);
    let _ = bench.daemon.put(&path).json(json!({"username": "bob"})).send().expect(401);
    let large = "x".repeat(2 << 20);
    let _ = bench.by_admin("PUT", &path).json(json!({"username": large})).send().expect(413);
    let _ = patch(&bench, &replace("/profiling_enabled", false)).expect(200);
    let _ = bench.by_admin("GET", &path).send().expect(200);
    // The description of the API never leaves one.
    let mut names = fs::read_dir("/tmp/wazo-profiling").unwrap().map(|entry| entry.unwrap().path());
    assert!(!names.any(|file| file.to_string_lossy().ends_with("_api_api.yml.profile")));
    let found = profiles();
    let mut said = Vec::new();
    for file in &found {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(name.ends_with(&format!("-api_auth_0.1_users_{alice}.profile")), "{name}");
        said.push(fs::read_to_string(file).unwrap().lines().next().unwrap().to_owned());
    }
    said.sort();
    let expected = ["DELETE 401", "GET 200", "PUT 401", "PUT 413"];
    assert_eq!(said, expected.map(|line| line.replace(' ', &format!(" {path} "))));
    for file in all().difference(&others) {
        let name = file.to_string_lossy();
        assert!(
            !name.contains(&token) && !fs::read_to_string(file).unwrap().contains(&token),
            "{name}"
        );
        fs::remove_file(file).unwrap();
    }
}
