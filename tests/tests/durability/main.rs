//! No answer leaves before what it promises is on the disk.
//!
//! The daemon runs under strace, which stops a thread at the entry and at the
//! exit of every system call: the order of its lines is the order in which
//! things happened. The files are then rebuilt as a power cut would have left
//! them at the moment an answer left: with those writes only that were finished
//! before a sync began which was finished, too. SQLite itself recovers them and
//! says whether the token is there. So it does not matter which of the requests
//! that run in parallel share a commit.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod disk;
mod hang;
mod trace;

use std::{path::Path, thread};

use serde_json::{Value, json};
use tempfile::TempDir;
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, Setup};

use disk::Disk;
use trace::{Call, Event};

/// Clients at a time, each with a connection.
const CLIENTS: usize = 6;
/// Logins by refresh token per client; every other one is revoked.
const LOGINS: usize = 12;

/// Answers whose promise was kept, and those whose promise was not.
#[derive(Default, Debug, PartialEq)]
struct Verdict {
    kept: usize,
    broken: Vec<String>,
}

#[test]
fn answers_leave_after_the_sync_that_covers_them() {
    let (folder, before) = prepare();
    let trace_file = folder.path().join("trace");
    let (status, folder, log) = work(folder, &trace_file).stop();
    assert!(status.success(), "{log}");
    let text = std::fs::read_to_string(&trace_file).unwrap();
    let lines: Vec<&str> = text.lines().collect();

    let verdict = judge(&lines, before.path(), folder.path());
    assert_eq!(verdict.broken, Vec::<String>::new(), "answers left too early");
    let issued = CLIENTS * LOGINS + 1;
    let revoked = CLIENTS * LOGINS / 2 + 1;
    assert_eq!(verdict.kept, issued + revoked, "answers that were looked at");

    // The judge itself: it must find what the daemon does not do.
    let is_sync = |line: &&str| line.contains("fdatasync") || line.contains("fsync");
    let without: Vec<&str> = lines.iter().copied().filter(|line| !is_sync(line)).collect();
    let blind = judge(&without, before.path(), folder.path());
    // A disk as it was at the start holds no new token to be revoked, either.
    assert_eq!((blind.broken.len(), blind.kept), (issued, revoked), "no sync, no token");
    for (promise, of_answer) in [("issued: true", "utc_expires_at"), ("issued: false", "success")] {
        let early = answer_before_its_sync(&lines, of_answer);
        let broken = judge(&early, before.path(), folder.path()).broken;
        assert!(broken.len() == 1 && broken[0].contains(promise), "{promise}: {broken:?}");
    }
    println!(
        "{issued} logins and {revoked} revocations, {CLIENTS} at a time: each answer left after the \
         sync of its commit ({} syncs); the judge finds {} broken promises in a trace without \
         syncs, and the one answer that is moved before its sync",
        lines.iter().filter(|line| line.contains("sync(")).count(),
        blind.broken.len(),
    );
}

/// A folder whose daemon has ended, and a copy of it.
fn prepare() -> (TempDir, TempDir) {
    let daemon = Daemon::start();
    let body = json!({"access_type": "offline", "client_id": "trace"});
    let data = daemon.login(ADMIN, ADMIN_PASSWORD, body);
    let (status, folder, log) = daemon.stop();
    assert!(status.success(), "{log}");
    let copy = tempfile::tempdir().unwrap();
    for name in ["auth.db", "token.key"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let rest = std::fs::metadata(folder.path().join("auth.db-wal")).map_or(0, |wal| wal.len());
    assert_eq!(rest, 0, "a daemon that ends in order leaves everything in the database itself");
    std::fs::write(folder.path().join("refresh"), data["refresh_token"].as_str().unwrap()).unwrap();
    (folder, copy)
}

/// Runs the clients against a daemon whose system calls are written to a file.
fn work(folder: TempDir, trace: &Path) -> Daemon {
    let refresh = std::fs::read_to_string(folder.path().join("refresh")).unwrap();
    let calls = "trace=pwrite64,write,writev,sendto,sendmsg,recvfrom,fdatasync,fsync,ftruncate";
    // -D: the daemon stays the child of the test, the tracer ends with it.
    let strace = ["strace", "-D", "-f", "-yy", "-s", "100000", "-e", calls, "-e", "signal=none"];
    let strace: Vec<&str> = strace.into_iter().chain(["-o", trace.to_str().unwrap()]).collect();
    let setup = Setup::default().config("bootstrap_user_on_startup: false").wrapper(&strace);
    let daemon = setup.folder(folder).start();
    let log_in = || -> Value {
        let body = json!({"client_id": "trace", "refresh_token": refresh});
        daemon.post("/0.1/token").json(body).send().expect(200).json()["data"]["token"].clone()
    };
    let revoke = |token: &Value| {
        let path = format!("/0.1/token/{}", token.as_str().unwrap());
        let _ = daemon.delete(&path).send().expect(200);
    };
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                for login in 0..LOGINS {
                    let token = log_in();
                    if login % 2 == 0 {
                        revoke(&token);
                    }
                }
            });
        }
    });
    revoke(&log_in());
    daemon
}

/// Compares each answer of the trace with what was safe on the disk when it
/// left. `before` holds the database as it was when the daemon was started.
fn judge(lines: &[&str], before: &Path, folder: &Path) -> Verdict {
    let mut disk = Disk::new(before, &folder.join("auth.db"));
    let mut requests = std::collections::BTreeMap::new();
    let mut verdict = Verdict::default();
    for event in trace::events(lines) {
        match event {
            Event::Began { call: Call::Send { socket, text }, .. } => {
                let Some(promise) = Promise::of(requests.remove(&socket), &text) else { continue };
                if disk.safe_tokens().contains(&promise.token) == promise.issued {
                    verdict.kept += 1;
                } else {
                    verdict.broken.push(format!("{promise:?}"));
                }
            }
            Event::Ended { call: Call::Receive { socket, text }, .. } => {
                // A request may come in parts.
                requests.entry(socket).or_insert_with(String::new).push_str(&text);
            }
            Event::Began { number, call: Call::Sync { .. } } => disk.sync_began(number),
            Event::Ended { number, call: Call::Sync { file } } => disk.sync_ended(number, &file),
            Event::Ended { call: Call::Write { file, at, bytes }, .. } => {
                disk.write(&file, at, bytes)
            }
            Event::Ended { call: Call::Truncate { file, length }, .. } => {
                disk.truncate(&file, length)
            }
            Event::Began { .. } | Event::Ended { .. } => {}
        }
    }
    verdict
}

/// What an answer promises.
#[derive(Debug)]
struct Promise {
    token: String,
    /// It is valid from now on; else it is not any more.
    issued: bool,
}

// === impl Promise ===

impl Promise {
    /// What the answer to a request promises, if it does.
    fn of(request: Option<String>, answer: &str) -> Option<Self> {
        let request = request?;
        if !answer.starts_with("HTTP/1.1 200 ") {
            return None;
        }
        if request.starts_with("POST /0.1/token ") {
            let body = answer.split("\r\n\r\n").nth(1).expect("one write holds the whole answer");
            let body: Value = serde_json::from_str(body).expect("a body of JSON");
            let token = body["data"]["token"].as_str()?.to_owned();
            return Some(Self { token, issued: true });
        }
        let path = request.strip_prefix("DELETE /0.1/token/")?;
        Some(Self { token: path.get(..36)?.to_owned(), issued: false })
    }
}

/// The trace with the last answer that contains `text` moved before the sync
/// that came before it: at the end, requests come one after the other.
fn answer_before_its_sync<'a>(lines: &[&'a str], text: &str) -> Vec<&'a str> {
    let is_answer = |line: &str| line.contains("\"HTTP/1.1 200 ") && line.contains(text);
    let answer = lines.iter().rposition(|line| is_answer(line)).expect("an answer");
    let sync = lines[..answer].iter().rposition(|line| line.contains("sync(")).expect("a sync");
    let mut moved = lines.to_vec();
    let line = moved.remove(answer);
    moved.insert(sync, line);
    moved
}
