//! Account, socket, database and signals (config.md section 4.1).

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::{MetadataExt, chown},
    thread,
    time::{Duration, Instant},
};

use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, Setup};

use crate::{is_root, mode};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// An account that exists on every Linux, and may do nothing.
const ACCOUNT: (&str, u32) = ("nobody", 65534);

#[test]
fn an_account_that_does_not_exist_stops_the_start() {
    let (code, said) = Setup::default().config("user: no-such-account").fail();
    assert_eq!(code, 1);
    assert!(said.contains("(CRITICAL)") && said.contains("`no-such-account`"), "{said}");
}

#[test]
fn the_daemon_becomes_the_configured_account_for_good() {
    if !is_root("the switch of accounts") {
        return;
    }
    let (name, uid) = ACCOUNT;
    let mut setup = Setup::default().config(&format!("user: {name}"));
    let folder = setup.prepare();
    chown(&folder, Some(uid), None).unwrap();
    let daemon = setup.start();
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let ids = |key: &str| -> Vec<String> {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect()
    };
    assert_eq!(ids("Uid:"), vec![uid.to_string(); 4], "real, effective, saved, file system");
    assert!(!ids("Gid:").contains(&"0".to_owned()) && !ids("Groups:").contains(&"0".to_owned()));
    assert_eq!(ids("CapEff:"), ["0000000000000000"]);
    for file in ["auth.db", "auth.db-wal", "token.key"] {
        assert_eq!(fs::metadata(folder.join(file)).unwrap().uid(), uid, "{file}");
    }
    assert!(!daemon.admin_token().is_empty());
}

#[test]
fn an_account_that_may_not_switch_says_so() {
    if !is_root("a switch that is not permitted") {
        return;
    }
    let mut setup = Setup::default().config("user: daemon").wrapper(&[
        "setpriv",
        "--reuid",
        ACCOUNT.0,
        "--clear-groups",
    ]);
    let folder = setup.prepare();
    chown(&folder, Some(ACCOUNT.1), None).unwrap();
    let (code, said) = setup.fail();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("(CRITICAL)") && said.contains("`daemon`"), "{said}");
}

#[test]
fn a_port_in_use_stops_the_start_with_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let port = taken.local_addr().unwrap().port();
    let sentence = Setup::default().argument(&format!("--listen-port={port}")).refusal();
    assert!(sentence.contains(&address), "{sentence}");
    assert!(sentence.contains("rest_api.port"), "{sentence}");
}

#[test]
fn a_server_that_does_not_answer_is_told_without_its_password() {
    let uri = "postgresql://asterisk:pr0f0rmatique@127.0.0.1:1/asterisk";
    let config = format!("db_uri: {uri}\ndb_connect_retry_timeout_seconds: 0");
    let (code, said) = Setup::default().config(&config).fail();
    assert_eq!(code, 1);
    assert!(said.contains("(CRITICAL)") && said.contains("asterisk on 127.0.0.1:1"), "{said}");
    assert!(!said.contains("pr0f0rmatique"), "{said}");
}

#[test]
fn a_second_daemon_on_one_database_is_refused() {
    let first = Daemon::start();
    let folder = first.folder().display();
    let (code, said) = Setup::default()
        .config(&format!("db_uri: sqlite:///{folder}/auth.db\ntoken_key_file: {folder}/token.key"))
        .fail();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&format!("{folder}/auth.db")), "{said}");
    assert!(said.contains(&first.pid().to_string()), "it says who holds it: {said}");
    assert!(!first.admin_token().is_empty(), "the first one goes on");
}

#[test]
fn sigterm_lets_running_requests_finish() {
    let daemon = Daemon::start();
    let idle = TcpStream::connect(daemon.url().trim_start_matches("http://")).unwrap();
    // More passwords than can be hashed while a signal is sent.
    const LOGINS: usize = 8;
    let statuses: Vec<u16> = thread::scope(|scope| {
        let log_in = || {
            let request = daemon.post("/0.1/token").basic(ADMIN, ADMIN_PASSWORD).json("{}");
            request.send().status
        };
        let began = Instant::now();
        let logins: Vec<_> = (0..LOGINS).map(|_| scope.spawn(log_in)).collect();
        while daemon.log().matches("request: POST /0.1/token").count() < LOGINS {
            assert!(began.elapsed() < PATIENCE, "{}", daemon.log());
            thread::yield_now();
        }
        daemon.signal("TERM");
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; LOGINS]);
    let (status, _folder, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    let (_, after) = log
        .split_once("(WARNING) (wazo_auth.main): Stopping wazo-auth: SIGTERM")
        .expect("a line says which signal it was");
    assert!(after.contains("response to "), "requests were running: {log}");
    drop(idle);
}

#[test]
fn sigint_ends_an_idle_daemon_at_once() {
    let daemon = Daemon::start();
    // Its connection stays open.
    let _ = daemon.head("/0.1/status").send();
    let began = Instant::now();
    daemon.signal("INT");
    let (status, _folder, log) = daemon.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(log.contains("(WARNING) (wazo_auth.main): Stopping wazo-auth: SIGINT"), "{log}");
}

#[test]
fn what_is_secret_is_for_the_account_alone() {
    let daemon = Setup::default().config("rest_api: {tls: self_signed}").start();
    for file in ["auth.db", "auth.db-wal", "auth.db-shm", "auth.db.lock", "token.key", "tls.key"] {
        assert_eq!(mode(&daemon.folder().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&daemon.folder().join("wazo-auth.log")) & 0o007, 0, "the log");
}

#[test]
fn an_idle_daemon_keeps_nothing_for_requests_that_have_not_come() {
    let daemon = Daemon::start();
    let threads = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
        let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm"));
        let mut names: Vec<String> = tasks
            .filter_map(|task| name(task.unwrap()).ok())
            .map(|name| name.trim().into())
            .collect();
        names.sort();
        names
    };
    let idle = threads();
    println!("{} threads when idle: {}", idle.len(), idle.join(", "));
    let of_pools = |names: &[String]| {
        names.iter().filter(|name| *name == "requests" || *name == "logins").count()
    };
    assert_eq!(of_pools(&idle), 0, "{idle:?}");
    let open = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    let target = |file: fs::DirEntry| fs::read_link(file.path()).ok();
    let files = open.filter_map(|file| target(file.unwrap()));
    let connections = files.filter(|file| file.ends_with("auth.db")).count();
    // Writer, log, a reader, and the file that is synced.
    assert!(connections <= 5, "{connections} connections to the database");
    let _ = daemon.admin_token();
    let one = threads();
    assert_eq!(of_pools(&one), 1, "one request takes one thread: {one:?}");
}
