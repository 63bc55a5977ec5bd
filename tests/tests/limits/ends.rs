//! Clients that go at any time, and those that say all at once.

use std::{fs, io::Write, net::Shutdown};

use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, Setup};

use crate::support::{Client, STATUS, eventually, eventually_as_few, sockets, status};

/// `admin:adm1n`
const CREDENTIALS: &str = "Authorization: Basic YWRtaW46YWRtMW4=";

fn login(headers: &str) -> String {
    format!("POST /0.1/token HTTP/1.1\r\nHost: auth\r\n{CREDENTIALS}\r\n{headers}\r\n\r\n")
}

/// How many descriptors the daemon has open, but for those of the database:
/// each worker that ever read it has its own.
fn open(daemon: &Daemon) -> usize {
    let entries = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    // One that is closed meanwhile has no name any more.
    let files = entries.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    files.filter(|file| !file.to_string_lossy().contains("auth.db")).count()
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let daemon = Daemon::start();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: auth\r\n\r\n");
    let last = "GET /0.1/backends HTTP/1.1\r\nHost: auth\r\nConnection: close\r\n\r\n";
    // The second takes far longer than those that follow.
    let requests =
        get("/0.1/backends") + &login("Content-Length: 2") + "{}" + &get("/none").repeat(50) + last;
    let answers = Client::sending(&daemon, requests).rest();
    let statuses: Vec<u16> =
        answers.match_indices("HTTP/1.1 ").map(|(at, _)| status(&answers[at..])).collect();
    let expected: Vec<u16> = [200, 200].into_iter().chain([404; 50]).chain([200]).collect();
    assert_eq!(statuses, expected);
}

#[test]
fn a_client_that_has_said_all_is_answered() {
    let daemon = Daemon::start();
    for request in [STATUS.to_owned(), login("Content-Length: 2") + "{}"] {
        let mut client = Client::sending(&daemon, request);
        client.0.shutdown(Shutdown::Write).unwrap();
        assert_eq!(status(&client.rest()), 200);
    }
    // One that breaks off in the middle gets no token.
    let mut client = Client::sending(&daemon, login("Content-Length: 3") + "{}");
    client.0.shutdown(Shutdown::Write).unwrap();
    let answer = client.rest();
    assert!(answer.is_empty() || status(&answer) == 400, "{answer}");
}

#[test]
fn clients_that_crash_leave_nothing_behind() {
    let daemon = Daemon::start();
    // What the daemon opens once and keeps.
    let token = daemon.admin_token();
    let get = format!("GET /0.1/token/{token} HTTP/1.1\r\nHost: auth\r\n\r\n");
    let connections = sockets(&daemon);
    for _ in 0..3 {
        let clients: Vec<Client> = (0..30).map(|_| Client::sending(&daemon, &get)).collect();
        clients.into_iter().for_each(|mut client| assert_eq!(status(&client.head()), 200));
    }
    eventually_as_few(&daemon, connections);
    let files = open(&daemon);
    let requests = [
        String::new(),
        "GET /0.1/sta".to_owned(),
        STATUS.to_owned(),
        STATUS.repeat(500),
        login("Content-Length: 100"),
        login("Content-Length: 100") + "{",
        login("Transfer-Encoding: chunked") + "5\r\n{",
        login("Content-Length: 2") + "{}",
        get.repeat(100),
    ];
    for round in 0..30 {
        for request in &requests {
            let client = Client::sending(&daemon, request);
            match round % 3 {
                0 => client.reset(),
                1 => drop(client),
                _ => {
                    client.0.shutdown(Shutdown::Both).unwrap();
                    client.reset();
                }
            }
        }
    }
    eventually_as_few(&daemon, connections);
    eventually("as few files as before", || open(&daemon) <= files);
    let _ = daemon.login(ADMIN, ADMIN_PASSWORD, serde_json::json!({}));
}

#[test]
fn clients_that_crash_in_a_handshake_leave_nothing_behind() {
    let daemon = Setup::default().config("rest_api: {tls: self_signed}").start();
    let before = sockets(&daemon);
    for bytes in [&[][..], &[22, 3, 1], &[22, 3, 1, 2, 0, 1, 0, 1, 252], b"GET / HTTP/1.1\r\n\r\n"]
    {
        for _ in 0..20 {
            Client::sending(&daemon, bytes).reset();
            let mut client = Client::sending(&daemon, bytes);
            let _ = client.0.write_all(&[0; 100]);
        }
    }
    eventually_as_few(&daemon, before);
}
