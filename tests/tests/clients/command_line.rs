//! What the platform's command-line tool does (client-expectations.md section 5).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon};

use crate::wire::{Client, TRUE, column, text};

/// The tool, started: it makes a token, and revokes it when it is `ended`.
fn tool(daemon: &Daemon) -> Client<'_> {
    let nobody = Client::new(daemon, "/0.1");
    let body = json!({"expiration": 3600, "backend": "wazo_user"});
    let token = text(&nobody.log_in(ADMIN, ADMIN_PASSWORD, body), "token");
    nobody.with_token(&token)
}

/// The first of a look-up.
#[track_caller]
fn first(tool: &Client<'_>, kind: &str, name: &str) -> String {
    let list = match kind {
        "users" => tool.get(kind).query("username", name).query("recurse", TRUE).ok(),
        _ => tool.get(kind).query("name", name).ok(),
    };
    text(&list["items"][0], "uuid")
}

/// Policies are looked up otherwise.
#[track_caller]
fn policy(tool: &Client<'_>, name: &str) -> String {
    let list = tool.get("policies").query("search", name).query("recurse", TRUE).ok();
    let items = list["items"].as_array().unwrap();
    text(items.iter().find(|item| item["name"] == name).unwrap(), "uuid")
}

/// Shows a list as a table, whose columns are the keys of the first item.
#[track_caller]
fn table(list: &Value, wanted: &[&str]) {
    let keys = |item: &Value| item.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let items = list["items"].as_array().unwrap();
    assert!(items.len() > 1, "{list}");
    let columns = keys(&items[0]);
    assert!(items.iter().all(|item| keys(item) == columns), "{list}");
    assert!(wanted.iter().all(|key| columns.contains(*key)), "{columns:?}");
}

#[test]
fn tables_have_their_columns_in_every_row() {
    let daemon = Daemon::start();
    let tool = tool(&daemon);
    // Each with as much as there may be, and beside it with nothing.
    let address = json!({"city": "Quebec"});
    let _ = tool.post("tenants", json!({"name": "full", "phone": "5", "address": address})).ok();
    let _ = tool.post("tenants", json!({})).ok();
    let full = json!({"username": "full", "password": "s3cre7", "email_address": "f@example.com"});
    let _ = tool.post("users", full).ok();
    let _ = tool.post("users", json!({})).ok();
    let _ = tool.post("policies", json!({"name": "full", "description": "x", "acl": ["a"]})).ok();
    let _ = tool.post("policies", json!({"name": "bare"})).ok();
    let _ = tool.post("groups", json!({"name": "sales"})).ok();
    let phone = tool.new_token("full", "s3cre7", json!({"expiration": "60"}));
    let _ = phone.header("Wazo-Session-Type", "mobile").ok();

    let all = |path: &str| tool.get(path).query("recurse", TRUE).ok();
    let users = all("users");
    table(&users, &["uuid", "username", "emails"]);
    let emails: Vec<&Value> = users["items"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|user| user["emails"].as_array().unwrap())
        .collect();
    assert_eq!(
        (&emails[0]["main"], &emails[0]["address"]),
        (&json!(true), &json!("f@example.com"))
    );
    table(&all("tenants"), &["uuid", "name", "contact", "phone", "parent_uuid", "address"]);
    table(&all("policies"), &["uuid", "name", "description", "tenant_uuid", "acl"]);
    table(&all("groups"), &["uuid", "name"]);
    table(&all("sessions"), &["uuid", "tenant_uuid", "user_uuid", "mobile"]);
}

#[test]
fn users_are_found_changed_as_a_whole_and_logged_out() {
    let daemon = Daemon::start();
    let tool = tool(&daemon);
    let uuid = "10000000-0000-4000-8000-000000000001";
    let body = json!({"name": "branch", "uuid": uuid});
    assert_eq!(text(&tool.post("tenants", body).ok(), "uuid"), uuid);
    // Others whose names have this one in them.
    let _ = tool.post("tenants", json!({"name": "branch 2"})).ok();
    assert_eq!(first(&tool, "tenants", "branch"), uuid);

    let user = "20000000-0000-4000-8000-000000000002";
    let body = json!({
        "uuid": user, "username": "bob", "password": "s3cre7", "email_address": "bob@example.com",
        "firstname": "Bob", "lastname": "Ross", "purpose": "external_api", "enabled": true,
        "tenant_uuid": uuid,
    });
    assert_eq!(text(&tool.post("users", body).tenant(uuid).ok(), "uuid"), user);
    let _ = tool.post("users", json!({"username": "bob-2"})).ok();
    assert_eq!(first(&tool, "users", "bob"), user);

    // `user update` sends back all that it has read.
    let path = format!("users/{user}");
    let read = tool.get(&path).ok();
    for enabled in [false, true] {
        let mut whole = read.clone();
        whole["enabled"] = json!(enabled);
        let _ = tool.put(&path, whole.clone()).ok();
        assert_eq!(tool.get(&path).ok(), whole);
        let login = tool.new_token("bob@example.com", "s3cre7", json!({})).send();
        assert_eq!(login.status, if enabled { 200 } else { 401 });
    }

    let reset = tool.post("users/password/reset", json!({"password": "an0ther"}));
    reset.query("user_uuid", user).done();
    let token = text(&tool.log_in("bob", "an0ther", json!({})), "token");
    let shown = tool.get(&format!("token/{token}")).ok();
    assert_eq!(shown["data"]["metadata"]["uuid"], user);

    // `user show`
    let _ = tool.post("groups", json!({"name": "sales 2"})).ok();
    let top = text(&tool.post("groups", json!({"name": "sales"})).ok(), "uuid");
    assert_eq!(first(&tool, "groups", "sales"), top);
    let body = json!({"name": "sales", "tenant_uuid": uuid});
    let group = text(&tool.post("groups", body).tenant(uuid).ok(), "uuid");
    tool.associate(&format!("groups/{group}/users/{user}")).done();
    assert_eq!(column(&tool.get(&format!("groups/{group}/users")).ok(), "username"), ["bob"]);
    let of_user = |what: &str| tool.get(&format!("{path}/{what}")).ok();
    assert!(column(&of_user("groups"), "name").contains(&"sales".to_owned()));
    assert_eq!(of_user("policies")["items"], json!([]));

    // `session show` and `session wipe`, which may come too late.
    let sessions = column(&of_user("sessions"), "uuid");
    let all = tool.get("sessions").query("recurse", TRUE).ok();
    assert!(column(&all, "uuid").contains(&sessions[0]), "{all}");
    for session in &sessions {
        tool.delete(&format!("sessions/{session}")).done();
        let status = tool.delete(&format!("sessions/{session}")).send().status;
        assert!([204, 404].contains(&status), "{status}");
    }
    assert_eq!(of_user("sessions")["items"], json!([]));
    assert_eq!(tool.check(&token, &[]), 404);
}

#[test]
fn policies_are_made_or_shown() {
    let daemon = Daemon::start();
    let tool = tool(&daemon);
    let _ = tool.post("policies", json!({"name": "calls of all", "acl": []})).ok();
    let body = json!({"name": "calls", "description": null, "acl": ["calld.#"]});
    let made = tool.post("policies", body.clone()).ok();
    assert_eq!(made["description"], Value::Null);
    // With `--or-show`.
    tool.post("policies", body).refused(409);
    assert_eq!(policy(&tool, "calls"), text(&made, "uuid"));
}

#[test]
fn tokens_are_made_as_the_command_line_says() {
    let daemon = Daemon::start();
    let tool = tool(&daemon);
    let _ = daemon.create_user("alice", "s3cre7");
    let nobody = Client::new(&daemon, "/0.1");
    let body = json!({"expiration": "60", "access_type": "offline", "client_id": "cli"});
    let data = nobody.log_in("alice", "s3cre7", body);
    let times = [text(&data, "utc_issued_at"), text(&data, "utc_expires_at")];
    let [issued, expires] =
        times.map(|time| format!("{time}Z").parse::<jiff::Timestamp>().unwrap());
    assert_eq!(expires.as_second() - issued.as_second(), 60);
    let refresh =
        json!({"expiration": "60", "refresh_token": data["refresh_token"], "client_id": "cli"});
    let _ = nobody.log_in("", "", refresh);
    nobody.new_token("alice", "s3cre7", json!({"expiration": "soon"})).refused(400);

    let alice = first(&tool, "users", "alice");
    assert_eq!(column(&tool.get(&format!("users/{alice}/tokens")).ok(), "client_id"), ["cli"]);
    tool.delete(&format!("users/{alice}/tokens/cli")).done();
    assert_eq!(tool.get("users/me/tokens").ok()["items"], json!([]));
    // At its end.
    let _ = tool.delete(&format!("token/{}", tool.token())).send().json(200);
    assert_eq!(nobody.check(tool.token(), &[]), 404);
}
