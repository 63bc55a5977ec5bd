//! A daemon that cannot start says why, in one sentence that tells what to do.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use rusqlite::Connection;
use wazo_auth_tests::{Daemon, Setup};

use crate::support::{
    NO_PRIVILEGES, another_file_system, chmod, is_root, other_place, used_folder,
};

/// What is done to the folder of a daemon, and the sentence that follows.
struct Trouble {
    make: fn(&Path),
    /// `{}` stands for the folder.
    says: &'static str,
}

const FILE: &str = "check that its folder exists and that this account may write the file and its \
    folder";

#[rustfmt::skip]
const TROUBLES: &[Trouble] = &[
    Trouble {
        make: |folder| other_place(folder, "missing/auth.db"),
        says: "cannot open the database {}/missing/auth.db: No such file or directory (os error 2): {FILE}",
    },
    Trouble {
        make: |folder| fs::remove_file(folder.join("auth.db")).and_then(|()| fs::create_dir(folder.join("auth.db"))).unwrap(),
        says: "cannot open the database {}/auth.db: Is a directory (os error 21): {FILE}",
    },
    Trouble {
        make: |folder| chmod(&folder.join("auth.db"), 0o400),
        says: "cannot open the database {}/auth.db: Permission denied (os error 13): {FILE}",
    },
    Trouble {
        make: |folder| in_folder_of_mode(folder, 0o500),
        says: "cannot open the database {}/data/auth.db: Permission denied (os error 13): {FILE}",
    },
    Trouble {
        make: |folder| in_folder_of_mode(folder, 0o000),
        says: "cannot open the database {}/data/auth.db: Permission denied (os error 13): {FILE}",
    },
    Trouble {
        make: |folder| overwrite(&folder.join("auth.db"), 0, 100),
        says: "{}/auth.db is not a SQLite database: restore a backup (`wazo-auth db restore FILE`), move it away, or let db_uri name another file",
    },
    Trouble {
        make: |folder| fs::write(folder.join("auth.db"), "no database\n".repeat(200)).unwrap(),
        says: "{}/auth.db is not a SQLite database: restore a backup (`wazo-auth db restore FILE`), move it away, or let db_uri name another file",
    },
    Trouble {
        make: |folder| overwrite(&folder.join("auth.db"), 4096, 1 << 20),
        says: "cannot use the database {}/auth.db: the database is damaged (database disk image is malformed): restore a backup (`wazo-auth db restore FILE`)",
    },
    Trouble {
        make: |folder| cut(&folder.join("auth.db"), 3 * 4096),
        says: "cannot use the database {}/auth.db: the database is damaged (database disk image is malformed): restore a backup (`wazo-auth db restore FILE`)",
    },
    Trouble {
        make: |folder| cut(&folder.join("auth.db"), 1000),
        says: "cannot use the database {}/auth.db: the database is damaged (database disk image is malformed): restore a backup (`wazo-auth db restore FILE`)",
    },
    Trouble {
        make: |folder| { fs::remove_file(folder.join("auth.db")).unwrap(); sql(folder, "CREATE TABLE of_another_program (x)") },
        says: "{}/auth.db is a SQLite database, but not one of wazo-auth: let db_uri name another file",
    },
    Trouble {
        make: |folder| sql(folder, "INSERT INTO wazo_auth_version VALUES (99, 'tomorrow')"),
        says: "the database {}/auth.db has schema version 99, this daemon knows versions up to 3: install a newer wazo-auth, or restore the backup made before the upgrade",
    },
    Trouble {
        make: |folder| sql(folder, "PRAGMA foreign_keys = OFF; DELETE FROM auth_tenant"),
        says: "the database has no top tenant (a tenant that is its own parent): it was not made by wazo-auth, or is damaged",
    },
    Trouble {
        make: |folder| fs::remove_file(folder.join("token.key")).unwrap(),
        says: "the token key file {}/token.key is missing, and 3 tokens of the database {}/auth.db can be read with it only: restore it from a backup, or run `wazo-auth db forget-tokens` to log everybody out",
    },
    Trouble {
        make: |folder| fs::write(folder.join("token.key"), "A".repeat(43) + "=\n").unwrap(),
        says: "the token key file {}/token.key cannot read any of the 3 tokens of the database {}/auth.db, which were sealed with another one: restore that one from a backup, or run `wazo-auth db forget-tokens` to log everybody out",
    },
    Trouble {
        make: |folder| fs::write(folder.join("token.key"), "").unwrap(),
        says: "the token key file {}/token.key does not hold 32 bytes as base64: restore it from a backup, or remove it and run `wazo-auth db forget-tokens` to log everybody out",
    },
    Trouble {
        make: |folder| fs::write(folder.join("token.key"), "c2VjcmV0\n").unwrap(),
        says: "the token key file {}/token.key does not hold 32 bytes as base64: restore it from a backup, or remove it and run `wazo-auth db forget-tokens` to log everybody out",
    },
    Trouble {
        make: |folder| chmod(&folder.join("token.key"), 0o640),
        says: "the token key file {}/token.key can be read by other accounts (mode 640): run `chmod 600` on it",
    },
    Trouble {
        make: |folder| chmod(&folder.join("token.key"), 0o000),
        says: "cannot read the token key file {}/token.key: Permission denied (os error 13): this account must be able to read it",
    },
];

#[test]
fn each_trouble_has_its_sentence() {
    for trouble in TROUBLES {
        let folder = used_folder();
        let path = folder.path().to_owned();
        (trouble.make)(&path);
        let says = trouble.says.replace("{FILE}", FILE);
        let mut setup = Setup::default().folder(folder);
        if is_root() {
            setup = setup.wrapper(&NO_PRIVILEGES);
        }
        let said = fails_with(setup, &path, &says);
        assert!(!said.contains("(WARNING)"), "what is not ours is left alone:\n{said}");
        chmod_all(&path);
    }
}

#[test]
fn a_file_system_that_is_full_or_read_only_has_its_sentence() {
    for (mount, again, says) in [
        (
            "mount -t tmpfs -o size=64k tmpfs data",
            "true",
            "cannot use the database {}/data/auth.db: the disk of the database is full: free some space",
        ),
        (
            "mount -t tmpfs -o size=8m tmpfs data && cp auth.db data/",
            "mount -o remount,ro data",
            "cannot open the database {}/data/auth.db: Read-only file system (os error 30): {FILE}",
        ),
    ] {
        let folder = used_folder();
        let path = folder.path().to_owned();
        other_place(&path, "data/auth.db");
        let Some(wrapper) = another_file_system(&path, &format!("{mount} && {again}")) else {
            return;
        };
        let setup = Setup::default().folder(folder).wrapper(&wrapper);
        let _ = fails_with(setup, &path, &says.replace("{FILE}", FILE));
    }
}

#[test]
fn a_second_daemon_is_told_who_runs() {
    let first = Daemon::start();
    let path = first.folder().to_owned();
    let folder = tempfile::tempdir().unwrap();
    other_place(folder.path(), "x");
    let yaml = format!("db_uri: sqlite:///{}/auth.db", path.display());
    fs::write(folder.path().join("conf.d/10-database.yml"), yaml).unwrap();
    let says = format!(
        "the database {{}}/auth.db is used by another wazo-auth (process {}): stop it first (lock \
         file {{}}/auth.db.lock)",
        first.pid()
    );
    let _ = fails_with(Setup::default().folder(folder), &path, &says);
    assert!(!first.admin_token().is_empty(), "the first one is not disturbed");
}

#[test]
fn a_database_that_another_program_keeps_is_waited_for_and_then_named() {
    let folder = used_folder();
    let path = folder.path().to_owned();
    let other = Connection::open(path.join("auth.db")).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let says = "cannot use the database {}/auth.db: another program keeps the database locked: try \
        again later";
    let began = std::time::Instant::now();
    let _ = fails_with(Setup::default().folder(folder), &path, says);
    let waited = began.elapsed().as_secs();
    assert!((4..30).contains(&waited), "{waited} s");
}

#[test]
fn a_log_that_was_damaged_is_recovered_as_far_as_it_goes_and_named() {
    let daemon = Daemon::start();
    let tokens = [(); 6].map(|()| daemon.admin_token());
    let folder = daemon.kill();
    let path = folder.path().to_owned();
    let log = path.join("auth.db-wal");
    // In the commit of one of the last tokens.
    let length = fs::metadata(&log).unwrap().len();
    overwrite(&log, length - 3 * 4120, 100);
    let daemon = Setup::default().folder(folder).start();
    let said = daemon.log();
    let warning = said.lines().find(|line| line.contains("(WARNING)")).unwrap();
    let says = format!("the write-ahead log {} is not whole after its frame ", log.display());
    assert!(warning.contains(&says), "{warning}");
    let kept = warning.split("(it is kept as ").nth(1).unwrap().trim_end_matches(')');
    assert_eq!(fs::metadata(kept).unwrap().len(), length, "{warning}");
    let valid = |token: &String| daemon.head(&format!("/0.1/token/{token}")).send().status == 204;
    assert!(valid(&tokens[0]) && !valid(&tokens[5]), "what came before, and only that");
}

/// The daemon ends with exit code 1 and this sentence, on its standard error
/// and in its log file.
fn fails_with(setup: Setup, folder: &Path, says: &str) -> String {
    let says = says.replace("{}", folder.to_str().unwrap());
    let (code, said) = setup.fail();
    let critical: Vec<&str> = said.lines().filter(|line| line.contains("(CRITICAL)")).collect();
    assert!(critical.len() == 1 && code == 1, "{code}: {said}");
    let sentence = critical[0].split("(wazo_auth.main): ").nth(1).unwrap();
    assert_eq!(sentence, says);
    said
}

fn in_folder_of_mode(folder: &Path, mode: u32) {
    fs::create_dir(folder.join("data")).unwrap();
    fs::rename(folder.join("auth.db"), folder.join("data/auth.db")).unwrap();
    other_place(folder, "data/auth.db");
    chmod(&folder.join("data"), mode);
}

/// Gives the rights back, so that the folder can be removed.
fn chmod_all(folder: &Path) {
    if folder.join("data").exists() {
        chmod(&folder.join("data"), 0o700);
    }
}

fn sql(folder: &Path, sql: &str) {
    Connection::open(folder.join("auth.db")).unwrap().execute_batch(sql).unwrap();
}

fn cut(path: &Path, length: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

fn overwrite(path: &Path, from: u64, length: usize) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    let there = usize::try_from(file.metadata().unwrap().len() - from).unwrap();
    file.write_all(&vec![0xA5; length.min(there)]).unwrap();
}
