//! The life of the process of a plugin: how it begins, what it may do, how it
//! ends.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
    thread,
};

use serde_json::{Value, json};
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, Setup, third_party};

use crate::support::{children, eventually, is_running, kill, log_in, process_of, status, user};

/// A daemon with a backend of the hostile library in a cage.
fn caged(backend: &str, options: &str) -> Daemon {
    setup(backend, options).start()
}

fn setup(backend: &str, options: &str) -> Setup {
    Setup::default()
        .plugin(third_party("hostile", "hostile"))
        .config(&format!("enabled_backend_plugins: {{{backend}: true}}"))
        .config(&format!("plugins: {{{backend}: {{isolation: process, {options}}}}}"))
        .environment("SECRET_OF_THE_DAEMON", "s3cre7")
}

/// A pipe that `blocks` reads, by its name, until somebody writes to it.
fn pipe(daemon: &Daemon, name: &str) -> PathBuf {
    let pipe = daemon.folder().join(name);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    user(daemon, pipe.to_str().unwrap(), "blocks");
    pipe
}

#[test]
fn killed_in_the_middle_of_a_call_it_fails_that_call_and_no_other() {
    let daemon = caged("blocks", "timeout: 60");
    let pipe = pipe(&daemon, "pipe");
    let login = pipe.to_str().unwrap();
    let worker = process_of(&daemon, "blocks").unwrap();
    thread::scope(|scope| {
        let answer = scope.spawn(|| log_in(&daemon, login, "x"));
        // Opens when the plugin does: the call is under way.
        let open = File::options().write(true).open(&pipe).unwrap();
        kill(worker);
        let _ = answer.join().unwrap().expect(500);
        drop(open);
    });
    let answer = thread::scope(|scope| {
        let answer = scope.spawn(|| log_in(&daemon, login, "x"));
        fs::write(&pipe, "right").unwrap();
        answer.join().unwrap()
    });
    let _ = answer.expect(200);
    assert_ne!(process_of(&daemon, "blocks"), Some(worker));
    let shown = status(&daemon, "blocks");
    assert_eq!((&shown["state"], &shown["isolation"]), (&json!("usable"), &json!("process")));
    assert_eq!(shown["crashes"], 1, "{shown}");
    assert!(shown["calls"].as_u64().unwrap() >= 2, "{shown}");
    assert_eq!(shown["last_error"], "its process ended by signal 9 (SIGKILL)");
}

#[test]
fn killed_between_calls_it_is_replaced_unnoticed() {
    let daemon = caged("echoes", "identities: {tenant: master, max_acl: []}");
    let said = json!({
        "metadata": {"auth_id": "stranger", "xivo_uuid": null}, "acl": [], "args": {},
    });
    let password = said.to_string();
    let body = json!({"backend": "echoes"});
    for _ in 0..2 {
        let _ = daemon.login("stranger", &password, body.clone());
        let worker = process_of(&daemon, "echoes").unwrap();
        kill(worker);
        eventually("it is gone", || !is_running(worker));
    }
    let _ = daemon.login("stranger", &password, body);
}

#[test]
fn it_has_nothing_of_the_daemons_and_little_of_the_systems() {
    let daemon = caged("blocks", "timeout: 60");
    let worker = process_of(&daemon, "blocks").unwrap();
    let read = |file: &str| fs::read_to_string(format!("/proc/{worker}/{file}")).unwrap();
    assert_eq!(read("environ"), "LANG=C.UTF-8\0PATH=/usr/bin:/bin\0");
    assert_eq!(fs::read_link(format!("/proc/{worker}/cwd")).unwrap(), PathBuf::from("/"));
    let files = fs::read_dir(format!("/proc/{worker}/fd")).unwrap();
    let files = files.map(|file| fs::read_link(file.unwrap().path()).unwrap());
    let files: Vec<String> = files.map(|file| file.to_str().unwrap().to_owned()).collect();
    let of = |kind: &str| files.iter().filter(|file| file.starts_with(kind)).count();
    // The library that was looked at, and its connections.
    assert_eq!((of("socket:"), of("pipe:"), of("/dev/null")), (2, 2, 1), "{files:?}");
    assert!(files.iter().all(|file| !file.contains("auth.db")), "{files:?}");
    let status = read("status");
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("Umask:\t0077"), "{status}");
    let limits = read("limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!(limit("Max address space"), (2_u64 << 30).to_string());
    assert_eq!(limit("Max open files"), "256");
    assert!(["0", "1"].contains(&&*limit("Max core file size")), "{limits}");
    let group =
        read("stat").rsplit(')').next().unwrap().split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(group, worker.to_string(), "it is in a group of its own");
}

#[test]
fn it_starts_where_the_daemon_itself_is_limited() {
    // As by `LimitCORE=0` of a unit, and in an account with many threads.
    let limits = ["prlimit", "--core=0:0", "--nofile=200:200", "--"];
    let daemon = setup("blocks", "timeout: 60").wrapper(&limits).start();
    let worker = process_of(&daemon, "blocks").unwrap();
    let limits = fs::read_to_string(format!("/proc/{worker}/limits")).unwrap();
    let (daemons, own) = (format!("/proc/{}/limits", daemon.pid()), |name: &str, limits: &str| {
        limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
    });
    let daemons = fs::read_to_string(daemons).unwrap();
    for name in ["Max core file size", "Max open files", "Max processes"] {
        assert_eq!(own(name, &limits), own(name, &daemons));
    }
}

#[test]
fn it_ends_with_the_daemon_however_that_ends() {
    for signal in ["TERM", "KILL"] {
        let daemon = caged("blocks", "timeout: 60");
        let pipe = pipe(&daemon, "pipe");
        let login = pipe.to_str().unwrap();
        let worker = process_of(&daemon, "blocks").unwrap();
        thread::scope(|scope| {
            // In the middle of a call, too.
            let call = scope.spawn(|| {
                let request = daemon.post("/0.1/token").basic(login, "x").json(json!({}));
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| request.send()));
            });
            let open = File::options().write(true).open(&pipe).unwrap();
            if signal == "KILL" {
                daemon.signal(signal);
                call.join().unwrap();
                eventually("the process is gone", || !is_running(worker));
            }
            drop(open);
        });
        if signal == "TERM" {
            let (status, ..) = daemon.stop();
            assert_eq!(status.code(), Some(0));
        }
        assert!(!is_running(worker), "{signal}");
    }
}

#[test]
fn what_hangs_keeps_slots_for_a_while_and_nobody_else() {
    let daemon = caged("blocks", "timeout: 0.3, max_concurrent_calls: 2");
    let pipe = pipe(&daemon, "pipe");
    let login = pipe.to_str().unwrap();
    let worker = process_of(&daemon, "blocks").unwrap();
    for _ in 0..3 {
        let _ = log_in(&daemon, login, "x").expect(503);
    }
    let _ = log_in(&daemon, ADMIN, ADMIN_PASSWORD).expect(200);
    let said = "the process of plugin `blocks` was ended: none of its calls returned";
    assert!(daemon.wait_for_log(said).is_some());
    eventually("it is gone", || !is_running(worker));
    // The next calls find a fresh one, with all its slots: it answers as soon as this
    // machine is quick enough for the time-out.
    fs::remove_file(&pipe).unwrap();
    fs::write(&pipe, "right").unwrap();
    eventually("it answers", || log_in(&daemon, login, "x").status == 200);
    let shown = status(&daemon, "blocks");
    // To hang is no fault.
    assert_eq!((&shown["crashes"], &shown["quarantined_for"]), (&json!(0), &Value::Null));
    assert!(shown["time_outs"].as_u64().unwrap() >= 2, "{shown}");
}

#[test]
fn a_late_answer_frees_its_slot_and_saves_the_process() {
    let daemon = caged("blocks", "timeout: 0.3, max_concurrent_calls: 1");
    let pipe = pipe(&daemon, "pipe");
    let login = pipe.to_str().unwrap();
    let worker = process_of(&daemon, "blocks").unwrap();
    let _ = log_in(&daemon, login, "x").expect(503);
    fs::write(&pipe, "late").unwrap();
    let file = daemon.folder().join("file");
    fs::write(&file, "right").unwrap();
    let file = file.to_str().unwrap();
    user(&daemon, file, "blocks");
    eventually("the slot is free", || log_in(&daemon, file, "x").status == 200);
    assert_eq!(process_of(&daemon, "blocks"), Some(worker));
}

#[test]
fn who_keeps_crashing_or_panicking_is_quarantined_and_tried_again() {
    let setup = Setup::default()
        .plugin(third_party("hostile", "hostile"))
        .config("enabled_backend_plugins: {panics: true}");
    let daemon = setup.start();
    user(&daemon, "literal", "panics");
    user(&daemon, "harmless", "panics");
    for _ in 0..5 {
        let _ = log_in(&daemon, "literal", "right").expect(500);
    }
    let refused = log_in(&daemon, "harmless", "right").expect(503);
    assert!(!refused.header("retry-after").is_empty());
    let shown = status(&daemon, "panics");
    assert_eq!((&shown["state"], &shown["panics"]), (&json!("quarantined"), &json!(5)), "{shown}");
    assert!(shown["quarantined_for"].as_u64().unwrap() <= 5);
    assert_eq!(shown["last_error"], "it panicked: a literal");
    let _ = log_in(&daemon, ADMIN, ADMIN_PASSWORD).expect(200);
    eventually("it is tried again", || log_in(&daemon, "harmless", "right").status == 200);
    assert_eq!(status(&daemon, "panics")["state"], "usable");
    assert!(daemon.wait_for_log("plugin `panics` answers again").is_some());
}

#[test]
fn who_keeps_crashing_is_quarantined_however_often_it_is_called() {
    let daemon = caged("dies", "timeout: 60");
    user(&daemon, "wile", "dies");
    // Calls come while the process may not be started again, too.
    eventually("it is quarantined", || {
        let answer = log_in(&daemon, "wile", "x");
        assert!([500, 503].contains(&answer.status), "{}", answer.status);
        daemon.log().contains("plugin `dies` is quarantined")
    });
    let shown = status(&daemon, "dies");
    assert_eq!(shown["crashes"], 5, "{shown}");
    assert_eq!(shown["last_error"], "its process ended with exit code 7");
    assert!(!daemon.log().contains("answers again"), "{}", daemon.log());
}

#[test]
fn one_that_never_stops_talking_has_a_deadline_when_it_starts() {
    let daemon = caged("talks_in_new", "timeout: 0.5");
    let shown = status(&daemon, "talks_in_new");
    assert_eq!(shown["state"], "unusable", "{shown}");
    assert!(shown["reason"].as_str().unwrap().contains("did not return within 0.5 s"), "{shown}");
    let _ = log_in(&daemon, ADMIN, ADMIN_PASSWORD).expect(200);
}

#[test]
fn the_status_is_for_those_who_may_see_it() {
    let daemon = Daemon::start();
    let _ = daemon.get("/0.1/status").send().expect(401);
    daemon.create_user("alice", "s3cre7");
    let alice = daemon.login("alice", "s3cre7", json!({}));
    let alice = alice["token"].as_str().unwrap();
    let _ = daemon.get("/0.1/status").token(alice).send().expect(401);
    let shown = status(&daemon, "wazo_user");
    assert_eq!((&shown["state"], &shown["kind"]), (&json!("usable"), &json!("backend")));
    assert!(children(daemon.pid()).is_empty());
}
