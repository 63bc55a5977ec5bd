//! What plugins may have the daemon do (docs/isolation.md).

use std::fs;

use serde_json::{Value, json};
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Answer, Daemon};

use crate::support::setup;

fn clerk(options: &str) -> Daemon {
    let config =
        format!("enabled_http_plugins: {{clerk: true}}\nplugins: {{clerk: {{{options}}}}}");
    setup(&config).start()
}

fn post(daemon: &Daemon, path: &str, body: Value) -> Answer {
    daemon.post(path).token(&daemon.admin_token()).json(body).send()
}

/// Refused by the daemon, for want of this access.
#[track_caller]
fn is_refused(daemon: &Daemon, answer: Answer, access: &str) {
    let error = answer.expect(403).json();
    assert_eq!(error["error_id"], "missing-plugin-access", "{error}");
    assert_eq!(error["details"], json!({"plugin": "clerk", "access": access}));
    let said = format!("it lacks the access `{access}`; add that to plugins.clerk.accesses");
    assert!(daemon.wait_for_log(&said).is_some());
    assert_eq!(daemon.log().matches(&said).count(), 1, "it is told once");
}

#[test]
fn in_a_process_of_its_own_a_plugin_may_no_more_than_its_kind_needs() {
    let daemon = clerk("isolation: process");
    for _ in 0..2 {
        is_refused(&daemon, post(&daemon, "/0.1/clerk", json!({})), "auth.tenants.create");
    }
    let path = "/0.1/clerk/tokens/10000000-0000-4000-8000-000000000001?client_id=x";
    let asked = daemon.get(path).token(&daemon.admin_token()).send();
    is_refused(&daemon, asked, "auth.services.tokens.get_refresh_token");
    let tenants = daemon.get("/0.1/tenants").token(&daemon.admin_token()).send().expect(200);
    assert_eq!(tenants.json()["total"], 1, "nothing was made");
}

#[test]
fn accesses_add_what_they_cover_wherever_it_runs() {
    for isolation in ["process", "in_process"] {
        let options = format!("isolation: {isolation}, accesses: [auth.users.create]");
        let daemon = clerk(&options);
        let _ = post(&daemon, "/0.1/clerk/users", json!({"username": "alice"})).expect(200);
        is_refused(&daemon, post(&daemon, "/0.1/clerk", json!({})), "auth.tenants.create");
        let shown = daemon.get("/0.1/status").token(&daemon.admin_token()).send().expect(200);
        let items = shown.json()["plugins"]["items"].as_array().unwrap().clone();
        let accesses = |name: &str| {
            items.iter().find(|item| item["name"] == name).unwrap()["accesses"].clone()
        };
        assert_eq!(accesses("clerk"), json!(["auth.users.create"]));
        assert_eq!(accesses("wazo_user"), Value::Null, "everything");
    }
}

#[test]
fn what_it_makes_for_others_is_bounded_by_what_it_may_itself() {
    let daemon = clerk(
        "isolation: process, accesses: ['auth.tenants.create', 'auth.users.create', \
         'auth.groups.create', 'auth.policies.create']",
    );
    // It hands out an access that it has not: the API refuses that as it would
    // anybody's.
    let answer = post(&daemon, "/0.1/clerk", json!({})).expect(401).json();
    assert!(answer.to_string().contains("road.runner"), "{answer}");
    let everything = clerk("isolation: process, accesses: ['#']");
    let _ = post(&everything, "/0.1/clerk", json!({})).expect(200);
}

#[test]
fn a_token_of_its_own_holds_no_more_than_it_may() {
    for (accesses, status) in [("[auth.tenants.*]", 200), ("[auth.users.#]", 403)] {
        let folder = tempfile::tempdir().unwrap();
        let address_file = folder.path().join("address");
        let daemon = setup(&format!(
            "enabled_metadata_plugins: {{internal_token: true}}\n\
             purpose_metadata_mapping: {{internal: [internal_token]}}\n\
             plugins: {{internal_token: {{isolation: process, accesses: {accesses}, \
             config: {{address_file: {}}}}}}}",
            address_file.display()
        ))
        .folder(folder)
        .start();
        fs::write(address_file, daemon.url().trim_start_matches("http://")).unwrap();
        // The administrator's purpose is `internal`.
        let login = daemon.post("/0.1/token").basic(ADMIN, ADMIN_PASSWORD).json("{}").send();
        let data = login.expect(status).json();
        match status {
            200 => assert_eq!(data["data"]["metadata"]["internal_token_is_valid"], true),
            _ => assert_eq!(data["details"]["access"], "auth.tenants.read", "{data}"),
        }
    }
}
