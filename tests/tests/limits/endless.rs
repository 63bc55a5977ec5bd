//! Requests without an end.

use std::{fmt::Write as _, iter::repeat_with};

use wazo_auth_tests::{Daemon, Setup};

use crate::support::{Client, eventually_as_few, resident, sockets, status};

/// More than the daemon reads of anything, and than fits into the buffers on
/// the way.
const ENOUGH: usize = 64 * 1024 * 1024;
/// What one request may cost, in KiB.
const LITTLE: usize = 16 * 1024;
const CHUNKED: &str = "Transfer-Encoding: chunked";

/// The answer to `head` and then `piece` again and again.
#[track_caller]
fn answer_to(daemon: &Daemon, head: &str, piece: &str) -> String {
    let (before, memory) = (sockets(daemon), resident(daemon));
    let mut client = Client::sending(daemon, head);
    let piece = piece.repeat(16 * 1024 / piece.len() + 1).into_bytes();
    let taken = client.pour(repeat_with(|| piece.clone()), ENOUGH);
    let answer = client.rest();
    let grown = resident(daemon).saturating_sub(memory);
    println!("{head:?}: {taken} bytes taken, {grown} KiB more in use, {answer:?}");
    assert!(taken < ENOUGH, "all was taken");
    assert!(grown < LITTLE, "{grown} KiB");
    eventually_as_few(daemon, before);
    answer
}

fn post(headers: &str) -> String {
    format!("POST /0.1/token HTTP/1.1\r\nHost: auth\r\n{headers}\r\n\r\n")
}

#[test]
fn a_head_without_end_is_refused() {
    let daemon = Daemon::start();
    let begun = "GET /0.1/backends HTTP/1.1\r\nHost: auth\r\n";
    for (head, piece) in [
        (begun.to_owned() + "X-Long: ", "x"),
        (begun.to_owned(), "X-Many: x\r\n"),
        (begun.to_owned() + "X", "x"),
        ("GET /0.1/backends?".to_owned(), "x"),
        ("G".to_owned(), "X"),
    ] {
        let answer = answer_to(&daemon, &head, piece);
        assert!(matches!(status(&answer), 400 | 414 | 431), "{answer:?}");
    }
    let _ = daemon.get("/0.1/backends").send().expect(200);
}

#[test]
fn a_head_may_be_large_but_not_huge() {
    let daemon = Daemon::start();
    let with = |header: &str| {
        let get = "GET /0.1/backends HTTP/1.1\r\nHost: auth\r\nConnection: close\r\n";
        status(&daemon.raw(format!("{get}{header}\r\n").as_bytes()))
    };
    assert_eq!(with(&format!("X-Long: {}\r\n", "x".repeat(30_000))), 200);
    assert_eq!(with(&format!("X-Long: {}\r\n", "x".repeat(33_000))), 431);
    let many = |count: usize| {
        (0..count).fold(String::new(), |mut lines, number| {
            let _ = write!(lines, "X-{number}: x\r\n");
            lines
        })
    };
    assert_eq!(with(&many(90)), 200);
    assert_eq!(with(&many(110)), 431);
}

#[test]
fn a_long_address_is_refused_as_such() {
    let daemon = Daemon::start();
    let path = |length: usize| format!("/0.1/backends?{}", "x".repeat(length));
    let _ = daemon.get(&path(8000)).send().expect(200);
    let answer = daemon.get(&path(9000)).send().expect(414);
    assert_eq!(
        answer.json()["message"],
        "The address is longer than the 8192 bytes that are accepted."
    );
}

#[test]
fn a_body_without_end_is_refused() {
    let daemon = Daemon::start();
    let chunked = post(CHUNKED);
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    for (head, piece, expected) in [
        (chunked.clone(), &*chunk, 413),
        (chunked.clone(), "1\r\n \r\n", 413),
        (chunked.clone() + "ffffffffffffffff\r\n", " ", 413),
        (chunked.clone() + "1;", "x", 400),
        (chunked.clone(), "1;xxxxxxxx\r\n \r\n", 400),
        (chunked.clone() + "0\r\n", "X-Trailer: x\r\n", 400),
        (chunked + "0\r\n", "X", 400),
        (post("Content-Length: 9223372036854775807"), " ", 413),
        (post("Content-Length: 18446744073709551616"), " ", 400),
        (post("Content-Length: 1000000000"), " ", 413),
    ] {
        let answer = answer_to(&daemon, &head, piece);
        assert_eq!(status(&answer), expected, "{head:?} {piece:?}: {answer:?}");
    }
    let _ = daemon.admin_token();
}

#[test]
fn a_length_without_end_is_given_up() {
    let daemon = Setup::default().config("rest_api: {timeouts: {body: 1}}").start();
    let (before, memory) = (sockets(&daemon), resident(&daemon));
    // The length of a chunk: zeros, which are read and forgotten.
    let mut client = Client::sending(&daemon, post(CHUNKED));
    let zeros = vec![b'0'; 1024];
    client.pour(repeat_with(|| zeros.clone()), usize::MAX);
    assert_eq!(status(&client.rest()), 408);
    let grown = resident(&daemon).saturating_sub(memory);
    assert!(grown < LITTLE, "{grown} KiB");
    eventually_as_few(&daemon, before);
}
