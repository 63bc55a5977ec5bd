//! What is done once per database, however many daemons there are.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use wazo_auth_servers::postgresql::{self, psql};

use crate::{
    races::Psql,
    support::{Site, setup, wait},
};

#[test]
fn several_daemons_start_at_once_on_an_empty_database() {
    let (uri, shared) = (postgresql::database(), tempfile::tempdir().unwrap());
    let starting = [(); 4].map(|()| {
        let setup = setup(&uri, shared.path());
        thread::spawn(|| setup.start())
    });
    let daemons = starting.map(|starting| starting.join().unwrap());
    for daemon in &daemons {
        let token = daemon.admin_token();
        let _ = daemon.get("/0.1/users").token(&token).send().expect(200);
        let log = daemon.log();
        assert!(!log.contains("(ERROR)") && !log.contains("(WARNING)"), "{log}");
    }
    let counts = psql(
        &uri,
        "SELECT (SELECT count(*) FROM auth_tenant), \
         (SELECT count(*) FROM auth_user WHERE username = 'admin'), \
         (SELECT count(*) FROM auth_policy WHERE slug = 'everybody'), \
         (SELECT count(*) FROM auth_policy GROUP BY slug ORDER BY 1 DESC LIMIT 1), \
         (SELECT count(*) - max(version) FROM wazo_auth_version)",
    );
    assert_eq!(counts, "1|1|1|1|0");
}

#[test]
fn one_daemon_removes_what_has_expired_and_another_one_when_that_dies() {
    let mut site = Site::new(0);
    let uri = site.uri.clone();
    for _ in 0..2 {
        site.daemons.push(site.setup(&uri).config("token_cleanup_interval: 0.1").start());
    }
    while let Some(daemon) = site.daemons.pop() {
        let leaders = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
            AND mode = 'ExclusiveLock' AND classid = x'77617a6f'::int AND objid = x'6c656164'::int";
        wait("there is a leader", || site.psql(leaders) == "1");
        let expired = "SELECT count(*) FROM auth_token WHERE expire_t < 1000";
        let _ = daemon.admin_token();
        let _ = site.psql("UPDATE auth_token SET expire_t = 1");
        wait("it is removed", || site.psql(expired) == "0");
        drop(daemon);
    }
}

#[test]
fn a_daemon_waits_for_whoever_works_on_the_whole_database() {
    let (uri, shared) = (postgresql::database(), tempfile::tempdir().unwrap());
    let mut other = Psql::begin(&uri);
    // As `wazo-auth db seal` takes it.
    other.run("SELECT pg_advisory_xact_lock(x'77617a6f61757468'::bigint)");
    let since = Instant::now();
    let mut starting = setup(&uri, shared.path());
    let log = starting.prepare().join("wazo-auth.log");
    let starting = thread::spawn(|| starting.start());
    wait("it says so", || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("waiting up to 300 s"))
    });
    // Longer than a request would wait.
    wait("a while", || since.elapsed() > Duration::from_secs(12));
    other.commit();
    let daemon = starting.join().unwrap();
    let _ = daemon.admin_token();
    assert_eq!(daemon.log().matches("waiting up to").count(), 1, "{}", daemon.log());
}
