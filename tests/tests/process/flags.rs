//! The command line (config.md section 4.1).

use std::fs;

use wazo_auth_tests::Setup;

use crate::{free_port, run};

#[test]
fn flags_win_over_files() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("flag.log");
    let port = free_port().to_string();
    let daemon = Setup::default()
        .config("log_level: error\nlog_filename: /nowhere/at/all\nuser: no-such-account")
        .argument("-df")
        .argument("--listen-port")
        .argument(&port)
        .argument("--log-file")
        .argument(log.to_str().unwrap())
        .argument("--db-upgrade-on-startup")
        .argument("--user=")
        .start();
    assert_eq!(daemon.url(), format!("http://127.0.0.1:{port}"), "the port, not the address");
    let _ = daemon.head("/0.1/status").send();
    let _ = daemon.wait_for_log("(DEBUG)").expect("-d logs everything");
    let logged = fs::read_to_string(log).unwrap();
    assert!(logged.contains("Listening on "), "{logged}");
}

#[test]
fn the_level_of_the_log_is_taken_from_the_flag() {
    let (code, said) = Setup::default()
        .argument("--log-level=CRITICAL")
        .config("db_uri: postgresql://asterisk@localhost:1/x\ndb_connect_retry_timeout_seconds: 0")
        .fail();
    assert_eq!(code, 1, "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let (code, said) = Setup::default().argument("-l").argument("loud").fail();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("log_level") && said.contains("loud"), "{said}");
}

#[test]
fn what_is_no_flag_is_refused_with_2() {
    for arguments in
        [&["--log", "x"][..], &["--no-such-flag"], &["-x"], &["--listen-port", "99999"]]
    {
        let (code, said, complaint) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {complaint}");
        assert!(said.is_empty() && complaint.contains(arguments[0]), "{arguments:?}: {complaint}");
    }
    for ambiguous in ["--log", "--no-such-flag"] {
        let (_, _, complaint) = run(&[ambiguous]);
        assert!(complaint.contains("Usage: wazo-auth"), "{complaint}");
    }
}

#[test]
fn help_names_every_flag() {
    let (code, said, _) = run(&["-h"]);
    assert_eq!(code, 0);
    for flag in [
        "--config-file",
        "--user",
        "--debug",
        "--log-level",
        "--db-upgrade-on-startup",
        "--listen-port",
        "--log-file",
        "--foreground",
    ] {
        assert!(said.contains(flag), "{flag}: {said}");
    }
}
