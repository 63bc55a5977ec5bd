//! A server that is away.

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use wazo_auth_servers::postgresql::{Postgresql, psql};

use crate::support::{
    PASSWORD, RECOVERY, Site, TERM, check, is_outage, refresh, refused_in_time, setup, text, wait,
    wait_within,
};

#[test]
fn a_server_that_is_away_at_start_is_waited_for() {
    let server = Postgresql::start();
    let uri = server.database();
    server.kill();
    let shared = tempfile::tempdir().unwrap();
    let refusal =
        setup(&uri, shared.path()).config("db_connect_retry_timeout_seconds: 1").refusal();
    assert!(refusal.contains("cannot use the database test_"), "{refusal}");
    let mut patient = setup(&uri, shared.path()).config("db_connect_retry_timeout_seconds: 60");
    let log = patient.prepare().join("wazo-auth.log");
    let starting = thread::spawn(|| patient.start());
    let says = "cannot be used yet";
    wait("it says so", || fs::read_to_string(&log).is_ok_and(|log| log.contains(says)));
    server.run();
    let daemon = starting.join().unwrap();
    assert_eq!(check(&daemon, &daemon.admin_token()), 204);
}

#[test]
fn a_server_that_is_killed_is_missed_for_as_long_as_it_is_away() {
    let server = Postgresql::start();
    let mut site = Site::on(&server.database(), 2);
    site.daemons.push(site.setup(&site.uri).config("token_check_grace: 600").start());
    let user = site.user(&["auth.users.read"]);
    let offline = user.offline(&site.daemons[0]);
    let token = user.token(&site.daemons[0]);
    let unknown = text(&refresh(&site.daemons[0], &offline).expect(200).json()["data"], "token");
    assert!(site.daemons.iter().all(|daemon| check(daemon, &token) == 204));
    let [plain, _, graceful] = &site.daemons[..] else { panic!() };

    for round in 0..2 {
        server.kill();
        let began = Instant::now();
        thread::scope(|scope| {
            for _ in 0..25 {
                scope.spawn(|| is_outage(&refresh(plain, &offline)));
                scope.spawn(|| is_outage(&plain.get("/0.1/users").token(&site.admin).send()));
            }
        });
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        wait_within(RECOVERY, "status", || plain.head("/0.1/status").send().status == 503);
        is_outage(&plain.head(&format!("/0.1/token/{token}")).send());
        // Those that are known are checked from memory, where that is wanted.
        if round == 0 {
            assert_eq!(check(graceful, &token), 204);
            let scopes = json!({"scopes": ["auth.users.read", "other"]});
            let path = format!("/0.1/token/{token}/scopes/check");
            let scopes =
                graceful.post(&path).json(scopes).send().expect(200).json()["scopes"].clone();
            assert_eq!(scopes, json!({"auth.users.read": true, "other": false}));
            assert_eq!(
                graceful.head(&format!("/0.1/token/{token}?scope=other")).send().status,
                403
            );
        }
        is_outage(&graceful.head("/0.1/token/00000000-0000-4000-8000-000000000000").send());
        is_outage(&refresh(graceful, &offline));
        for daemon in &site.daemons {
            wait("it is told", || daemon.log().matches("cannot be reached").count() > round);
        }

        server.run();
        let began = Instant::now();
        for daemon in &site.daemons {
            wait_within(RECOVERY, "all is well", || {
                daemon.head("/0.1/status").send().status == 200
                    && refresh(daemon, &offline).status == 200
                    && [&token, &unknown].into_iter().all(|token| check(daemon, token) == 204)
            });
        }
        println!("all is well {:?} after the server is there", began.elapsed());
        for daemon in &site.daemons {
            wait("it is told", || daemon.log().matches("tells its changes again").count() > round);
            (0..20).for_each(|_| _ = refresh(daemon, &offline).expect(200));
        }
    }
    let _ =
        site.send(0, "DELETE", &format!("/0.1/token/{token}"), serde_json::Value::Null).expect(200);
    let since = Instant::now();
    site.daemons.iter().for_each(|daemon| _ = refused_in_time(daemon, &token, since));
}

/// The processes of a server: the first one, and its children.
fn processes(uri: &str) -> Vec<String> {
    let stat = |pid: &str| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent = |pid: &str| {
        let stat = stat(pid);
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().nth(1).map(str::to_owned)
    };
    // The server's own processes are children of the first one.
    let child = psql(uri, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
    let first = parent(&child).unwrap();
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name());
    let all = all.filter_map(|name| name.into_string().ok());
    let children = all.filter(|pid| parent(pid).as_ref() == Some(&first));
    let mut found: Vec<String> = children.collect();
    found.push(first);
    found
}

/// A server that hangs until this is dropped.
struct Hanging(Vec<String>);

impl Hanging {
    fn new(uri: &str) -> Self {
        let hanging = Self(processes(uri));
        hanging.signal("STOP");
        hanging
    }

    fn signal(&self, name: &str) {
        // Some may have ended.
        let _ = Command::new("kill").arg(format!("-{name}")).args(&self.0).output().unwrap();
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}

#[test]
fn a_server_that_hangs_is_not_waited_for() {
    let server = Postgresql::start();
    let mut site = Site::on(&server.database(), 1);
    site.daemons.push(site.setup(&site.uri).config("token_check_grace: 600").start());
    let user = site.user(&["auth.users.read"]);
    let offline = user.offline(&site.daemons[0]);
    let token = user.token(&site.daemons[0]);
    assert!(site.daemons.iter().all(|daemon| check(daemon, &token) == 204));
    let [plain, graceful] = &site.daemons[..] else { panic!() };
    let hanging = Hanging::new(&site.uri);
    let began = Instant::now();
    wait("memory is not relied on", || began.elapsed() > TERM);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| is_outage(&refresh(plain, &offline)));
            scope.spawn(|| is_outage(&plain.head(&format!("/0.1/token/{token}")).send()));
        }
        scope.spawn(|| assert_eq!(check(graceful, &token), 204));
    });
    println!("the first ones waited for {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(check(graceful, &token), 204);
        assert_eq!(plain.head("/0.1/status").send().status, 503);
    }
    is_outage(&plain.post("/0.1/token").basic(&user.name, PASSWORD).json(json!({})).send());
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    drop(hanging);
    for daemon in &site.daemons {
        wait_within(RECOVERY, "all is well", || {
            daemon.head("/0.1/status").send().status == 200
                && refresh(daemon, &offline).status == 200
        });
        assert_eq!(check(daemon, &token), 204);
    }
}

#[test]
fn the_log_is_told_once_that_a_server_is_away_and_once_that_it_is_back() {
    let server = Postgresql::start();
    let site = Site::on(&server.database(), 1);
    let daemon = &site.daemons[0];
    let offline = site.user(&[]).offline(daemon);
    server.kill();
    wait("it is told", || daemon.log().contains("cannot be reached"));
    let lines = |text: &str| daemon.log().matches(text).count();
    let before = lines("(ERROR)");
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| is_outage(&refresh(daemon, &offline)));
            scope.spawn(|| is_outage(&daemon.get("/0.1/users").token(&site.admin).send()));
            scope.spawn(|| is_outage(&daemon.head(&format!("/0.1/token/{}", site.admin)).send()));
        }
    });
    server.run();
    wait("it is told", || daemon.log().contains("tells its changes again, after "));
    wait("it is well", || refresh(daemon, &offline).status == 200);
    let log = daemon.log();
    assert_eq!(lines("(ERROR)"), before, "{log}");
    assert_eq!(lines("cannot be reached"), 1, "{log}");
    assert_eq!(lines("tells its changes again"), 1, "{log}");
}
