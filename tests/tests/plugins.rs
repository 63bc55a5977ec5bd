//! Plugins in the running daemon: a third party's backend, its limits, and
//! backends that misbehave.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, io::Write, os::unix::fs::PermissionsExt, process::Command, time::Instant};

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon, Database, Setup, built, third_party};

const PASSWORD: &str = "coyote-1949";

fn acme() -> Setup {
    Setup::default()
        .plugin(third_party("acme_auth", "acme_auth"))
        .config("enabled_backend_plugins: {acme: true}")
}

fn hostile(backend: &str) -> Setup {
    Setup::default()
        .plugin(third_party("hostile", "hostile"))
        .config(&format!("enabled_backend_plugins: {{{backend}: true}}"))
}

fn log_in(daemon: &Daemon, login: &str, password: &str, body: Value) -> Answer {
    daemon.post("/0.1/token").basic(login, password).json(body).send()
}

#[test]
fn one_line_of_yaml_lets_a_third_party_verify_logins() {
    let daemon = acme().start();
    let backends = daemon.get("/0.1/backends").send().expect(200).json();
    assert!(backends["data"].as_array().unwrap().contains(&json!("acme")));
    // Its name is an authentication method; the local password does not count.
    let wile = daemon.create_user_with(
        json!({"username": "wile", "password": "local", "authentication_method": "acme"}),
    );
    daemon.grant(&wile, &["calld.calls.read"]);

    let _ = log_in(&daemon, "wile", "local", json!({})).expect(401);
    let body = json!({"client_id": "desk", "access_type": "offline"});
    let data = daemon.login("wile", PASSWORD, body);
    assert_eq!(data["auth_id"], json!(wile));
    assert_eq!(data["metadata"]["purpose"], "user");
    assert_eq!(data["acl"], json!(["calld.calls.read"]));

    let refresh = json!({"client_id": "desk", "refresh_token": data["refresh_token"]});
    let again = daemon.post("/0.1/token").json(refresh).send().expect(200).json();
    assert_eq!(again["data"]["metadata"], data["metadata"]);
    assert_eq!(again["data"]["acl"], data["acl"]);
}

#[test]
fn a_backend_that_only_verifies_passwords_is_enough() {
    let daemon = hostile("panics")
        .config("plugins: {panics: {identities: {tenant: master, max_acl: ['!auth.#']}}}")
        .start();
    let method = json!({"username": "sam", "authentication_method": "panics"});
    let sam = daemon.create_user_with(method);
    daemon.grant(&sam, &["calld.calls.read"]);
    let body = json!({"client_id": "desk", "access_type": "offline"});
    let data = daemon.login("sam", "right", body);
    assert_eq!(data["metadata"]["purpose"], "user");
    assert_eq!(data["acl"], json!(["calld.calls.read"]));
    // Somebody whom only the backend knows has an identity of the backend's.
    let data = daemon.login("a.b", "right", json!({"backend": "panics"}));
    assert_eq!(data["auth_id"], "panics:a%2Eb");
    assert_eq!(data["acl"], json!(["!auth.#"]));
}

#[test]
fn a_login_that_changes_hands_while_it_is_verified_is_refused() {
    let daemon = hostile("blocks").start();
    let pipe = daemon.folder().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let login = pipe.to_str().unwrap();
    let method = json!({"username": login, "authentication_method": "blocks"});
    let alice = daemon.create_user_with(method);
    let bob =
        daemon.create_user_with(json!({"username": "bob", "authentication_method": "blocks"}));
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| log_in(&daemon, login, "x", json!({})));
        // Opening the pipe succeeds once the backend reads it: the login is
        // under way, and waits.
        let mut verdict = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        let folder = daemon.folder();
        let database = Database::open(&folder.join("auth.db"), &folder.join("token.key"));
        database.run(&format!("UPDATE auth_user SET username = 'alice' WHERE uuid = '{alice}'"));
        database.run(&format!("UPDATE auth_user SET username = '{login}' WHERE uuid = '{bob}'"));
        verdict.write_all(b"right").unwrap();
        drop(verdict);
        let _ = answer.join().unwrap().expect(401);
    });
}

#[test]
fn a_misspelt_option_of_a_plugin_stops_the_start() {
    let (code, log) = acme().config("plugins: {acme: {sha265: 00}}").fail();
    assert_eq!(code, 1);
    assert!(log.contains("sha265"), "{log}");
}

#[test]
fn a_backend_verifies_only_its_own_users() {
    let daemon = acme().start();
    daemon.create_user("wile", "local");
    // The user is native: neither naming the backend nor its password helps.
    let named = json!({"backend": "acme"});
    let _ = log_in(&daemon, "wile", PASSWORD, named.clone()).expect(401);
    let _ = log_in(&daemon, "wile", PASSWORD, json!({})).expect(401);
    let _ = log_in(&daemon, "wile", "local", json!({})).expect(200);
    // Whom only Acme knows stays outside unless the configuration says more.
    let _ = log_in(&daemon, "road-runner", "beep", named).expect(401);
}

#[test]
fn logins_that_only_the_backend_knows_stay_within_the_configured_limits() {
    let daemon = hostile("imposter")
        .config("plugins: {imposter: {identities: {tenant: master, max_acl: ['calld.#']}}}")
        .start();
    let named = json!({"backend": "imposter"});
    let data = daemon.login("stranger", "x", named.clone());
    assert_eq!(data["auth_id"], "stranger");
    let kept = json!(["calld.calls.read", "calld.#", "!calld.calls.delete"]);
    assert_eq!(data["acl"], kept);
    let tenant = data["metadata"]["tenant_uuid"].as_str().unwrap();
    let check = format!("/0.1/token/{}?tenant={tenant}", data["token"].as_str().unwrap());
    let _ = daemon.head(&check).send().expect(204);

    let offline = json!({"backend": "imposter", "client_id": "x", "access_type": "offline"});
    let _ = log_in(&daemon, "stranger", "x", offline).expect(400);
    let alice = daemon.create_user("alice", "s3cre7");
    let patterns = ["*", "users.3", "5b046ec3-8ac7-4908-9814-692f55d57e77"];
    for identity in [alice.as_str(), "wazo-auth"].into_iter().chain(patterns) {
        let _ = log_in(&daemon, identity, "x", named.clone()).expect(401);
    }
    // A user who may not log in must not come back as a stranger.
    daemon.create_user_with(json!({"username": "bob", "password": "s3cre7", "enabled": false}));
    let _ = log_in(&daemon, "bob", "x", named).expect(401);
}

#[test]
fn broken_backends_are_listed_and_harm_nobody() {
    let daemon = Setup::default()
        .config("enabled_backend_plugins: {broken_init: true, broken_verify_password: true}")
        .start();
    let backends = daemon.get("/0.1/backends").send().expect(200).json();
    for name in ["broken_init", "broken_verify_password", "wazo_user"] {
        assert!(backends["data"].as_array().unwrap().contains(&json!(name)), "{backends}");
    }
    assert!(daemon.wait_for_log("error calling 'broken_init'").unwrap().contains("(ERROR)"));
    daemon.create_user("alice", "s3cre7");
    for backend in ["broken_init", "broken_verify_password", "mock"] {
        let body = json!({"backend": backend});
        let _ = log_in(&daemon, "alice", "wrong", body.clone()).expect(401);
        let _ = log_in(&daemon, "alice", "s3cre7", body).expect(200);
    }
}

#[test]
fn a_panic_ends_with_its_request() {
    let daemon = hostile("panics").start();
    for login in ["literal", "formatted", "index", "payload"] {
        let method = json!({"username": login, "authentication_method": "panics"});
        daemon.create_user_with(method);
        let answer = log_in(&daemon, login, "right", json!({})).expect(500);
        assert_eq!(answer.json(), json!({"message": "Internal Server Error"}));
    }
    let said = "plugin `panics` panicked: a literal; tell its author";
    assert!(daemon.wait_for_log(said).is_some());
    let _ = daemon.admin_token();
}

#[test]
fn a_call_that_hangs_is_answered_and_others_go_on() {
    let daemon = hostile("blocks")
        .config("plugins: {blocks: {timeout: 0.2, max_concurrent_calls: 2}}")
        .start();
    // The backend reads a file that its login names: a pipe into which nobody
    // writes.
    let pipe = daemon.folder().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap();
    daemon.create_user_with(json!({"username": pipe, "authentication_method": "blocks"}));
    // Two calls keep their slots for ever; the third finds none.
    for _ in 0..3 {
        let answer = log_in(&daemon, pipe, "x", json!({})).expect(503);
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    let token = daemon.admin_token();
    let _ = daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
    let (status, ..) = daemon.stop();
    assert_eq!(status.code(), Some(0), "threads that hang must not keep the daemon");
}

#[test]
fn without_its_own_backend_the_daemon_does_not_start() {
    let (code, log) = Setup::default().config("enabled_backend_plugins: {wazo_user: false}").fail();
    assert_eq!(code, 1);
    assert!(log.contains("(CRITICAL)") && log.contains("wazo_user"), "{log}");
}

#[test]
fn two_files_that_offer_one_plugin_stop_the_start() {
    let mut setup = acme();
    let folder = setup.prepare();
    let twin = folder.join("plugins/libtwin.so");
    fs::copy(third_party("acme_auth", "acme_auth"), &twin).unwrap();
    fs::set_permissions(&twin, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, log) = setup.fail();
    assert_eq!(code, 1);
    assert!(log.contains("libtwin.so") && log.contains("libacme_auth.so"), "{log}");
}

#[test]
fn inspect_tells_what_a_library_offers() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.path().join("libacme_auth.so");
    fs::copy(third_party("acme_auth", "acme_auth"), &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let inspect = |file: &std::path::Path| {
        let command = ["plugin".as_ref(), "inspect".as_ref(), file.as_os_str()];
        Command::new(built().join("wazo-auth")).args(command).output().unwrap()
    };
    let found = inspect(&file);
    let text = String::from_utf8(found.stdout).unwrap();
    assert!(found.status.success(), "{text}");
    for part in ["acme_auth 2.3.4", "backend `acme`", "plugin API: 1.0.0", "fits this daemon"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let other = folder.path().join("notes.so");
    fs::write(&other, "no library").unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = inspect(&other);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().lines().count() <= 2);
}

#[test]
fn list_shows_what_is_enabled_and_what_is_there() {
    let mut setup = Setup::default()
        .plugin(third_party("acme_auth", "acme_auth"))
        .config("enabled_backend_plugins: {acme: true, nowhere: true}");
    let folder = setup.prepare();
    let output = Command::new(built().join("wazo-auth"))
        .args(["--config-file", folder.join("config.yml").to_str().unwrap(), "plugin", "list"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let state_of = |name: &str| {
        let line = text.lines().find(|line| line.contains(name)).unwrap_or_default();
        line.get(55..69).unwrap_or_default().trim().to_owned()
    };
    assert_eq!(state_of(" acme "), "enabled", "{text}");
    assert_eq!(state_of(" nowhere "), "not installed", "{text}");
    assert_eq!(state_of(" broken_init "), "not enabled", "{text}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "no daemon was asked: this is what the configuration finds\n");
}

#[test]
fn list_asks_the_daemon_that_runs() {
    let daemon = Setup::default()
        .plugin(third_party("hostile", "hostile"))
        .config("enabled_backend_plugins: {panics: true}")
        .config("plugins: {panics: {isolation: process, accesses: [auth.users.read]}}")
        .start();
    let config = daemon.folder().join("config.yml");
    let list = || {
        let config = config.to_str().unwrap();
        let mut command = Command::new(built().join("wazo-auth"));
        let output = command.args(["-c", config, "plugin", "list"]).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let of_panics = |text: &str| {
        let lines = text.lines().skip_while(|line| !line.contains(" panics ")).take(4);
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (before, said) = list();
    assert_eq!(said, "");
    let words: Vec<String> = of_panics(&before)[0].split_whitespace().map(str::to_owned).collect();
    assert_eq!(words[3..9], ["usable", "process", "0", "0", "0", "0"], "{before}");
    assert!(before.contains("may ask the daemon for what its kind needs, auth.users.read\n"));
    daemon.create_user_with(json!({"username": "literal", "authentication_method": "panics"}));
    for _ in 0..5 {
        let _ = daemon.post("/0.1/token").basic("literal", "x").json("{}").send().expect(500);
    }
    let (after, _) = list();
    let words: Vec<String> = of_panics(&after)[0].split_whitespace().map(str::to_owned).collect();
    assert_eq!(words[3..9], ["quarantined", "process", "5", "5", "0", "0"], "{after}");
    for line in ["not called for ", "last error: it panicked: a literal"] {
        assert!(of_panics(&after).iter().any(|found| found.contains(line)), "{line}\n{after}");
    }

    // For root and the daemon's account, and gone with the daemon.
    let socket = fs::read_dir(daemon.folder()).unwrap().map(|entry| entry.unwrap().path());
    let socket = socket.into_iter().find(|path| path.extension().is_some_and(|it| it == "sock"));
    let socket = socket.unwrap();
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o077, 0);
    daemon.signal("KILL");
    let waited = Instant::now();
    while !list().1.contains("no daemon was asked") {
        assert!(waited.elapsed().as_secs() < 30);
    }
    assert!(socket.exists(), "what a killed daemon leaves is no daemon");
}
