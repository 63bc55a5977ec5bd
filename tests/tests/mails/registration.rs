//! People who register themselves.

use std::{net::TcpListener, thread};

use rusqlite::Connection;
use serde_json::json;
use wazo_auth_servers::smtp::Smtp;
use wazo_auth_tests::{Daemon, on_postgresql};

use crate::support::{REGISTRATION, count, somebody, to, to_port};

#[test]
fn who_registers_has_a_tenant_of_its_own() {
    let server = Smtp::start();
    let daemon = to(&server).config(REGISTRATION).start();
    let body = json!({"username": "Al ice", "password": "s3cre7", "email_address": "a@example.com",
                      "firstname": "Alice", "lastname": null, "purpose": "internal",
                      "authentication_method": "nonsense", "enabled": false});
    let user = daemon.post("/0.1/users/register").json(body).send().expect(200).json();
    assert_eq!((&user["firstname"], &user["lastname"]), (&json!("Alice"), &json!(null)));
    assert_eq!((&user["purpose"], &user["enabled"]), (&json!("user"), &json!(true)));
    assert_eq!(user["authentication_method"], "default");
    assert_eq!(
        (&user["emails"][0]["main"], &user["emails"][0]["confirmed"]),
        (&json!(true), &json!(false))
    );
    let admin = daemon.admin_token();
    let tenant = format!("/0.1/tenants/{}", user["tenant_uuid"].as_str().unwrap());
    let tenant = daemon.get(&tenant).token(&admin).send().expect(200).json();
    assert_eq!((&tenant["name"], &tenant["slug"]), (&json!("Al ice"), &json!("Alice")));
    let top = daemon.get("/0.1/tenants").token(&admin).send().expect(200).json();
    let top = top["items"].as_array().unwrap().iter().find(|item| item["slug"] == "master");
    assert_eq!((&tenant["parent_uuid"], &tenant["contact"]), (&top.unwrap()["uuid"], &json!(null)));
    let groups = daemon.get("/0.1/groups").token(&admin);
    let groups = groups.header("Wazo-Tenant", tenant["uuid"].as_str().unwrap()).send().expect(200);
    assert_eq!(groups.json()["total"], 1, "the group of all users");
    let metadata = daemon.login("Al ice", "s3cre7", json!({}))["metadata"].clone();
    assert_eq!(metadata["tenant_uuid"], user["tenant_uuid"]);
}

#[test]
fn refused_registrations_leave_nothing_behind() {
    let server = Smtp::start();
    let daemon = to(&server).config(REGISTRATION).start();
    daemon.create_user_with(json!({"username": "bob", "email_address": "bob@example.com"}));
    let (tenants, users) = (count(&daemon, "auth_tenant"), count(&daemon, "auth_user"));
    for (change, status, field) in [
        (json!({"username": "BOB"}), 409, "username"),
        (json!({"username": "bob@EXAMPLE.com"}), 409, "username"),
        (json!({"email_address": "Bob@example.com"}), 409, "email_address"),
        (json!({"username": null}), 400, "username"),
        (json!({"username": ""}), 400, "username"),
        (json!({"username": "x".repeat(129)}), 400, "username"),
        (json!({"password": ""}), 400, "password"),
        (json!({"password": 1}), 400, "password"),
        (json!({"firstname": 1}), 400, "firstname"),
        (json!({"email_address": "alice"}), 400, "email_address"),
        (json!({"email_address": null}), 400, "email_address"),
        (
            json!({"email_address": "a@example.com\r\nRCPT TO:<b@example.com>"}),
            400,
            "email_address",
        ),
    ] {
        let mut body = somebody("alice");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = daemon.post("/0.1/users/register").json(body).send().expect(status).json();
        assert!(answer["details"].get(field).is_some(), "{change}: {answer}");
        assert_eq!(answer["resource"], "users");
    }
    for missing in ["username", "password", "email_address"] {
        let mut body = somebody("alice");
        body.as_object_mut().unwrap().remove(missing);
        let answer = daemon.post("/0.1/users/register").json(body).send().expect(400).json();
        assert!(answer["details"].get(missing).is_some(), "{answer}");
    }
    assert_eq!((count(&daemon, "auth_tenant"), count(&daemon, "auth_user")), (tenants, users));
    assert!(server.mail_now().is_none());
    let _ = daemon.post("/0.1/users/register").json(somebody("alice")).send().expect(200);
}

#[test]
fn what_cannot_be_undone_at_once_is_undone_by_the_next_registration() {
    // There, nobody else's lock keeps the daemon from writing.
    if on_postgresql() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let daemon = to_port(port).config(REGISTRATION).start();
    let register = || daemon.post("/0.1/users/register").json(somebody("alice")).send();
    let other = Connection::open(daemon.folder().join("auth.db")).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(register);
        // Alice is there, and her mail about to be refused.
        let asked = listener.accept().unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        drop((asked, listener));
        let _ = waiting.join().unwrap().expect(500);
    });
    let line = daemon.wait_for_log("cannot be deleted now, later").unwrap();
    assert!(line.contains("(ERROR)"), "{line}");
    other.execute_batch("ROLLBACK").unwrap();
    let server = Smtp::start_with(&json!({"port": port}));
    let _ = register().expect(200);
    assert!(server.mail_now().is_some());
}

#[test]
fn registration_is_off_unless_enabled() {
    let daemon = Daemon::start();
    let _ = daemon.post("/0.1/users/register").json(somebody("alice")).send().expect(404);
}
