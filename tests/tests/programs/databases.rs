//! `wazo-auth-init-db` and `wazo-auth-upgrade-db`.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::chown,
    process::Stdio,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use wazo_auth_tests::{Daemon, Database, Setup, on_postgresql};

use crate::support::{
    Programs, has_no_file, is_root, mode, owner, site, somebody, try_login, until,
};

#[test]
fn a_database_is_made_for_the_daemon() {
    let (setup, folder, programs) = site(Setup::default());
    programs.upgrade_db();
    if !on_postgresql() {
        assert_eq!(mode(&folder.join("auth.db")), 0o600);
    }
    for _ in 0..2 {
        let said = programs.run("wazo-auth-upgrade-db", &[]).succeeded();
        assert!(said.ends_with(" is up to date\n"), "{said}");
    }
    assert!(!folder.join("token.key").exists(), "the key is the daemon's to make");
    let daemon = setup.start();
    let token = daemon.admin_token();
    let log = daemon.log();
    assert!(!log.contains("created the database") && !log.contains("created the tables"), "{log}");

    let said = programs.run("wazo-auth-upgrade-db", &["-d", "--log-file=/dev/null"]).succeeded();
    assert!(said.ends_with(" is up to date\n"), "{said}");
    let _ = daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
    assert!(!daemon.log().contains("another program"), "{}", daemon.log());
}

#[test]
fn one_of_many_makes_the_database_and_the_others_wait_for_it() {
    for _ in 0..3 {
        let (_setup, _folder, programs) = site(Setup::default());
        let start = Barrier::new(4);
        let said: Vec<String> = thread::scope(|scope| {
            let run = || {
                start.wait();
                programs.run("wazo-auth-upgrade-db", &[])
            };
            let all = [(); 4].map(|()| scope.spawn(run));
            all.into_iter().map(|one| one.join().unwrap().succeeded()).collect()
        });
        let made = said.iter().filter(|said| said.starts_with("created the "));
        assert_eq!(made.count(), 1, "{said:?}");
        let found = said.iter().filter(|said| said.ends_with(" is up to date\n"));
        assert_eq!(found.count(), 3, "{said:?}");
    }
}

#[test]
fn a_schema_that_is_being_made_is_waited_for() {
    if has_no_file("its lock") {
        return;
    }
    let (_other_setup, made, other_programs) = site(Setup::default());
    other_programs.upgrade_db();
    let (setup, folder, programs) = site(Setup::default());
    // As a daemon holds it that has only begun.
    let lock = fs::File::create(folder.join("auth.db.lock")).unwrap();
    lock.lock().unwrap();
    let user = ["initial-user", "--username=early", "--password=s3cre7"];
    let commands = [("wazo-auth-bootstrap", user.as_slice()), ("wazo-auth-upgrade-db", &[])];
    let waiting = commands.map(|(program, arguments)| {
        let mut command = programs.command(program, arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let waiting = waiting.map(|mut process| {
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let line = said.next().unwrap().unwrap();
        assert!(line.starts_with("wazo-auth: waiting up to 60 s until another"), "{line}");
        (process, said)
    });
    fs::rename(made.join("auth.db"), folder.join("auth.db")).unwrap();
    for (mut process, said) in waiting {
        let said: Vec<String> = said.map(Result::unwrap).collect();
        assert_eq!((process.wait().unwrap().code(), said), (Some(0), vec![]));
    }
    drop(lock);
    let daemon = setup.start();
    assert_eq!(try_login(&daemon, "early", "s3cre7").0, 200);
}

#[test]
fn who_needs_the_lock_waits_for_commands_that_share_it() {
    if has_no_file("its lock") {
        return;
    }
    let (_setup, folder, programs) = site(Setup::default());
    programs.upgrade_db();
    let lock = fs::File::open(folder.join("auth.db.lock")).unwrap();
    lock.lock_shared().unwrap();
    let mut needs = programs.command("wazo-auth", &["db", "forget-tokens"]);
    let mut needs = needs.stdout(Stdio::null()).spawn().unwrap();
    let open = format!("/proc/{}/fd", needs.id());
    until("it asks for the lock", || {
        let files = fs::read_dir(&open).into_iter().flatten().flatten();
        let mut files = files.filter_map(|file| fs::read_link(file.path()).ok());
        assert!(needs.try_wait().unwrap().is_none(), "it did not wait");
        files.any(|file| file.ends_with("auth.db.lock"))
    });
    drop(lock);
    assert!(needs.wait().unwrap().success());
}

#[test]
fn a_log_that_was_damaged_is_named_by_whoever_opens_it() {
    if has_no_file("its log") {
        return;
    }
    let user: &[&str] = &["initial-user", "--username=late", "--password=s3cre7"];
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy.db");
    let backup: &[&str] = &["db", "backup", "--force", copy.to_str().unwrap()];
    let restore: &[&str] = &["db", "restore", "--force", copy.to_str().unwrap()];
    let daemon = Daemon::start();
    let _ = [(); 6].map(|()| daemon.admin_token());
    let folder = daemon.kill();
    let programs = Programs::of(folder.path());
    let files = ["", "-wal", "-shm"].map(|suffix| folder.path().join(format!("auth.db{suffix}")));
    let mut left = files.clone().map(|file| fs::read(file).unwrap());
    let length = left[1].len();
    left[1][length - 3 * 4120..][..100].fill(0xA5);
    for (program, arguments) in [
        ("wazo-auth-upgrade-db", [].as_slice()),
        ("wazo-auth-bootstrap", user),
        ("wazo-auth", backup),
        ("wazo-auth", restore),
    ] {
        for (file, content) in files.iter().zip(&left) {
            fs::write(file, content).unwrap();
        }
        let ran = programs.run(program, arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
        let says = format!("wazo-auth: the write-ahead log {} is not whole", files[1].display());
        assert!(ran.complaint.starts_with(&says), "{ran:?}");
        assert_eq!(ran.complaint.lines().count(), 1, "{ran:?}");
        let kept = ran.complaint.split("(it is kept as ").nth(1).unwrap();
        let kept = kept.trim_end().trim_end_matches(')');
        assert!(fs::read(kept).unwrap() == left[1], "{ran:?}");
        let _ = programs.run(program, arguments).succeeded();
    }
}

#[test]
fn a_server_that_is_away_is_waited_for_as_long_as_a_person_would() {
    let (_setup, _folder, programs) = site(Setup::default());
    let began = Instant::now();
    let uri = "postgresql://u:s3cr3t@127.0.0.1:1/d";
    let user = ["initial-user", "--password=s3cre7", "--uri", uri];
    let ran = programs.run("wazo-auth-bootstrap", &user);
    assert!(
        ran.complaint.starts_with("wazo-auth: the database d on 127.0.0.1:1 cannot"),
        "{ran:?}"
    );
    assert!(ran.complaint.contains(": trying for 10 s\n"), "{ran:?}");
    assert!(!ran.complaint.contains("s3cr3t"), "{ran:?}");
    let sentence = programs.failed_bootstrap(ran);
    assert!(sentence.contains("cannot use the database d on 127.0.0.1:1"), "{sentence}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn an_older_database_is_copied_and_upgraded() {
    if has_no_file("schemas of SQLite") {
        return;
    }
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
    if has_no_file("the owner of the database") || !is_root("a database of another account") {
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
    if has_no_file("SQLite") {
        return;
    }
    let (_setup, folder, programs) = site(Setup::default());
    let arguments =
        ["--user", "postgres", "--pg_db_uri", "x", "--auth_db_uri", "y", "--db", "z"].as_slice();
    for arguments in [&[], arguments, &["--owner", "o", "--password", "p"]] {
        let said = programs.run("wazo-auth-init-db", arguments).succeeded();
        assert!(said.starts_with("nothing to prepare") && said.contains("auth.db"), "{said}");
    }
    assert!(!folder.join("auth.db").exists());
}
