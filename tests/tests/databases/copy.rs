//! `wazo-auth db copy`: from PostgreSQL to SQLite and back.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use wazo_auth_servers::postgresql;
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon, Setup};

use crate::support::{
    REFRESH_TOKEN, TOKENS, catalogue, check, on_file, original, program, psql, refresh, refused,
    rows, run, run_ok, setup, site, until,
};

fn file_uri(folder: &Path) -> String {
    format!("sqlite:///{}/copy.db", folder.display())
}

/// What is left in a folder of files that were not finished.
fn left_over(folder: &Path) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().contains("copy.db")).count()
}

#[test]
fn there_and_back_nothing_is_lost() {
    let uri = original();
    let _ = psql(
        &uri,
        "UPDATE auth_user SET password_salt = '\\x00ff27', firstname = E'a''b\\\\c\\n\"d' WHERE username IS NULL;
         UPDATE auth_token SET acl = ARRAY['', 'a b', '{x,\"y\"}', 'NULL', E'\\\\'] WHERE refresh_token_uuid IS NULL;
         UPDATE auth_refresh_token SET created_at = '1999-12-31 23:59:59.999999+00' WHERE mobile;
         INSERT INTO auth_tenant (uuid, name, parent_uuid, slug)
            SELECT 'aaaaaaaa-0000-4000-8000-' || lpad(n::text, 12, '0'), n, CASE WHEN n = 300
                THEN (SELECT uuid FROM auth_tenant WHERE slug = 'elan')
                ELSE 'aaaaaaaa-0000-4000-8000-' || lpad((n + 1)::text, 12, '0') END, n
            FROM generate_series(300, 1, -1) n ORDER BY n DESC",
    );
    let before = rows(&uri);
    let (_setup, folder) = site(&uri);
    let file = file_uri(&folder);
    let said = run_ok(&folder, &["db", "copy", &uri, &file]);
    assert!(said.contains("       302 auth_tenant\n"), "{said}");
    assert!(said.contains(&format!("copied and compared {} rows", before.len() - 1)), "{said}");
    assert_eq!(rows(&uri), before, "the source stays as it is");

    let back = postgresql::database();
    let said = run_ok(&folder, &["db", "copy", &file, &back]);
    assert!(said.contains(&format!("copied and compared {} rows", before.len() - 1)), "{said}");
    assert!(rows(&back) == before, "{:#?}", rows(&back).symmetric_difference(&before));
    let unseen = "SELECT count(*) FROM pg_stat_user_tables WHERE relname LIKE 'auth\\_%' \
        AND (last_vacuum IS NULL OR last_analyze IS NULL)";
    assert_eq!(psql(&back, unseen), "0", "the server knows what was copied");
    let next = "INSERT INTO auth_access (access) VALUES ('next') RETURNING id; \
        INSERT INTO auth_address (tenant_uuid) SELECT uuid FROM auth_tenant LIMIT 1 RETURNING id";
    assert_eq!(psql(&back, next), "4\n2");
    let (_setup, folder) = site(&back);
    let _ = run_ok(&folder, &["db", "detach"]);
    // But for where sequences stand, which is no part of it.
    let again = original();
    assert_eq!(catalogue(&back), catalogue(&again));
}

#[test]
fn daemons_go_on_where_the_others_ended() {
    let uri = original();
    let daemon = setup(&uri).start();
    let _ = run_ok(daemon.folder(), &["db", "seal"]);
    let sealed = daemon.login("alice", "s3cre7", json!({}))["token"].as_str().unwrap().to_owned();
    let file = file_uri(daemon.folder());
    let said = run_ok(daemon.folder(), &["db", "copy", &uri, &file]);
    assert!(said.contains("warning: a daemon runs on "), "{said}");
    let (_, folder, _) = daemon.stop();

    let alive = |daemon: &Daemon| {
        for token in TOKENS.iter().chain([&&*sealed]) {
            assert_eq!(check(daemon, token), 204, "{token}");
        }
        assert_eq!(check(daemon, &refresh(daemon, REFRESH_TOKEN)), 204);
        let _ = daemon.login("jörg", "pässwörd", json!({}));
    };
    let daemon = Setup::default().folder(folder).config(&format!("db_uri: {file}")).start();
    alive(&daemon);
    let admin = daemon.admin_token();
    let (_, folder, _) = daemon.stop();

    let back = postgresql::database();
    let said = run_ok(folder.path(), &["db", "copy", &file, &back]);
    assert!(!said.contains("warning"), "{said}");
    let daemon = setup(&back).folder(folder).start();
    alive(&daemon);
    assert_eq!(check(&daemon, &admin), 204);
    let _ = daemon.login(ADMIN, ADMIN_PASSWORD, json!({}));
}

#[test]
fn a_target_that_holds_more_than_the_seed_is_refused() {
    let uri = original();
    let (_setup, folder) = site(&uri);
    let file = file_uri(&folder);
    let _ = run_ok(&folder, &["db", "copy", &uri, &file]);
    let in_use = "in use already (its table auth_tenant holds more than a new database does): copy into a new one";
    for (from, to) in [(&uri, &file), (&file, &uri)] {
        let before = rows(&uri);
        let sentence = refused(&folder, &uri, &["db", "copy", from, to]);
        assert!(sentence.ends_with(in_use), "{sentence}");
        assert_eq!(rows(&uri), before);
    }
    assert!(!catalogue(&uri).contains("wazo_auth_"), "what it had added is gone");
    let (_setup, other) = site(&uri);

    // The seed gives way, in either kind.
    let made = postgresql::database();
    let (_of_made, of_made) = site(&made);
    let _ = run_ok(&of_made, &["upgrade-db"]);
    let _ = run_ok(&of_made, &["db", "copy", &file, &made]);
    assert_eq!(rows(&made), rows(&uri));
    let (plain, plain_folder) = on_file();
    let _ = run_ok(&plain_folder, &["upgrade-db"]);
    let seeded = format!("sqlite:///{}/auth.db", plain_folder.display());
    let said = run_ok(&other, &["db", "copy", &uri, &seeded]);
    assert!(said.contains("         3 auth_user\n"), "{said}");
    let daemon = plain.start();
    assert_eq!(check(&daemon, TOKENS[0]), 204);
}

#[test]
fn what_does_not_fit_is_named_and_nothing_is_copied() {
    let (setup, _) = on_file();
    let (_, folder, _) = setup.start().stop();
    let file = format!("sqlite:///{}/auth.db", folder.path().display());
    let database = wazo_auth_tests::Database::open(
        &folder.path().join("auth.db"),
        &folder.path().join("token.key"),
    );
    let to = postgresql::database();
    for (spoil, mend, sentence) in [
        (
            "UPDATE auth_user SET enabled = 'perhaps'",
            "UPDATE auth_user SET enabled = true",
            "nothing was copied: auth_user.enabled of the source holds a value that is not true or false: correct that row",
        ),
        (
            "UPDATE auth_tenant SET slug = 'far-too-long-a-slug'",
            "UPDATE auth_tenant SET slug = 'master'",
            "nothing was copied: auth_tenant: a value does not fit into the database (22001)",
        ),
    ] {
        database.run(spoil);
        let said = refused(folder.path(), &to, &["db", "copy", &file, &to]);
        assert_eq!(said, sentence);
        assert!(!catalogue(&to).contains("auth"));
        database.run(mend);
    }
    let _ = run_ok(folder.path(), &["db", "copy", &file, &to]);
}

#[test]
fn what_comes_out_otherwise_than_it_went_in_is_noticed() {
    let uri = original();
    let (_setup, folder) = site(&uri);
    let file = file_uri(&folder);
    let _ = run_ok(&folder, &["db", "copy", &uri, &file]);
    let to = postgresql::database();
    let (_of_to, of_to) = site(&to);
    let _ = run_ok(&of_to, &["upgrade-db"]);
    let other = "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN NEW.lastname = NEW.lastname || '.'; RETURN NEW; END $$; \
        CREATE TRIGGER other BEFORE INSERT ON auth_user FOR EACH ROW EXECUTE FUNCTION other()";
    let _ = psql(&to, other);
    let before = rows(&to);
    let sentence = refused(&folder, &to, &["db", "copy", &file, &to]);
    let expected = "nothing was copied: the rows of auth_user do not come out as they went in";
    assert!(sentence.starts_with(expected), "{sentence}");
    assert_eq!(rows(&to), before);
}

#[test]
fn a_target_with_a_daemon_is_refused() {
    let (from, to) = (original(), postgresql::database());
    let daemon = setup(&to).start();
    let file = file_uri(daemon.folder());
    let _ = run_ok(daemon.folder(), &["db", "copy", &from, &file]);
    let before = rows(&to);
    let sentence = refused(daemon.folder(), &to, &["db", "copy", &file, &to]);
    assert!(sentence.starts_with("the database DATABASE is used by wazo-auth (on "), "{sentence}");
    assert_eq!(rows(&to), before);
}

#[test]
fn two_of_a_kind_and_what_cannot_be_reached_are_refused() {
    let uri = original();
    let (_setup, folder) = site(&uri);
    let file = file_uri(&folder);
    let copy = |from: &str, to: &str| refused(&folder, &uri, &["db", "copy", from, to]);
    assert!(copy(&uri, &uri).starts_with("pg_dump and psql copy"));
    assert!(copy(&file, &file).starts_with("`wazo-auth db backup` copies"));
    assert!(copy(&file, &uri).starts_with("there is no database in FOLDER/copy.db yet"));
    assert!(copy("mysql://u:s3cr3t@h/d", &uri).starts_with("FROM: sqlite:////path"));
    let secret = "postgresql://u:s3cr3t@127.0.0.1:1/d";
    let (code, said, complaint) = run(&folder, &["db", "copy", secret, &file]);
    assert_eq!((code, said.as_str()), (1, ""), "{complaint}");
    assert!(complaint.contains("d on 127.0.0.1:1") && !complaint.contains("s3cr3t"), "{complaint}");
    assert_eq!(left_over(&folder), 0);
}

/// A session of `psql` that holds a lock until it is dropped.
struct Holder(Child);

impl Holder {
    fn lock(uri: &str, table: &str) -> Self {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", uri]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = psql.spawn().unwrap();
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;\n");
        child.stdin.as_mut().unwrap().write_all(lock.as_bytes()).unwrap();
        until("the lock is held", || {
            let held = format!(
                "SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass \
                 AND mode = 'AccessExclusiveLock' AND granted"
            );
            self::psql(uri, &held) == "1"
        });
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Kills a copy in the middle: while it waits for the table.
fn kill_in_the_middle(folder: &Path, server: &str, from: &str, to: &str) {
    let holder = Holder::lock(server, "auth_refresh_token");
    let mut copy = program(folder, &["db", "copy", from, to]);
    let mut copy = copy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted \
        AND relation = 'auth_refresh_token'::regclass";
    until("the copy waits", || psql(server, waiting) == "1");
    copy.kill().unwrap();
    let _ = copy.wait().unwrap();
    drop(holder);
    until("the server has noticed", || {
        let others = "SELECT count(*) FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        psql(server, others) == "0"
    });
}

#[test]
fn killed_in_the_middle_it_has_changed_nothing() {
    let uri = original();
    let (_setup, folder) = site(&uri);
    let file = file_uri(&folder);
    kill_in_the_middle(&folder, &uri, &uri, &file);
    assert!(!folder.join("copy.db").exists());
    let _ = run_ok(&folder, &["db", "copy", &uri, &file]);

    let to = postgresql::database();
    let (_of_to, of_to) = site(&to);
    let _ = run_ok(&of_to, &["upgrade-db"]);
    let (before, schema) = (rows(&to), catalogue(&to));
    kill_in_the_middle(&folder, &to, &file, &to);
    assert_eq!((rows(&to), catalogue(&to)), (before, schema));
    let _ = run_ok(&folder, &["db", "copy", &file, &to]);
    assert_eq!(rows(&to), rows(&uri));
}
