//! Clients that take their time: for the head, the body, the answer, the
//! handshake, and for nothing at all.

use std::{
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use wazo_auth_tests::{Daemon, Setup};

use crate::support::{Client, STATUS, eventually_as_few, resident, sockets, status};

/// Shorter than any test, longer than any answer takes.
const SHORT: Duration = Duration::from_millis(1000);
const LOGIN: &str = "POST /0.1/token HTTP/1.1\r\nHost: auth\r\nContent-Length: 1000\r\n\r\n";

fn with_timeout(which: &str) -> Setup {
    Setup::default().config(&format!("rest_api: {{timeouts: {{{which}: 1}}}}"))
}

/// A daemon and a token whose description has 0.9 MB.
fn with_large_answers(setup: Setup) -> (Daemon, String) {
    let daemon = setup.start();
    let user = daemon.create_user("alice", "s3cre7");
    let long = "x".repeat(240);
    let acl: Vec<String> = (0..3600).map(|number| format!("{long}.{number}")).collect();
    // As many as one request may bring.
    for part in acl.chunks(450) {
        daemon.grant(&user, &part.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let token = daemon.login("alice", "s3cre7", json!({}))["token"].as_str().unwrap().to_owned();
    (daemon, token)
}

#[test]
fn a_head_that_trickles_in_is_cut_off() {
    let daemon = with_timeout("head").start();
    let before = sockets(&daemon);
    let head = b"GET /0.1/status HTTP/1.1\r\n".iter().copied();
    let (said, listened) =
        Client::new(&daemon).trickle(head.chain(b"x: y\r\n".iter().copied().cycle()));
    assert_eq!(said, "", "there is no request to answer");
    assert!(listened >= SHORT, "cut off after {listened:?}");
    // Nor may one be begun and left.
    assert_eq!(Client::sending(&daemon, "GET /0.1/st").rest(), "");
    eventually_as_few(&daemon, before);
}

#[test]
fn an_idle_connection_is_closed() {
    let daemon = with_timeout("head").start();
    let before = sockets(&daemon);
    assert_eq!(Client::new(&daemon).rest(), "", "one that never said a word");
    let began = Instant::now();
    let answers = Client::sending(&daemon, STATUS).rest();
    assert_eq!((status(&answers), answers.matches("HTTP/1.1").count()), (200, 1), "{answers}");
    assert!(began.elapsed() >= SHORT, "it could be used again for a while");
    eventually_as_few(&daemon, before);
}

#[test]
fn a_body_that_trickles_in_is_answered_408() {
    let daemon = with_timeout("body").start();
    let before = sockets(&daemon);
    let body = [b' '; 1000].into_iter();
    let (said, listened) = Client::sending(&daemon, LOGIN).trickle(body);
    assert_eq!(status(&said), 408, "{said}");
    assert!(said.contains(r#"{"message":"The body did not arrive in time."}"#), "{said}");
    assert!(listened >= SHORT, "cut off after {listened:?}");
    let said = Client::sending(&daemon, LOGIN).rest();
    assert_eq!(status(&said), 408, "one that never comes: {said}");
    eventually_as_few(&daemon, before);
}

#[test]
fn a_client_that_never_reads_its_answers_is_cut_off() {
    let (daemon, token) = with_large_answers(with_timeout("answer"));
    let request = format!("GET /0.1/token/{token} HTTP/1.1\r\nHost: auth\r\n\r\n");
    // All at once: more than all buffers on the way can hold.
    let requests = request.repeat(64);
    let (before, memory) = (sockets(&daemon), resident(&daemon));
    let clients: Vec<Client> = (0..4).map(|_| Client::sending(&daemon, &requests)).collect();
    eventually_as_few(&daemon, before);
    let grown = resident(&daemon).saturating_sub(memory);
    println!("4 clients that do not read 64 answers of 0.9 MB each: {grown} KiB");
    assert!(grown < 64 * 1024, "an answer or two of each: {grown} KiB");
    for mut client in clients {
        let mut some = [0; 1024];
        assert!(client.0.read(&mut some).is_ok(), "what was on its way can be read");
    }
}

#[test]
fn a_client_that_reads_slowly_gets_all_of_a_large_answer() {
    let (daemon, token) = with_large_answers(with_timeout("answer"));
    let request = format!("GET /0.1/token/{token} HTTP/1.1\r\nHost: auth\r\n\r\n");
    let last = request.replace("Host: auth", "Host: auth\r\nConnection: close");
    let mut client = Client::sending(&daemon, request.repeat(23) + &last);
    let began = Instant::now();
    let (mut bytes, mut space) = (0, vec![0; 256 * 1024]);
    loop {
        match client.0.read(&mut space).unwrap() {
            0 => break,
            length => bytes += length,
        }
        thread::park_timeout(Duration::from_millis(20));
    }
    let took = began.elapsed();
    println!("{bytes} bytes in {took:?}");
    assert!(bytes > 24 * 880_000, "{bytes} bytes");
    assert!(took > SHORT, "too fast for this test: {took:?}");
}

#[test]
fn a_handshake_that_never_ends_is_cut_off() {
    let daemon =
        Setup::default().config("rest_api: {tls: self_signed, timeouts: {handshake: 1}}").start();
    let before = sockets(&daemon);
    let mut silent = Client::new(&daemon);
    // The head of a record that announces more than comes.
    let mut begun = Client::sending(&daemon, [22, 3, 1, 2, 0, 1, 0, 1, 252]);
    assert_eq!(silent.rest(), "");
    assert_eq!(begun.rest(), "");
    let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252].into_iter().chain([0; 500]);
    let (_, listened) = Client::new(&daemon).trickle(hello);
    assert!(listened >= SHORT && listened < 9 * SHORT, "cut off after {listened:?}");
    eventually_as_few(&daemon, before);
}

#[test]
fn a_stop_does_not_wait_for_clients_that_hang() {
    let daemon = Daemon::start();
    let idle = Client::new(&daemon);
    let mut used = Client::sending(&daemon, STATUS);
    let _ = used.head();
    let begun = Client::sending(&daemon, "GET /0.1/st");
    let began = Instant::now();
    let (status, _, log) = daemon.stop();
    let took = began.elapsed();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(took < Duration::from_secs(5), "no request is running, yet it takes {took:?}");
    assert!(!log.contains("did not finish"), "{log}");
    drop((idle, used, begun));
}

#[test]
fn a_stop_waits_for_requests_no_longer_than_it_may() {
    let (daemon, token) = with_large_answers(with_timeout("stop"));
    let get = format!("GET /0.1/token/{token} HTTP/1.1\r\nHost: auth\r\n\r\n");
    let mut body = Client::sending(&daemon, LOGIN);
    let unread = Client::sending(&daemon, get.repeat(64));
    // The daemon has begun with both.
    body.0.write_all(b"{").unwrap();
    let mut some = [0; 64];
    assert!(unread.0.peek(&mut some).unwrap() > 0);
    let began = Instant::now();
    let (status, _, log) = daemon.stop();
    let took = began.elapsed();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(took >= SHORT, "running requests are waited for: {took:?}");
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(log.contains("requests did not finish in 1 s"), "{log}");
}
