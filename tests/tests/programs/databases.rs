//! `wazo-auth-init-db` and `wazo-auth-upgrade-db`.

use std::{fs, os::unix::fs::chown};

use wazo_auth_tests::{Daemon, Database, Setup};

use crate::support::{Programs, is_root, mode, owner, site, somebody};

#[test]
fn a_database_is_made_for_the_daemon() {
    let (setup, folder, programs) = site(Setup::default());
    programs.upgrade_db();
    assert_eq!(mode(&folder.join("auth.db")), 0o600);
    for _ in 0..2 {
        let said = programs.run("wazo-auth-upgrade-db", &[]).succeeded();
        assert!(said.ends_with("auth.db is up to date\n"), "{said}");
    }
    assert!(!folder.join("token.key").exists(), "the key is the daemon's to make");
    let daemon = setup.start();
    let token = daemon.admin_token();
    let log = daemon.log();
    assert!(!log.contains("created the database"), "{log}");

    let said = programs.run("wazo-auth-upgrade-db", &["-d", "--log-file=/dev/null"]).succeeded();
    assert!(said.ends_with("auth.db is up to date\n"), "{said}");
    let _ = daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
    assert!(!daemon.log().contains("another program"), "{}", daemon.log());
}

#[test]
fn an_older_database_is_copied_and_upgraded() {
    let (_, folder, _) = Daemon::start().stop();
    let programs = Programs::of(folder.path());
    let older = Database::open(&folder.path().join("auth.db"), &folder.path().join("token.key"));
    let indexes = "SELECT group_concat('DROP INDEX ' || name, ';') FROM sqlite_schema \
        WHERE name LIKE 'wazo_auth\\_\\_idx%' ESCAPE '\\'";
    older.run(&older.text(indexes));
    older.run("DROP TABLE wazo_auth_event");
    older.run("DELETE FROM wazo_auth_version WHERE version > 1");
    drop(older);
    let sentence = programs.bootstrap_fails(&["initial-user"]);
    assert!(sentence.contains("older") && sentence.contains("wazo-auth-upgrade-db"), "{sentence}");

    let said = programs.run("wazo-auth-upgrade-db", &[]).succeeded();
    assert!(said.contains("from schema version 1 to 3"), "{said}");
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let copies = files.filter(|name| name.to_str().unwrap().ends_with(".backup")).count();
    assert_eq!(copies, 1);
    let daemon = Setup::default().folder(folder).start();
    let _ = daemon.admin_token();
}

#[test]
fn started_by_root_it_makes_what_the_daemon_can_write() {
    if !is_root("a database of another account") {
        return;
    }
    let (name, uid) = somebody();
    let (setup, folder, programs) = site(Setup::default().config("user: no-such-account"));
    chown(&folder, Some(uid), None).unwrap();
    let ran = programs.run("wazo-auth-upgrade-db", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.complaint.contains("`no-such-account`"), "{ran:?}");
    let said = programs.run("wazo-auth-upgrade-db", &["--user", &name]).succeeded();
    assert!(said.starts_with("created"), "{said}");
    for file in ["auth.db", "auth.db.lock"] {
        assert_eq!(owner(&folder.join(file)), uid, "{file}");
    }
    let _ = setup.argument("--user").argument(&name).start();
}

#[test]
fn sqlite_has_nothing_to_prepare() {
    let (_setup, folder, programs) = site(Setup::default());
    let arguments =
        ["--user", "postgres", "--pg_db_uri", "x", "--auth_db_uri", "y", "--db", "z"].as_slice();
    for arguments in [&[], arguments, &["--owner", "o", "--password", "p"]] {
        let said = programs.run("wazo-auth-init-db", arguments).succeeded();
        assert!(said.starts_with("nothing to prepare") && said.contains("auth.db"), "{said}");
    }
    assert!(!folder.join("auth.db").exists());
}

#[test]
fn postgresql_is_refused_with_what_to_do() {
    let uri = "db_uri: postgresql://asterisk:s3cr3t@localhost/asterisk";
    let (_setup, _folder, programs) = site(Setup::default().config(uri));
    for program in ["wazo-auth-init-db", "wazo-auth-upgrade-db"] {
        let ran = programs.run(program, &[]);
        assert_eq!((ran.code, ran.said.as_str()), (1, ""), "{ran:?}");
        let complaint = ran.complaint;
        assert!(complaint.contains("PostgreSQL") && complaint.contains("sqlite:"), "{complaint}");
        assert!(!complaint.contains("s3cr3t"), "{complaint}");
    }
}
