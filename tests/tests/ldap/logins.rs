//! What comes of logins.

use std::{fs, thread, time::Duration};

use serde_json::json;
use wazo_auth_servers::slapd::{SERVICE, Slapd};
use wazo_auth_tests::Daemon;

use crate::support::{ACME, Bench, PASSWORD, person, setup};

#[test]
fn a_user_logs_in_and_goes_on_without_the_server() {
    let slapd = Slapd::start(&[person("alice", &["Alice@Acme.example"])]);
    let bench = Bench::new(setup().config("log_level: debug"));
    bench.tenant(ACME);
    bench.serve(ACME, &slapd);
    let alice = bench.ldap_user(ACME, "alice@acme.example");
    bench.daemon.grant(&alice, &["calld.calls.read"]);

    let offline = json!({"domain_name": ACME.1, "client_id": "desk", "access_type": "offline"});
    let data = bench.log_in_with("alice", PASSWORD, offline).expect(200).json()["data"].clone();
    assert_eq!(data["auth_id"], *alice);
    assert_eq!(data["acl"], json!(["calld.calls.read"]));
    let metadata = json!({"uuid": alice, "auth_id": alice, "pbx_user_uuid": alice,
        "tenant_uuid": ACME.0, "purpose": "user", "username": "alice@acme.example",
        "xivo_uuid": null});
    assert_eq!(data["metadata"], metadata);
    let by_slug = json!({"tenant_id": "acme"});
    let _ = bench.log_in_with("ALICE", PASSWORD, by_slug).expect(200);

    // Neither the server nor its configuration is needed from here on.
    bench.unserve(ACME);
    drop(slapd);
    let _ = bench.log_in(ACME, "alice", PASSWORD).expect(401);
    let refresh = json!({"client_id": "desk", "refresh_token": data["refresh_token"]});
    let refreshed = bench.daemon.post("/0.1/token").json(refresh).send().expect(200).json();
    assert_eq!(refreshed["data"]["metadata"], metadata);
    assert_eq!(refreshed["data"]["acl"], data["acl"]);

    let log = bench.daemon.log();
    for secret in [PASSWORD, SERVICE.1] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(log.contains("`tenant_id`, which is deprecated"), "{log}");
}

fn sockets(daemon: &Daemon) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    let is_socket = |file: &fs::DirEntry| {
        fs::read_link(file.path()).is_ok_and(|file| file.to_string_lossy().starts_with("socket:"))
    };
    files.flatten().filter(is_socket).count()
}

#[test]
fn fifty_logins_at_once_all_succeed_and_leave_nothing_open() {
    let slapd = Slapd::start(&[person("alice", &["alice@acme.example"])]);
    let bench = Bench::new(setup());
    bench.tenant(ACME);
    bench.serve(ACME, &slapd);
    bench.ldap_user(ACME, "alice@acme.example");
    let before = sockets(&bench.daemon);
    thread::scope(|scope| {
        let logins: Vec<_> =
            (0..50).map(|_| scope.spawn(|| bench.log_in(ACME, "alice", PASSWORD))).collect();
        for login in logins {
            let _ = login.join().unwrap().expect(200);
        }
    });
    // But for those on which we have asked, which may be kept for more.
    let mut left = 600;
    while sockets(&bench.daemon) > before + 50 {
        left -= 1;
        assert!(left > 0, "{} sockets, {before} before", sockets(&bench.daemon));
        thread::park_timeout(Duration::from_millis(50));
    }
}
