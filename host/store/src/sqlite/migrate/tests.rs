use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::sqlite::connection::{self, Purpose};
use crate::testing::context;

struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new() -> Self {
        let file = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(file.path(), "").unwrap();
        file
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("auth.db")
    }

    fn open(&self) -> Connection {
        connection::open(&self.path(), Purpose::Write).unwrap()
    }

    fn migrate(&self, migrations: &[Migration]) -> Result<Schema, OpenError> {
        migrate(&mut self.open(), &self.path(), migrations, &context())
    }

    fn backups(&self) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.to_str().unwrap().ends_with(".backup")).collect()
    }

    fn number(&self, sql: &str) -> i64 {
        self.open().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

const BASE: Migration = Migration { version: 1, sql: MIGRATIONS[0].sql };
const GOOD: Migration = Migration { version: 2, sql: "CREATE TABLE wazo_auth_new (a)" };
const BAD: Migration =
    Migration { version: 2, sql: "CREATE TABLE wazo_auth_new (a); CREATE TABLE auth_user (b)" };

#[test]
fn a_new_database_has_all_tables_the_revision_and_the_seed() {
    let file = File::new();
    file.migrate(MIGRATIONS).unwrap();
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name LIKE 'auth_%'";
    assert_eq!(file.number(tables), 22);
    let revision = "SELECT count(*) FROM alembic_version_auth WHERE version_num = '1c862ebfbb3a'";
    assert_eq!(file.number(revision), 1);
    for (sql, expected) in [
        ("SELECT count(*) FROM auth_tenant WHERE uuid = parent_uuid AND slug = 'master'", 1),
        ("SELECT count(*) FROM auth_group WHERE system_managed", 1),
        ("SELECT count(*) FROM auth_policy_access", 1),
        ("SELECT count(*) FROM auth_access WHERE access = '#'", 1),
    ] {
        assert_eq!(file.number(sql), expected, "{sql}");
    }
    assert!(file.backups().is_empty(), "there was nothing to copy");
}

#[test]
fn a_row_written_by_hand_gets_a_random_uuid() {
    let file = File::new();
    file.migrate(MIGRATIONS).unwrap();
    let conn = file.open();
    conn.execute_batch("INSERT INTO auth_external_auth_type (name) VALUES ('a'), ('b')").unwrap();
    let mut statement = conn.prepare("SELECT uuid FROM auth_external_auth_type").unwrap();
    let uuids = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let uuids = uuids.map(|uuid| uuid.unwrap().parse::<uuid::Uuid>().unwrap()).collect::<Vec<_>>();
    assert_ne!(uuids[0], uuids[1]);
    for uuid in uuids {
        assert_eq!(uuid.get_version_num(), 4);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
    }
}

#[test]
fn an_upgrade_keeps_the_rows_and_a_private_copy_of_the_file() {
    let file = File::new();
    file.migrate(&[BASE]).unwrap();
    file.migrate(&[BASE, GOOD]).unwrap();
    assert_eq!(file.number("SELECT max(version) FROM wazo_auth_version"), 2);
    assert_eq!(file.number("SELECT count(*) FROM auth_tenant"), 1, "seeded once");
    let [backup] = file.backups().try_into().unwrap();
    assert_eq!(std::fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    let copy = Connection::open(backup).unwrap();
    let version =
        copy.query_row("SELECT max(version) FROM wazo_auth_version", [], |row| row.get(0));
    assert_eq!(version, Ok(1));
    file.migrate(&[BASE, GOOD]).unwrap();
    assert_eq!(file.backups().len(), 1, "nothing to do the second time");
}

#[test]
fn an_upgrade_that_fails_changes_nothing() {
    let file = File::new();
    file.migrate(&[BASE]).unwrap();
    assert!(matches!(file.migrate(&[BASE, BAD]), Err(OpenError::Database { .. })));
    assert_eq!(file.number("SELECT max(version) FROM wazo_auth_version"), 1);
    assert_eq!(file.number("SELECT count(*) FROM sqlite_schema WHERE name = 'wazo_auth_new'"), 0);
}

#[test]
fn an_upgrade_without_a_copy_does_not_happen() {
    let file = File::new();
    file.migrate(&[BASE]).unwrap();
    let taken = file.folder.path().join("auth.db.v1-20261121T120000Z.backup");
    std::fs::write(&taken, "something else").unwrap();
    let error = file.migrate(&[BASE, GOOD]).unwrap_err();
    assert!(matches!(error, OpenError::Backup { .. }), "{error}");
    assert_eq!(file.number("SELECT max(version) FROM wazo_auth_version"), 1);
    assert_eq!(std::fs::read_to_string(taken).unwrap(), "something else");
}

#[test]
fn a_database_of_a_newer_daemon_or_of_another_program_is_left_alone() {
    let file = File::new();
    file.migrate(&[BASE, GOOD]).unwrap();
    let error = file.migrate(&[BASE]).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 2, known: 1, .. }), "{error}");

    let file = File::new();
    file.open().execute_batch("CREATE TABLE songs (title)").unwrap();
    let error = file.migrate(MIGRATIONS).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert_eq!(file.number("SELECT count(*) FROM sqlite_schema"), 1);
}

#[test]
fn a_table_can_be_made_anew_without_losing_what_refers_to_it() {
    const ANEW: Migration = Migration {
        version: 2,
        sql: "CREATE TABLE new_tenant AS SELECT * FROM auth_tenant;
              DROP TABLE auth_tenant;
              CREATE TABLE auth_tenant (uuid text PRIMARY KEY, parent_uuid text, note text);
              INSERT INTO auth_tenant SELECT uuid, parent_uuid, 'kept' FROM new_tenant;
              DROP TABLE new_tenant",
    };
    let file = File::new();
    file.migrate(&[BASE]).unwrap();
    let mut conn = file.open();
    migrate(&mut conn, &file.path(), &[BASE, ANEW], &context()).unwrap();
    assert_eq!(file.number("SELECT count(*) FROM auth_tenant WHERE note = 'kept'"), 1);
    assert_eq!(file.number("SELECT count(*) FROM auth_policy"), 1, "it refers to the tenant");
    let lost = "UPDATE auth_policy SET tenant_uuid = 'nowhere'";
    assert!(conn.execute(lost, []).is_err(), "foreign keys are looked at again");
}

#[test]
fn an_upgrade_that_leaves_a_row_without_its_parent_does_not_happen() {
    const ORPHANS: Migration =
        Migration { version: 2, sql: "DELETE FROM auth_policy; CREATE TABLE wazo_auth_new (a)" };
    let file = File::new();
    file.migrate(&[BASE]).unwrap();
    let mut conn = file.open();
    let error = migrate(&mut conn, &file.path(), &[BASE, ORPHANS], &context()).unwrap_err();
    assert!(matches!(&error, OpenError::Dangling { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("auth_policy_access") && text.contains("auth.db"), "{text}");
    assert_eq!(file.number("SELECT count(*) FROM auth_policy"), 1);
    assert_eq!(file.number("SELECT max(version) FROM wazo_auth_version"), 1);
    assert!(conn.execute("UPDATE auth_policy SET tenant_uuid = 'nowhere'", []).is_err());
}
