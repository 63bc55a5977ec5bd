//! Mail servers that do not answer, refuse, or are gone.

use std::{
    collections::HashSet,
    net::{TcpListener, TcpStream},
    sync::mpsc::channel,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use wazo_auth_servers::smtp::Smtp;
use wazo_auth_tests::{Daemon, Setup, third_party};

use crate::support::{REGISTRATION, count, ended, somebody, to, to_port};

/// Four seconds, and what a busy machine adds: less than clients wait.
const SOON: Duration = Duration::from_secs(9);

/// Accepts every connection and says nothing.
fn silent() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let accepting = listener.try_clone().unwrap();
    thread::spawn(move || {
        let mut kept: Vec<TcpStream> = Vec::new();
        kept.extend(accepting.incoming().map_while(Result::ok));
    });
    listener
}

/// Registers in vain; gives what the log says of it.
fn register_in_vain(daemon: &Daemon) -> String {
    let tables = ["auth_user", "auth_tenant", "auth_email", "auth_token", "auth_session"];
    let before = tables.map(|table| count(daemon, table));
    let began = Instant::now();
    let answer = daemon.post("/0.1/users/register").json(somebody("alice")).send().expect(500);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(answer.json(), json!({"message": "The mail was not accepted by the mail server."}));
    assert_eq!(tables.map(|table| count(daemon, table)), before, "something was left behind");
    daemon.wait_for_log("a user was not registered").unwrap()
}

#[test]
fn without_a_mail_server_nobody_is_registered_and_later_everybody() {
    // An address of its own, where nobody else takes the port meanwhile.
    let host = "127.0.0.25";
    let server = Smtp::start_with(&json!({"host": host}));
    let port = server.port();
    drop(server);
    let smtp = format!("smtp: {{hostname: {host}, port: {port}}}");
    let daemon = Setup::default().config(&smtp).config(REGISTRATION).start();
    let log = register_in_vain(&daemon);
    assert!(log.contains(&format!("{host}:{port} does not answer")), "{log}");
    let server = Smtp::start_with(&json!({"host": host, "port": port}));
    let _ = daemon.post("/0.1/users/register").json(somebody("alice")).send().expect(200);
    assert!(server.mail_now().is_some());
}

#[test]
fn a_server_that_refuses_is_quoted_in_the_log() {
    let server = Smtp::start_with(&json!({"refuse": "550 5.1.1 no such mailbox"}));
    let daemon = to(&server).config(REGISTRATION).start();
    let log = register_in_vain(&daemon);
    assert!(log.contains("550") && log.contains("no such mailbox"), "{log}");
    assert!(log.contains("does not accept the mail"), "{log}");
}

#[test]
fn a_server_that_never_answers_holds_up_only_who_waits_for_it() {
    let server = silent();
    let daemon = to_port(server.local_addr().unwrap().port())
        .config(REGISTRATION)
        .config("rest_api: {max_threads: 4}")
        .plugin(third_party("acme_auth", "acme_auth"))
        .config("enabled_backend_plugins: {acme: true}")
        .config("plugins: {acme: {config: {users: {dave: s3cre7}}}}")
        .start();
    let token = daemon.admin_token();
    daemon.create_user_with(json!({"username": "dave", "authentication_method": "acme"}));
    daemon.create_user_with(json!({"username": "bob", "email_address": "bob@example.com"}));
    let log = register_in_vain(&daemon);
    assert!(log.contains(" within "), "{log}");

    // As many as there may be, and some more, all at once.
    let user = daemon.create_user("carol", "s3cre7");
    let emails = json!({"emails": [{"address": "carol@example.com", "main": true}]});
    let path = format!("/0.1/users/{user}/emails");
    let emails = daemon.put(&path).token(&token).json(emails).send().expect(200).json();
    let path = format!("{path}/{}/confirm", emails[0]["uuid"].as_str().unwrap());
    let began = Instant::now();
    thread::scope(|scope| {
        let (tell, told) = channel();
        for _ in 0..24 {
            let (request, tell) = (daemon.get(&path).token(&token), tell.clone());
            scope.spawn(move || {
                let answer = request.send();
                tell.send((answer.status, answer.header("Retry-After").to_owned())).unwrap();
            });
        }
        drop(tell);
        // Meanwhile everything else is as always.
        for _ in 0..3 {
            let began = Instant::now();
            let _ = daemon.get("/0.1/users?limit=1").token(&token).send().expect(200);
            let _ = daemon.login("dave", "s3cre7", json!({}));
            let _ = daemon.get("/0.1/users/password/reset?login=bob").send().expect(204);
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        }
        let answers: Vec<(u16, String)> = told.iter().collect();
        assert_eq!(answers.len(), 24);
        for (status, retry_after) in answers {
            assert!(status == 500 || status == 503 && retry_after == "1", "{status}");
        }
    });
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let _ = daemon.wait_for_log("a mail that resets a password was not sent").unwrap();
    assert_eq!(count(&daemon, "auth_user"), "4");
    let _ = ended(daemon);
}

/// Requests for the passwords of so many users, all at once.
fn ask_for_many(daemon: &Daemon, users: usize) {
    for number in 0..users {
        let address = format!("user{number}@example.com");
        daemon.create_user_with(json!({"username": address, "email_address": address}));
    }
    thread::scope(|scope| {
        for number in 0..users {
            let path = format!("/0.1/users/password/reset?username=user{number}@example.com");
            scope.spawn(move || drop(daemon.get(&path).send().expect(204)));
        }
    });
}

#[test]
fn mails_that_wait_when_the_daemon_stops_are_sent() {
    let server = Smtp::start_with(&json!({"delay": 1}));
    let daemon = to(&server).start();
    ask_for_many(&daemon, 12);
    let log = ended(daemon);
    let to: HashSet<String> = (0..12).flat_map(|_| server.mail().to).collect();
    assert_eq!(to.len(), 12, "{to:?}");
    assert!(!log.contains("dropped"), "{log}");
}

#[test]
fn mails_that_cannot_be_sent_before_the_daemon_ends_are_counted_in_the_log() {
    let server = silent();
    let daemon = to_port(server.local_addr().unwrap().port()).start();
    ask_for_many(&daemon, 16);
    let log = ended(daemon);
    let said = log.lines().find(|line| line.contains("requests to reset a password were dropped"));
    assert!(said.is_some(), "{log}");
}

#[test]
fn nobody_is_flooded_with_mails() {
    let server = Smtp::start();
    let daemon = to(&server).start();
    daemon.create_user_with(json!({"username": "bob", "email_address": "bob@example.com"}));
    thread::scope(|scope| {
        for _ in 0..12 {
            let request = daemon.get("/0.1/users/password/reset?username=bob");
            scope.spawn(move || drop(request.send().expect(204)));
        }
    });
    let log = ended(daemon);
    for _ in 0..5 {
        assert_eq!(server.mail().to, ["bob@example.com"]);
    }
    assert!(server.mail_now().is_none());
    assert_eq!(log.matches("5 mails went to that address within 10 minutes").count(), 7, "{log}");
}

#[test]
fn a_reset_request_does_not_wait_for_a_slow_server() {
    let server = Smtp::start_with(&json!({"delay": 3}));
    let daemon = to(&server).start();
    daemon.create_user_with(json!({"username": "bob", "email_address": "bob@example.com"}));
    let began = Instant::now();
    let _ = daemon.get("/0.1/users/password/reset?login=bob").send().expect(204);
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    assert_eq!(server.mail().to, ["bob@example.com"]);
}
