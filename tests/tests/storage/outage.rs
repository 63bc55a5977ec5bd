//! A database that fails while the daemon runs: what needs it is answered 503,
//! tokens are checked from memory, and all is well again once the cause is gone.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use serde_json::json;
use wazo_auth_tests::{Database, Setup};

use crate::{
    copies::run_ok,
    support::{
        Fixture, Over, another_file_system, is_outage, other_place, token, used_folder, wait,
    },
};

#[test]
fn a_full_disk_stops_writes_only_and_nothing_that_was_acknowledged_is_lost() {
    let folder = used_folder();
    let path = folder.path().to_owned();
    other_place(&path, "data/auth.db");
    let mount = "mount -t tmpfs -o size=32m tmpfs data && cp auth.db data/";
    let Some(wrapper) = another_file_system(&path, mount) else { return };
    let fixture = Fixture::new(Setup::default().folder(folder).wrapper(&wrapper));
    // The disk as the daemon sees it.
    let data = PathBuf::from(format!("/proc/{}/root{}", fixture.daemon.pid(), path.display()));
    let filler = data.join("data/filler");

    let acknowledged = Mutex::new(BTreeSet::new());
    let refused = Mutex::new(0);
    let revoked = Mutex::new(BTreeSet::new());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for client in 0..4 {
            let (fixture, over) = (&fixture, &over);
            let (acknowledged, refused, revoked) = (&acknowledged, &refused, &revoked);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let answer = fixture.refresh();
                    if answer.status != 200 {
                        is_outage(&answer);
                        *refused.lock().unwrap() += 1;
                        continue;
                    }
                    let token = token(&answer);
                    acknowledged.lock().unwrap().insert(token.clone());
                    let path = format!("/0.1/token/{token}");
                    if client == 0 && fixture.daemon.delete(&path).send().status == 200 {
                        acknowledged.lock().unwrap().remove(&token);
                        revoked.lock().unwrap().insert(token);
                    }
                }
            });
        }
        let _over = Over(&over);
        for _ in 0..3 {
            fill(&filler);
            let before = *refused.lock().unwrap();
            wait(|| *refused.lock().unwrap() > before + 20);
            fixture.token_is_checked(&fixture.token);
            let _ = fixture.read().expect(200);
            fs::remove_file(&filler).unwrap();
            let before = acknowledged.lock().unwrap().len();
            wait(|| acknowledged.lock().unwrap().len() > before + 20);
        }
    });
    let (acknowledged, revoked) =
        (acknowledged.into_inner().unwrap(), revoked.into_inner().unwrap());
    for token in &acknowledged {
        fixture.token_is_checked(token);
    }
    for token in &revoked {
        let _ = fixture.daemon.head(&format!("/0.1/token/{token}")).send().expect(404);
    }
    let copy = tempfile::tempdir().unwrap();
    for name in ["data/auth.db", "data/auth.db-wal", "token.key"] {
        let to = copy.path().join(Path::new(name).file_name().unwrap());
        fs::copy(data.join(name), to).unwrap();
    }
    let database = Database::copy_of(copy.path());
    assert_eq!(database.text("PRAGMA integrity_check"), "ok");
    let stored = database.tokens();
    assert!(acknowledged.is_subset(&stored), "acknowledged, and not on the disk");
    assert!(revoked.is_disjoint(&stored), "revoked, and on the disk");
    println!(
        "the disk was full three times: {} writes refused, {} tokens acknowledged and there, {} \
         revoked and gone",
        refused.into_inner().unwrap(),
        acknowledged.len(),
        revoked.len()
    );
}

#[test]
fn a_log_that_cannot_be_emptied_takes_writes_as_long_as_it_has_room() {
    // No file of this daemon grows beyond 70 MiB, until that is lifted.
    let limited = "trap '' XFSZ; exec prlimit --fsize=73400320: \"$@\"";
    let fixture = Fixture::new(Setup::default().wrapper(&["sh", "-c", limited, "sh"]));
    let folder = fixture.daemon.folder().to_owned();
    let begun = || fs::read(folder.join("auth.db-wal")).unwrap()[12..16].to_owned();
    let other = Connection::open(folder.join("auth.db")).unwrap();
    other.execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
    // As much as makes the log long; the database grows by as much.
    let grow = |name: &str| {
        let sql = "INSERT INTO auth_saml_pysaml2_cache (name_id, entity_id, info, not_on_or_after) \
                   VALUES (?1, ?1, ?2, 0)";
        other.execute(sql, [name, &"x".repeat(50 << 20)]).unwrap();
    };
    let before = begun();
    grow("fits");
    wait(|| fixture.refresh().status == 200 && begun() != before);
    grow("does not");
    let mut issued = vec![token(&fixture.refresh().expect(200))];
    let says = "the write-ahead log cannot be emptied into the database and grows: ";
    wait(|| fixture.daemon.log().contains(says));
    (0..50).for_each(|_| issued.push(token(&fixture.refresh().expect(200))));
    let daemon = fixture.daemon.pid().to_string();
    let before = begun();
    let lifted = Command::new("prlimit").args(["--pid", &daemon, "--fsize=unlimited:"]).status();
    assert!(lifted.unwrap().success());
    wait(|| fixture.daemon.log().contains("the write-ahead log can be emptied again"));
    wait(|| fixture.refresh().status == 200 && begun() != before);
    assert_eq!(fixture.daemon.log().matches(says).count(), 1);
    drop(other);
    let database = Database::copy_of(fixture.daemon.kill().path());
    assert_eq!(database.text("PRAGMA integrity_check"), "ok");
    let stored = database.tokens();
    assert!(issued.iter().all(|token| stored.contains(token)), "acknowledged, and not there");
}

/// Writes until there is no room.
fn fill(file: &Path) {
    let mut file = fs::File::create(file).unwrap();
    while std::io::Write::write(&mut file, &[7; 4096]).is_ok() {}
}

#[test]
fn a_database_that_another_program_locks_is_waited_for_then_refused() {
    let fixture = Fixture::new(Setup::default());
    let other = Connection::open(fixture.daemon.folder().join("auth.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let began = Instant::now();
    thread::scope(|scope| {
        let waiting = [(); 3].map(|()| scope.spawn(|| fixture.refresh()));
        fixture.token_is_checked(&fixture.token);
        let _ = fixture.read().expect(200);
        assert!(began.elapsed() < Duration::from_secs(4), "reads wait for nobody");
        for refused in waiting {
            is_outage(&refused.join().unwrap());
        }
    });
    assert!(began.elapsed() > Duration::from_secs(4), "it may be a matter of seconds");
    other.execute_batch("ROLLBACK").unwrap();
    let token = token(&fixture.until(200, Fixture::refresh));
    fixture.token_is_checked(&token);
}

#[test]
fn a_database_that_is_moved_away_is_not_written_and_put_back_it_is() {
    let fixture = Fixture::new(Setup::default());
    let folder = fixture.daemon.folder().to_owned();
    let file = |name: &str| folder.join(name);
    let mut issued = vec![fixture.token.clone()];
    for name in ["auth.db", "auth.db-wal", "auth.db-shm"] {
        fs::rename(file(name), file("elsewhere")).unwrap();
        // The next write looks for itself; reads are told within 50 ms.
        is_outage(&fixture.refresh());
        is_outage(&fixture.until(503, Fixture::read));
        fixture.all_is_refused();
        issued.iter().for_each(|token| fixture.token_is_checked(token));
        // Another file in its place is not taken for it.
        fs::copy(file("elsewhere"), file(name)).unwrap();
        is_outage(&fixture.refresh());
        fs::rename(file("elsewhere"), file(name)).unwrap();
        issued.push(token(&fixture.until(200, Fixture::refresh)));
        let _ = fixture.until(200, Fixture::read);
    }
    let log = fixture.daemon.log();
    let says = format!(
        "{} was deleted, moved or replaced while in use: put it back, or stop the daemon, run `wazo-auth db restore FILE` and start it again",
        file("auth.db-shm").display()
    );
    assert!(log.contains(&says), "{log}");
    let stored = Database::copy_of(fixture.daemon.kill().path()).tokens();
    assert!(issued.iter().all(|token| stored.contains(token)), "acknowledged, and not there");
}

#[test]
fn a_database_that_is_damaged_is_restored_while_the_daemon_runs() {
    let fixture = Fixture::new(Setup::default());
    let folder = fixture.daemon.folder().to_owned();
    let backup = folder.join("backup.db");
    let _ = run_ok(&folder, &["backup", backup.to_str().unwrap()]);
    let database = Connection::open(folder.join("auth.db")).unwrap();
    let checkpoint = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], checkpoint).unwrap();
    drop(database);
    let length = fs::metadata(folder.join("auth.db")).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(folder.join("auth.db")).unwrap();
    for page in 1..length / 4096 {
        std::os::unix::fs::FileExt::write_all_at(&file, &[0xA5; 4096], page * 4096).unwrap();
    }
    // Pages that it has in memory are good for a while.
    is_outage(&fixture.until(503, |fixture| {
        fixture.daemon.get("/0.1/users/me/tokens").token(&fixture.token).send()
    }));
    fixture.all_is_refused();
    let said = run_ok(&folder, &["restore", backup.to_str().unwrap()]);
    assert!(said.contains("the former content is in"), "{said}");
    let _ = fixture.until(200, |fixture| {
        fixture.daemon.get("/0.1/users/me/tokens").token(&fixture.token).send()
    });
    let token = token(&fixture.until(200, Fixture::refresh));
    fixture.token_is_checked(&token);
    let value = fixture.read().expect(200).json();
    assert_eq!(value["data"]["token"], json!(fixture.token));
    let folder = fixture.daemon.kill();
    assert_eq!(Database::copy_of(folder.path()).text("PRAGMA integrity_check"), "ok");
}
