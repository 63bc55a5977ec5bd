//! A disk that does not take what is copied into the database.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use wazo_auth_tests::Daemon;

/// What must be in the write-ahead log for it to be copied, in bytes, and more.
const LOG: usize = 60 << 20;
/// A field that has no limit of its own.
const NAME: usize = 800_000;

#[test]
fn a_disk_that_hangs_is_told_while_requests_are_served() {
    let daemon = Daemon::start();
    let token = daemon.admin_token();
    // Each sync of the thread that empties the log takes 12 s.
    let hang = Hang::of(&daemon, "store-log", "fdatasync:delay_enter=12000000");
    for _ in 0..LOG / NAME {
        let body = json!({"firstname": "x".repeat(NAME)});
        let _ = daemon.post("/0.1/users").token(&token).json(body).send().expect(200);
    }
    let told = daemon.wait_for_log("the disk has not taken it yet").expect("it is told");
    assert!(told.contains("(WARNING)"), "{told}");
    let _ = daemon.post("/0.1/users").token(&token).json(json!({})).send().expect(200);
    let over = daemon.wait_for_log("the disk has taken what was copied").expect("its end too");
    assert!(over.contains("(WARNING)"), "{over}");
    drop(hang);
    let (status, _, log) = daemon.stop();
    assert!(status.success(), "{log}");
}

/// Holds up some system calls of one thread, until dropped.
struct Hang(std::process::Child);

impl Hang {
    fn of(daemon: &Daemon, thread: &str, inject: &str) -> Self {
        let tasks = format!("/proc/{}/task", daemon.pid());
        let named = |task: &fs::DirEntry| {
            fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == thread)
        };
        let task = fs::read_dir(tasks).unwrap().flatten().find(named).unwrap();
        let number = task.file_name().into_string().unwrap();
        let mut strace = Command::new("strace");
        strace.args(["-q", "-e", "trace=fdatasync", "-e", &format!("inject={inject}"), "-p"]);
        let tracer = strace.arg(&number).stderr(Stdio::null()).spawn().unwrap();
        let is_traced = || {
            let status = fs::read_to_string(task.path().join("status")).unwrap();
            !status.lines().any(|line| line == "TracerPid:\t0")
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_traced() {
            assert!(Instant::now() < deadline, "strace does not get hold of the thread");
            std::thread::yield_now();
        }
        Self(tracer)
    }
}

impl Drop for Hang {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
