//! `wazo-auth db backup`, `restore` and `forget-tokens`.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use rusqlite::Connection;
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, Database, Setup, command};

use crate::support::{Fixture, Over, token, used_folder, wait};

/// Everything that the clients were told.
#[derive(Default)]
struct Ledger {
    issued: BTreeSet<String>,
    /// Revocations that were asked for, answered or not.
    revoking: BTreeSet<String>,
    revoked: BTreeSet<String>,
}

/// `wazo-auth db …` with the configuration of a daemon's folder.
fn db(folder: &Path, arguments: &[&str]) -> Command {
    command::program(folder, &[&["db"], arguments].concat())
}

/// Runs it; gives what it says.
#[track_caller]
pub fn run_ok(folder: &Path, arguments: &[&str]) -> String {
    command::run_ok(folder, &[&["db"], arguments].concat())
}

/// Runs it; gives the sentence it fails with.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str]) -> String {
    command::refused(folder, &[&["db"], arguments].concat())
}

/// A folder ready for commands: configuration, a database and its key. It lives
/// as long as what is given first.
fn folder() -> (Setup, PathBuf) {
    let mut setup = Setup::default().folder(used_folder());
    let path = setup.prepare();
    (setup, path)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The names in a folder that are left of unfinished copies.
fn left_over(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter(|name| name.contains(".part")).collect()
}

#[test]
fn a_copy_under_load_is_whole_and_brings_its_tokens_back() {
    let fixture = Fixture::new(Setup::default());
    let folder = fixture.daemon.folder().to_owned();
    let file = folder.join("copy.db");
    let early = [(); 8].map(|()| token(&fixture.refresh().expect(200)));
    let ledger = Mutex::new(Ledger::default());
    let (over, restored) = (AtomicBool::new(false), AtomicBool::new(false));
    let issued = || ledger.lock().unwrap().issued.len();
    let (before, after) = thread::scope(|scope| {
        let _over = Over(&over);
        for client in 0..4 {
            let (fixture, ledger, over, restored) = (&fixture, &ledger, &over, &restored);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    work(fixture, ledger, client == 0, restored);
                }
            });
        }
        wait(|| issued() > 50);
        let known = || {
            let ledger = ledger.lock().unwrap();
            (ledger.issued.clone(), ledger.revoking.clone(), ledger.revoked.clone())
        };
        let before = known();
        let said = run_ok(&folder, &["backup", file.to_str().unwrap()]);
        let key = folder.join("token.key");
        assert!(said.contains(&format!("keep a copy of {} with it", key.display())), "{said}");
        let after = known();
        // Something to go back from.
        for token in &early {
            let _ = fixture.daemon.delete(&format!("/0.1/token/{token}")).send().expect(200);
        }
        wait(|| issued() > after.0.len() + 50);
        restored.store(true, Ordering::Relaxed);
        let _ = run_ok(&folder, &["restore", file.to_str().unwrap()]);
        (before, after)
    });
    assert_eq!(mode(&file), 0o600);
    let copy = Database::open(&file, &folder.join("token.key"));
    assert_eq!(copy.text("PRAGMA integrity_check"), "ok");
    assert_eq!(copy.text("PRAGMA journal_mode"), "delete", "one file is all of it");
    let there = copy.tokens();
    let lost: Vec<_> = before.0.difference(&there).filter(|it| !after.1.contains(*it)).collect();
    assert!(lost.is_empty(), "acknowledged before the copy, and not in it");
    assert!(before.2.is_disjoint(&there), "revoked before the copy, and in it");

    // The daemon that was there all the time: as the copy has it.
    let ledger = ledger.into_inner().unwrap();
    let valid =
        |token: &String| fixture.daemon.head(&format!("/0.1/token/{token}")).send().status == 204;
    let back: Vec<_> = ledger.revoked.intersection(&there).chain(&early).collect();
    wait(|| back.iter().all(|token| valid(token)));
    let later: Vec<_> = ledger.issued.iter().filter(|token| !there.contains(*token)).collect();
    let _ = fixture.read().expect(200);
    for token in &later {
        assert!(!valid(token), "issued after the copy, and valid");
    }
    let new = token(&fixture.refresh().expect(200));
    fixture.token_is_checked(&new);
    let folder = fixture.daemon.kill();
    let database = Database::copy_of(folder.path());
    assert_eq!(database.text("PRAGMA integrity_check"), "ok");
    assert!(there.is_subset(&database.tokens()));
    assert_eq!(left_over(folder.path()), Vec::<String>::new());
    println!(
        "{} tokens in the copy; {} live again, {} refused",
        there.len(),
        back.len(),
        later.len()
    );
}

/// Issues a token; one client revokes it again.
fn work(fixture: &Fixture, ledger: &Mutex<Ledger>, revoke: bool, restored: &AtomicBool) {
    let answer = fixture.refresh();
    if answer.status == 503 {
        return;
    }
    let token = token(&answer.expect(200));
    // What is acknowledged while the restoration runs may be of either side.
    if restored.load(Ordering::Relaxed) {
        return;
    }
    let note = |note: &dyn Fn(&mut Ledger)| note(&mut ledger.lock().unwrap());
    note(&|ledger| assert!(ledger.issued.insert(token.clone())));
    if revoke {
        note(&|ledger| assert!(ledger.revoking.insert(token.clone())));
        let answer = fixture.daemon.delete(&format!("/0.1/token/{token}")).send();
        if answer.status == 200 && !restored.load(Ordering::Relaxed) {
            note(&|ledger| assert!(ledger.revoked.insert(token.clone())));
        }
    }
}

#[test]
fn the_former_content_is_kept_whole_and_can_be_restored_in_turn() {
    let fixture = Fixture::new(Setup::default());
    let folder = fixture.daemon.folder().to_owned();
    let file = folder.join("copy.db");
    let file = file.to_str().unwrap();
    let _ = run_ok(&folder, &["backup", file]);
    let late = token(&fixture.refresh().expect(200));
    let said = run_ok(&folder, &["restore", file]);
    let former = said.lines().find_map(|line| line.strip_prefix("the former content is in "));
    let former = former.unwrap_or_else(|| panic!("{said}"));
    assert_eq!(mode(Path::new(former)), 0o600);
    let head = |token: &str| fixture.daemon.head(&format!("/0.1/token/{token}")).send().status;
    wait(|| head(&late) == 404);
    let _ = run_ok(&folder, &["restore", former]);
    wait(|| head(&late) == 204);
    assert_eq!(head(&fixture.token), 204);
}

#[test]
fn the_copy_of_another_installation_is_taken_over_with_its_tenants() {
    let other = Daemon::start();
    let token = other.admin_token();
    let (_, other, _) = other.stop();
    let here = Daemon::start();
    let folder = here.folder();
    let file = other.path().join("auth.db");
    let file = file.to_str().unwrap();
    let says = format!(
        "token_key_file cannot read 1 of the 1 tokens in {file}: restore the key file that belongs \
         to it first, or add --force to do without these tokens"
    );
    assert_eq!(refused(folder, &["restore", file]), says);
    let said = run_ok(folder, &["restore", "--force", file]);
    assert!(said.contains("1 of its 1 tokens need another key and were left out"), "{said}");
    let top = Database::copy_of(folder).text("SELECT uuid FROM auth_tenant");
    wait(|| here.post("/0.1/token").basic(ADMIN, ADMIN_PASSWORD).json("{}").send().status == 200);
    let _ = here.head(&format!("/0.1/token/{token}")).send().expect(404);
    let user = here.create_user("alice", "s3cre7");
    let sql = format!("SELECT tenant_uuid FROM auth_user WHERE uuid = '{user}'");
    assert_eq!(Database::copy_of(folder).text(&sql), top, "created in the tenant of the copy");
}

#[test]
fn a_copy_is_made_and_put_back_without_a_daemon_too() {
    let (_setup, path) = folder();
    let (path, file) = (path.as_path(), path.join("copy.db"));
    let file = file.to_str().unwrap();
    let _ = run_ok(path, &["backup", file]);
    let tokens = Database::copy_of(path).tokens();
    for spoil in [
        (|path| drop(fs::remove_file(path))) as fn(&Path),
        |path| fs::write(path, "no database at all\n".repeat(100)).unwrap(),
        |path| fs::write(path, "").unwrap(),
    ] {
        spoil(&path.join("auth.db"));
        let _ = run_ok(path, &["restore", file]);
        assert_eq!(Database::copy_of(path).tokens(), tokens);
        assert_eq!(mode(&path.join("auth.db")), 0o600);
    }
    // A log that belongs to a lost file would spoil the new one.
    fs::remove_file(path.join("auth.db")).unwrap();
    fs::write(path.join("auth.db-wal"), [0x37; 9000]).unwrap();
    let said = run_ok(path, &["restore", file]);
    let former = said.lines().find_map(|line| line.strip_prefix("the former content is in "));
    assert!(Path::new(&format!("{}-wal", former.unwrap())).exists(), "kept, too");
    assert_eq!(Database::copy_of(path).tokens(), tokens);
    assert_eq!(left_over(path), Vec::<String>::new());
}

#[test]
fn the_copy_of_an_older_schema_is_upgraded() {
    let (_setup, path) = folder();
    let (path, file) = (path.as_path(), path.join("old.db"));
    let _ = run_ok(path, &["backup", file.to_str().unwrap()]);
    let old = Database::open(&file, &path.join("token.key"));
    let indexes = "SELECT group_concat(name) FROM sqlite_schema WHERE name LIKE 'wazo_auth__idx%'";
    for index in old.text(indexes).split(',') {
        old.run(&format!("DROP INDEX {index}"));
    }
    old.run("DROP TABLE wazo_auth_event");
    old.run("DELETE FROM wazo_auth_version WHERE version > 1");
    drop(old);
    let said = run_ok(path, &["restore", file.to_str().unwrap()]);
    assert!(said.contains("its schema was of version 1 and was upgraded"), "{said}");
    let restored = Database::copy_of(path);
    assert_eq!(restored.text("SELECT max(version) FROM wazo_auth_version"), "3");
    assert!(restored.text(indexes).contains("wazo_auth__idx__token__expire_t"));
}

#[test]
fn what_cannot_be_a_copy_is_refused_and_nothing_changes() {
    let (_setup, path) = folder();
    let path = path.as_path();
    let name = |name: &str| path.join(name).to_str().unwrap().to_owned();
    let _ = run_ok(path, &["backup", &name("copy.db")]);
    let before = fs::read(path.join("copy.db")).unwrap();
    let says = format!(
        "{} exists already: name another file, or add --force to replace it",
        name("copy.db")
    );
    assert_eq!(refused(path, &["backup", &name("copy.db")]), says);
    assert_eq!(fs::read(path.join("copy.db")).unwrap(), before);
    let _ = run_ok(path, &["backup", "--force", &name("copy.db")]);
    let says = format!("{} is the database itself: name another file", name("auth.db"));
    assert_eq!(refused(path, &["backup", "--force", &name("auth.db")]), says);
    let says = format!("{} is not a file: name the file itself", path.display());
    assert_eq!(refused(path, &["backup", "--force", path.to_str().unwrap()]), says);

    let sql = |file: &str, sql: &str| {
        Connection::open(path.join(file)).unwrap().execute_batch(sql).unwrap();
    };
    fs::copy(path.join("copy.db"), path.join("newer.db")).unwrap();
    sql("newer.db", "INSERT INTO wazo_auth_version VALUES (99, 'tomorrow')");
    sql("foreign.db", "CREATE TABLE of_another_program (x)");
    fs::write(path.join("text.db"), "no database\n".repeat(200)).unwrap();
    fs::write(path.join("empty.db"), "").unwrap();
    let mut damaged = before.clone();
    let last = damaged.len() - 40 * 4096;
    damaged[last..].fill(0xA5);
    fs::write(path.join("damaged.db"), damaged).unwrap();
    fs::write(path.join("cut.db"), &before[..before.len() / 2]).unwrap();
    let live = fs::read(path.join("auth.db")).unwrap();
    for (file, says) in [
        (
            "newer.db",
            "{} has schema version 99, this program knows versions up to 3: install the wazo-auth that made it",
        ),
        (
            "foreign.db",
            "{} is not a database of wazo-auth: name a file that `wazo-auth db backup` made",
        ),
        (
            "text.db",
            "{} is not a database of wazo-auth: name a file that `wazo-auth db backup` made",
        ),
        (
            "empty.db",
            "{} is not a database of wazo-auth: name a file that `wazo-auth db backup` made",
        ),
        ("damaged.db", "{} is damaged ("),
        ("cut.db", "{} is damaged ("),
        (
            "missing.db",
            "cannot read or write {}: No such file or directory (os error 2): check that its folder exists, has room and may be written by this account",
        ),
    ] {
        let sentence = refused(path, &["restore", &name(file)]);
        assert!(sentence.starts_with(&says.replace("{}", &name(file))), "{sentence}");
        assert_eq!(fs::read(path.join("auth.db")).unwrap(), live, "{file}");
    }
    assert_eq!(left_over(path), Vec::<String>::new());
}

#[test]
fn without_its_key_a_database_serves_again_once_its_tokens_are_given_up() {
    let folder = used_folder();
    fs::remove_file(folder.path().join("token.key")).unwrap();
    let mut setup = Setup::default().folder(folder);
    let path = setup.prepare();
    let said = run_ok(&path, &["forget-tokens"]);
    let key = path.join("token.key");
    let says = format!("deleted 3 tokens and refresh tokens that {} cannot read\n", key.display());
    assert_eq!(said, says);
    let daemon = setup.start();
    assert!(daemon.log().contains("with 0 live tokens"), "{}", daemon.log());
    assert!(!daemon.admin_token().is_empty());
    let says = format!(
        "the database {}/auth.db is used by another wazo-auth (process {}): stop it first (lock \
         file {0}/auth.db.lock)",
        path.display(),
        daemon.pid()
    );
    assert_eq!(refused(&path, &["forget-tokens"]), says);
    let orphans =
        "SELECT count(*) FROM auth_session WHERE uuid NOT IN (SELECT session_uuid FROM auth_token)";
    assert_eq!(Database::copy_of(&path).text(orphans), "0");
}

#[test]
fn a_copy_or_restoration_that_is_killed_leaves_a_whole_database() {
    let fixture = Fixture::new(Setup::default());
    let folder = fixture.daemon.folder().to_owned();
    let name = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let _ = run_ok(&folder, &["backup", &name("copy.db")]);
    let late = token(&fixture.refresh().expect(200));
    let mut whole = 0;
    // At the first call of this kind, the second one, and so on, until it is
    // not killed any more.
    for (command, calls) in [
        ("backup", "pwrite64"),
        ("restore", "pwrite64"),
        ("restore", "fdatasync"),
        ("restore", "unlink"),
    ] {
        for call in (0..).map(|step: u32| 1 + step * step * step / 2) {
            let file =
                if command == "backup" { name(&format!("{call}.db")) } else { name("copy.db") };
            let inject = format!("inject={calls}:signal=KILL:when={call}");
            let program = db(&folder, &[command, &file]);
            let traced = Command::new("strace")
                .args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject])
                .arg(program.get_program())
                .args(program.get_args())
                .output()
                .unwrap();
            let killed = !traced.status.success();
            whole += usize::from(killed);
            if command == "backup" && killed {
                assert!(!Path::new(&file).exists(), "half a copy has the name of a whole one");
            }
            let database = Database::copy_of(&folder);
            assert_eq!(database.text("PRAGMA integrity_check"), "ok");
            let tokens = database.tokens();
            assert!(tokens.contains(&fixture.token), "{command} {calls} {call}");
            if killed && command == "backup" {
                assert!(tokens.contains(&late));
            }
            // The daemon agrees with whatever came of it.
            let status = if tokens.contains(&late) { 204 } else { 404 };
            let head = || fixture.daemon.head(&format!("/0.1/token/{late}")).send().status;
            wait(|| head() == status);
            if !killed {
                break;
            }
        }
    }
    assert!(whole > 10, "{whole}");
    let new = token(&fixture.refresh().expect(200));
    fixture.token_is_checked(&new);
    println!("killed {whole} times");
}
