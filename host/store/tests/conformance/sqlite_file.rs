//! The file: its lock, its mode, what stands in it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use wazo_auth_store::Change;
use wazo_auth_store::{
    OpenError, Options, Store, refresh_tokens, sessions, tenants, tokens, users,
};

use crate::fixture::{Fixture, KEY, NOON};

fn column(f: &Fixture, sql: &str) -> Vec<Option<String>> {
    let conn = Connection::open(f.path()).unwrap();
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn database_log_and_lock_belong_to_their_owner_only() {
    let f = Fixture::sqlite();
    f.user("alice", f.master);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let path = format!("{}{suffix}", f.path().display());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{path}");
    }
}

#[test]
fn a_database_that_others_can_read_is_closed_to_them() {
    let f = Fixture::sqlite();
    f.store.close();
    std::fs::set_permissions(f.path(), PermissionsExt::from_mode(0o644)).unwrap();
    let f = f.reopen(Some(KEY));
    let mode = std::fs::metadata(f.path()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn a_second_daemon_is_refused_and_told_who_runs() {
    let f = Fixture::sqlite();
    let error = Store::open(f.options(), f.context.clone()).err().unwrap();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(f.path().to_str().unwrap()), "{text}");
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    f.reopen(Some(KEY));
}

#[test]
fn tokens_are_sealed_in_the_file() {
    let f = Fixture::sqlite();
    let user = f.user("alice", f.master);
    let refresh_token = f.refresh_token(user, "app", false).uuid;
    let mut token = f.new_token(&user.to_string(), f.master);
    token.refresh_token_uuid = Some(refresh_token);
    f.store_token(&token, f.master);
    for sql in [
        "SELECT uuid FROM auth_token",
        "SELECT refresh_token_uuid FROM auth_token",
        "SELECT uuid FROM auth_refresh_token",
    ] {
        let [Some(text)] = &column(&f, sql)[..] else { panic!("{sql}") };
        assert!(text.starts_with('~') && text.len() == 27, "{sql}: {text}");
    }
    f.store.close();
    let bytes = std::fs::read(f.path()).unwrap();
    for secret in [token.uuid, refresh_token] {
        let text = secret.to_string();
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()));
    }
}

#[test]
fn clear_tokens_of_the_original_go_on_working_when_sealing_begins() {
    let f = Fixture::sqlite_with(None);
    let user = f.user("alice", f.master);
    let refresh_token = f.refresh_token(user, "app", false).uuid;
    let token = f.token(&user.to_string(), f.master);
    let texts = column(&f, "SELECT uuid FROM auth_token");
    assert_eq!(texts, [Some(token.uuid.to_string())]);
    let f = f.reopen(Some(KEY));
    assert!(f.live(&token.uuid).is_some());
    assert_eq!(f.read(|conn| tokens::get(conn, &token.uuid)), Some(token.clone()));
    let found = f.read(|conn| refresh_tokens::get(conn, &refresh_token, "app"));
    assert_eq!(found.unwrap().uuid, refresh_token);
    let mut new = f.new_token(&user.to_string(), f.master);
    new.refresh_token_uuid = Some(refresh_token);
    f.store_token(&new, f.master);
    assert_eq!(f.read(|conn| tokens::get(conn, &new.uuid)), Some(new));
    let uuid = token.uuid;
    assert!(f.write(move |tx| tokens::delete(tx, &uuid)));
}

#[test]
fn tokens_sealed_under_another_key_are_not_valid_and_do_no_harm() {
    let f = Fixture::sqlite();
    let user = f.user("alice", f.master);
    let token = f.token(&user.to_string(), f.master);
    let f = f.reopen(Some([1; 32]));
    assert!(f.store.index().is_empty());
    assert_eq!(f.read(|conn| tokens::get(conn, &token.uuid)), None);
    let expired = f.read(|conn| tokens::expired(conn, i64::MAX, 10));
    assert_eq!((expired.len(), expired[0].token), (1, None), "still purged in time");
}

#[test]
fn refresh_tokens_sealed_under_another_key_are_held_and_can_be_deleted() {
    let f = Fixture::sqlite();
    let user = f.user("alice", f.master);
    let uuid = f.refresh_token(user, "app", true).uuid;
    let mut token = f.new_token(&user.to_string(), f.master);
    token.refresh_token_uuid = Some(uuid);
    f.store_token(&token, f.master);
    f.refresh_token(user, "other", false);
    let f = f.reopen(Some([1; 32]));
    assert_eq!(f.read(|conn| refresh_tokens::get(conn, &uuid, "app")), None);
    let held = f.read(|conn| refresh_tokens::find(conn, &user, "app")).unwrap();
    assert_eq!((held.uuid, held.client_id.as_deref()), (None, Some("app")));
    let mobile = f.read(|conn| refresh_tokens::mobile_of_user(conn, &user));
    assert_eq!(mobile, std::slice::from_ref(&held));
    let sessions = f.read(|conn| sessions::of_refresh_token(conn, &held));
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].uuid, token.session_uuid);
    assert!(f.write(move |tx| refresh_tokens::delete(tx, &held)));
    assert!(f.write(move |tx| refresh_tokens::delete_of_client(tx, &user, "other")));
    assert!(column(&f, "SELECT client_id FROM auth_refresh_token").is_empty());
}

#[test]
fn a_program_that_folds_otherwise_cannot_write_logins() {
    let f = Fixture::sqlite();
    let user = f.user("Élodie", f.master);
    let conn = Connection::open(f.path()).unwrap();
    for sql in ["UPDATE auth_user SET username = 'ÉLODIE'", "DELETE FROM auth_user"] {
        let error = conn.execute(sql, []).unwrap_err();
        assert!(error.to_string().contains("wazo_auth_fold"), "{error}");
    }
    let found = f.read(|conn| users::by_login(conn, "éLODIE"));
    assert_eq!(found.map(|found| found.uuid), Some(user));
}

#[test]
fn connections_that_read_are_small_and_opened_when_needed() {
    let f = Fixture::sqlite();
    let beside = Store::open_beside(f.path(), 64, f.context.clone()).unwrap();
    let read = beside.read(|conn| conn.query("PRAGMA cache_size", &[])).unwrap();
    assert_eq!(read[0].int(0), Ok(-256), "KiB");
    let path = f.path();
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let open = open.filter(|entry| {
        std::fs::read_link(entry.as_ref().unwrap().path()).is_ok_and(|target| target == path)
    });
    assert!(open.count() < 10, "of two writers and the readers that were needed");
}

#[test]
fn a_restart_brings_back_every_live_token() {
    let f = Fixture::sqlite();
    let user = f.user("alice", f.master);
    let token = f.token(&user.to_string(), f.master);
    f.clock.set(NOON + 3601);
    let mut fresh = f.new_token(&user.to_string(), f.master);
    fresh.expires_at = None;
    f.store_token(&fresh, f.master);
    let f = f.reopen(Some(KEY));
    let index = f.store.index();
    assert_eq!(index.len(), 1, "the expired one is not loaded");
    assert!(index.get(&token.uuid, NOON).is_none());
    let live = index.get(&fresh.uuid, NOON).unwrap();
    assert_eq!((live.session, live.expires), (fresh.session_uuid, None));
    assert_eq!(index.tenant_of_user(&user), Some(f.master));
}

/// The write-ahead log of a database.
struct Log(PathBuf);

impl Log {
    /// Frames that the file has room for.
    fn frames(&self) -> u64 {
        std::fs::metadata(&self.0).unwrap().len() / (4096 + 24)
    }

    /// How often it was begun anew: one more with each time.
    fn number(&self) -> u32 {
        let bytes = std::fs::read(&self.0).unwrap();
        u32::from_be_bytes(bytes[12..16].try_into().unwrap())
    }
}

#[test]
fn the_log_begins_anew_beside_writes_but_not_under_a_reader_of_its_old_part() {
    let f = Fixture::sqlite();
    f.token("wazo-auth", f.master);
    let log = Log(format!("{}-wal", f.path().display()).into());
    // About a thousand frames, of the same pages each time.
    let count = std::cell::Cell::new(0);
    let write = || {
        let text = count.replace(count.get() + 1).to_string().repeat(4_000_000);
        let text = text[..4_000_000].to_owned();
        f.write(move |tx| {
            let sql = "UPDATE auth_token SET user_agent = ?1";
            tx.conn().execute(sql, &[text.as_str().into()]).map(drop)
        });
    };
    let write_until_number = |number: u32| {
        let began = Instant::now();
        while log.number() < number {
            assert!(began.elapsed() < Duration::from_secs(60), "{} frames", log.frames());
            write();
        }
    };
    write_until_number(log.number() + 3);
    assert!(log.frames() < 50_000, "it was let grow to {} frames", log.frames());

    let reader = Connection::open(f.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM auth_session").unwrap();
    let before = log.number();
    (0..25).for_each(|_| write());
    assert!(log.number() <= before + 1, "begun anew at most in front of what is read");
    assert!(log.frames() > 20_000, "{} frames", log.frames());
    reader.execute_batch("COMMIT").unwrap();
    write_until_number(before + 2);
    assert!(log.frames() < 20_000, "the file is cut to its usual length: {}", log.frames());

    f.store.close();
    assert_eq!(log.frames(), 0);
    let whole = f.read(|conn| conn.query("PRAGMA integrity_check", &[]));
    assert_eq!(whole[0].text(0), Ok("ok"));
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.db");
    let content = "this is a text file, not a database\n".repeat(100);
    std::fs::write(&path, &content).unwrap();
    let context = Fixture::sqlite().context;
    let options = Options { path: path.clone(), readers: 1, sealer: None };
    let error = Store::open(options, context.clone()).err().unwrap();
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);

    let path = folder.path().join("missing").join("auth.db");
    let options = Options { path: path.clone(), readers: 1, sealer: None };
    let error = Store::open(options, context).err().unwrap();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn a_damaged_database_is_reported_as_such() {
    let f = Fixture::sqlite();
    f.token("wazo-auth", f.master);
    f.store.close();
    let (path, context, options) = (f.path(), f.context.clone(), f.options());
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[4096..end].fill(0xA5);
    let damaged = path.with_file_name("damaged.db");
    std::fs::write(&damaged, bytes).unwrap();
    let options = Options { path: damaged, ..options };
    let error = Store::open(options, context).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("damaged.db") && text.contains("backup"), "{text}");
}

#[test]
fn a_command_may_write_beside_the_daemon_and_is_noticed() {
    let f = Fixture::sqlite();
    let token = f.token(&f.user("bob", f.master).to_string(), f.master);
    let beside = Store::open_beside(f.path(), 1, f.context.clone()).unwrap();
    let user = f.new_user("alice", f.master);
    let uuid = user.uuid;
    let version = f.store.version();
    beside
        .write::<_, wazo_auth_store::Error>(Change::Directory, move |tx| users::insert(tx, &user))
        .unwrap();
    // A write of the daemon looks for foreign changes first.
    f.write(|tx| tenants::top(tx).map(drop));
    assert_eq!(f.store.tenant_of_user(&uuid).unwrap(), Some(f.master));
    assert_ne!(f.store.version(), version);
    assert_eq!(beside.index().len(), 0, "the tokens are the daemon's");

    // It does not even have the key of the token that goes with the session.
    let ended = beside.write::<_, wazo_auth_store::Error>(Change::Directory, move |tx| {
        sessions::delete(tx.conn(), &token.session_uuid)
    });
    assert_eq!(ended, Ok(true));
    f.write(|tx| tenants::top(tx).map(drop));
    assert!(f.live(&token.uuid).is_none());
}

#[test]
fn a_command_beside_the_daemon_makes_no_database() {
    let f = Fixture::sqlite();
    let path = f.path().with_file_name("missing.db");
    let error = Store::open_beside(path.clone(), 1, f.context.clone()).err().unwrap();
    assert!(error.to_string().contains("missing.db"), "{error}");
    assert!(!path.exists());
    std::fs::write(&path, "").unwrap();
    let error = Store::open_beside(path.clone(), 1, f.context.clone()).err().unwrap();
    assert!(error.to_string().contains("missing.db"), "{error}");
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[test]
fn sqlite_is_compiled_as_the_settings_of_cargo_say() {
    let conn = Connection::open_in_memory().unwrap();
    let mut options = conn.prepare("PRAGMA compile_options").unwrap();
    let options = options.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let options = options.map(Result::unwrap).collect::<Vec<_>>();
    let has = |name: &str| options.iter().any(|option| option == name);
    let why = ".cargo/config.toml was not read: call cargo inside the repository";
    assert!(!has("ENABLE_MEMORY_MANAGEMENT"), "{why}");
    assert!(has("DEFAULT_MEMSTATUS=0") && has("OMIT_SHARED_CACHE"), "{why}: {options:?}");
}
