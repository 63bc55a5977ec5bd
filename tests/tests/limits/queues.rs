//! More logins than can be served: those that are let in succeed, the others
//! are told when to come back, and everybody else is served meanwhile.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use serde_json::json;
use wazo_auth_tests::{Answer, Daemon, Setup, third_party};

use crate::support::{Client, eventually, resident, status};

const LOGINS: usize = 500;
const PAUSE: Duration = Duration::from_millis(10);
/// `admin:adm1n`
const LOGIN: &str = "POST /0.1/token HTTP/1.1\r\nHost: auth\r\nConnection: close\r\n\
    Authorization: Basic YWRtaW46YWRtMW4=\r\nContent-Length: 2\r\n\r\n{}";

/// `O_NONBLOCK` of Linux.
const NONBLOCK: i32 = 0o4000;

/// The backends of the hostile library that wait until a file can be read.
const BACKENDS: [&str; 3] = ["blocks", "blocks_too", "blocks_again"];

#[test]
fn of_500_logins_at_a_time_each_is_served_or_told_to_come_back() {
    let daemon = Daemon::start();
    let check = format!("/0.1/token/{}", daemon.admin_token());
    let memory = resident(&daemon);
    let (mut checks, mut peak) = (0, 0);
    let (served, refused) = thread::scope(|scope| {
        let crowd = scope.spawn(|| {
            let clients: Vec<_> = (0..LOGINS).map(|_| Client::sending(&daemon, LOGIN)).collect();
            let answers = clients.into_iter().map(|mut client| client.rest());
            answers.partition::<Vec<String>, _>(|answer| status(answer) == 200)
        });
        while !crowd.is_finished() {
            let _ = daemon.head(&check).send().expect(204);
            checks += 1;
            peak = resident(&daemon).max(peak);
            // Hashing has the lowest priority: checks without a pause would
            // leave it nothing.
            thread::park_timeout(PAUSE);
        }
        crowd.join().unwrap()
    });
    println!(
        "{} served, {} refused, {checks} checks meanwhile, {} KiB more in use",
        served.len(),
        refused.len(),
        peak - memory
    );
    for answer in &refused {
        assert_eq!(status(answer), 503, "{answer}");
        assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
        let body = r#"{"message":"Too many requests are waiting; try again shortly."}"#;
        assert!(answer.ends_with(&format!("\r\n\r\n{body}\n")), "{answer}");
    }
    // As many as there are workers, and as may wait.
    let accepted = 25 + 32 * thread::available_parallelism().unwrap().get();
    assert!(served.len() >= accepted.min(LOGINS), "{} served", served.len());
    assert!(checks > 100, "{checks} checks");
    assert!(peak - memory < 64 * 1024, "{} KiB more", peak - memory);
    let _ = daemon.admin_token();
}

/// A daemon whose third-party backends wait for a pipe.
struct Blocked {
    daemon: Daemon,
    pipes: Vec<PathBuf>,
}

impl Blocked {
    fn new(setup: Setup, backends: &[&str]) -> Self {
        let enabled: BTreeMap<_, _> = backends.iter().map(|name| (*name, true)).collect();
        let plugins: BTreeMap<_, _> = backends
            .iter()
            .map(|name| (*name, json!({"timeout": 60, "max_concurrent_calls": 4})))
            .collect();
        let daemon = setup
            .plugin(third_party("hostile", "hostile"))
            .config(&format!("enabled_backend_plugins: {}", json!(enabled)))
            .config(&format!("plugins: {}", json!(plugins)))
            .start();
        let pipes = backends.iter().map(|backend| {
            let pipe = daemon.folder().join(backend);
            assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            daemon.create_user_with(json!({"username": pipe, "authentication_method": backend}));
            pipe
        });
        let pipes = pipes.collect();
        Self { daemon, pipes }
    }

    fn log_in(&self, pipe: &Path) -> Answer {
        self.daemon.post("/0.1/token").basic(pipe.to_str().unwrap(), "x").json(json!({})).send()
    }

    /// Lets all calls go on that read the pipes, until all are `done`.
    fn release(&self, done: impl Fn() -> bool) {
        eventually("all are let go", || {
            for pipe in &self.pipes {
                // Fails while nobody reads it.
                let open = fs::OpenOptions::new().write(true).custom_flags(NONBLOCK).open(pipe);
                let _ = open.map(|mut pipe| pipe.write_all(b"right"));
            }
            done()
        });
    }
}

/// How many logins were judged, rightly or not: what is written to a pipe is
/// for one of those who read it, the others find nothing. The rest must have
/// been told to come back.
#[track_caller]
fn verdicts(answers: impl Iterator<Item = Answer>) -> usize {
    let (judged, refused): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.status != 503);
    for answer in refused {
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.json(), json!({"message": "A plugin cannot serve this now."}));
    }
    for answer in &judged {
        assert!(matches!(answer.status, 200 | 401), "{} {}", answer.status, answer.text());
    }
    judged.len()
}

#[test]
fn a_plugin_with_too_much_to_do_says_when_to_come_back() {
    let blocked = Blocked::new(Setup::default(), &BACKENDS[..1]);
    let pipe = &blocked.pipes[0];
    thread::scope(|scope| {
        let logins: Vec<_> = (0..12).map(|_| scope.spawn(|| blocked.log_in(pipe))).collect();
        let ended = || logins.iter().filter(|login| login.is_finished()).count();
        // Its four slots are taken: of the others some wait for a while.
        eventually("all but four are answered", || ended() == 8);
        blocked.release(|| ended() == 12);
        let answers = logins.into_iter().map(|login| login.join().unwrap());
        assert_eq!(verdicts(answers), 4);
    });
}

#[test]
fn slow_plugins_together_leave_workers_to_others() {
    // Three times four slots: as many as there are workers.
    let setup = Setup::default().config("rest_api: {max_threads: 12}");
    let blocked = Blocked::new(setup, &BACKENDS);
    let daemon = &blocked.daemon;
    thread::scope(|scope| {
        let each = blocked.pipes.iter().flat_map(|pipe| [pipe; 4]);
        let logins: Vec<_> = each.map(|pipe| scope.spawn(|| blocked.log_in(pipe))).collect();
        let ended = || logins.iter().filter(|login| login.is_finished()).count();
        // They may hold nine.
        eventually("three are refused", || ended() == 3);
        for _ in 0..5 {
            let token = daemon.admin_token();
            let _ = daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
        }
        assert_eq!(ended(), 3, "the others still wait");
        blocked.release(|| ended() == 12);
        let answers = logins.into_iter().map(|login| login.join().unwrap());
        assert_eq!(verdicts(answers), 9);
    });
    let together = "calls of plugins hold all 9 workers that they may hold together";
    assert!(daemon.log().contains(together), "{}", daemon.log());
}
