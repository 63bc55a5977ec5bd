//! What the system knows of the processes of plugins.

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use wazo_auth_tests::{Answer, Daemon};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Logs in as a user of the backend, who is made first.
pub fn user(daemon: &Daemon, login: &str, backend: &str) {
    daemon.create_user_with(json!({"username": login, "authentication_method": backend}));
}

pub fn log_in(daemon: &Daemon, login: &str, password: &str) -> Answer {
    daemon.post("/0.1/token").basic(login, password).json(json!({})).send()
}

/// The number of the process of a plugin, if there is one.
pub fn process_of(daemon: &Daemon, plugin: &str) -> Option<u32> {
    let is_its = |words: &[&[u8]]| {
        words.get(1) == Some(&&b"plugin-worker"[..]) && words.get(4) == Some(&plugin.as_bytes())
    };
    children(daemon.pid()).into_iter().find(|child| {
        let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        is_its(&line.split(|byte| *byte == 0).collect::<Vec<_>>())
    })
}

/// The processes whose parent it is.
pub fn children(parent: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let lists =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists.flat_map(|list| numbers(&list)).collect()
}

fn numbers(list: &str) -> Vec<u32> {
    list.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

pub fn kill(process: u32) {
    let status = Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap();
    assert!(status.success());
}

pub fn is_running(process: u32) -> bool {
    // One that ended and was not waited for is not running.
    fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

/// Waits until something is so.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "still not so: {what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// What the daemon says of a plugin.
pub fn status(daemon: &Daemon, plugin: &str) -> Value {
    let token = daemon.admin_token();
    let status = daemon.get("/0.1/status").token(&token).send().expect(200).json();
    let plugins = status["plugins"]["items"].as_array().unwrap();
    plugins.iter().find(|item| item["name"] == plugin).unwrap().clone()
}
