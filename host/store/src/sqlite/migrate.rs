//! Making and upgrading the schema.
//!
//! Each step is applied once, in order, and noted in `wazo_auth_version`. All
//! steps that are missing are applied in one transaction, after a copy of the
//! file: an upgrade happens completely or not at all. Foreign keys are looked at
//! before the commit and not before: a step may make a table anew, and dropping
//! the old one would take along whatever refers to it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use wazo_auth_context::Context;

use crate::sqlite::lock_file::beside;
use crate::version::Version;
use crate::{Error, OpenError, Seals, Tx, seed};

/// One step of the schema. Steps are never changed once released.
pub(crate) struct Migration {
    pub version: i64,
    pub sql: &'static str,
}

pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, sql: include_str!("../../schema/sqlite/0001_original.sql") },
    Migration { version: 2, sql: include_str!("../../schema/sqlite/0002_indexes.sql") },
    Migration { version: 3, sql: include_str!("../../schema/sqlite/0003_events.sql") },
];

const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS wazo_auth_version (
    version integer NOT NULL PRIMARY KEY,
    applied_at text NOT NULL
)";

/// What the original's database makes a random (version 4) UUID with.
const RANDOM_UUID: &str = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) \
    || '-4' || substr(hex(randomblob(2)), 2) \
    || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) \
    || '-' || hex(randomblob(6)))";

/// What had to be done to the schema of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// There was none.
    Created,
    /// It was an older one.
    Upgraded {
        /// The version that was found.
        from: i64,
        /// The version it has now.
        to: i64,
    },
    /// Nothing.
    UpToDate,
}

/// What stands in the file.
enum Found {
    Nothing,
    Version(i64),
}

/// Brings the file to the newest schema of `migrations`.
pub(crate) fn migrate(
    conn: &mut Connection,
    path: &Path,
    migrations: &[Migration],
    context: &Context,
) -> Result<Schema, OpenError> {
    let known = newest(migrations);
    let version = match look(conn, path)? {
        Found::Version(found) if found > known => {
            return Err(OpenError::Newer { path: path.into(), found, known });
        }
        Found::Version(found) if found == known => return Ok(Schema::UpToDate),
        Found::Version(found) => {
            back_up(conn, path, found, context)?;
            found
        }
        Found::Nothing => 0,
    };
    upgrade(conn, path, version, migrations, context)?;
    if version == 0 {
        log::info!(target: "wazo_auth.store", "created the database {}", path.display());
        return Ok(Schema::Created);
    }
    log::info!(
        target: "wazo_auth.store",
        "upgraded the database {} from schema version {version} to {known}", path.display()
    );
    Ok(Schema::Upgraded { from: version, to: known })
}

/// The version that `migrations` lead to.
pub(crate) fn newest(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// Applies what is missing since `version`, without a copy.
pub(crate) fn upgrade(
    conn: &mut Connection,
    path: &Path,
    version: i64,
    migrations: &[Migration],
    context: &Context,
) -> Result<(), OpenError> {
    // Inside a transaction this setting cannot be changed.
    set_foreign_keys(conn, path, false)?;
    let applied = apply(conn, path, version, migrations, context);
    set_foreign_keys(conn, path, true)?;
    applied
}

/// Applies what is missing since `version` (0: everything, and the first rows)
/// in one transaction.
fn apply(
    conn: &mut Connection,
    path: &Path,
    version: i64,
    migrations: &[Migration],
    context: &Context,
) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| database(path, error);
    let tx =
        conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    tx.execute_batch(VERSION_TABLE).map_err(failed)?;
    for migration in migrations.iter().filter(|migration| migration.version > version) {
        tx.execute_batch(&migration.sql.replace("{uuid}", RANDOM_UUID)).map_err(failed)?;
        let note = "INSERT INTO wazo_auth_version VALUES (?1, ?2)";
        tx.execute(note, (migration.version, context.now().to_string())).map_err(failed)?;
    }
    if version == 0 {
        let seals = Seals::default();
        seed::seed(&mut Tx::sqlite(&tx, &seals, &Version::default()), context)
            .map_err(|source| OpenError::Database { path: path.into(), source })?;
    }
    check_foreign_keys(&tx, path)?;
    tx.commit().map_err(failed)
}

fn set_foreign_keys(conn: &Connection, path: &Path, on: bool) -> Result<(), OpenError> {
    conn.pragma_update(None, "foreign_keys", on).map_err(|error| database(path, error))
}

fn check_foreign_keys(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let table = conn.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)).optional();
    match table.map_err(|error| database(path, error))? {
        Some(table) => Err(OpenError::Dangling { path: path.into(), table }),
        None => Ok(()),
    }
}

/// Refuses a schema that is not the newest one.
pub(crate) fn check(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let known = newest(MIGRATIONS);
    match look(conn, path)? {
        Found::Version(found) if found == known => Ok(()),
        Found::Version(found) if found > known => {
            Err(OpenError::Newer { path: path.into(), found, known })
        }
        Found::Version(_) => Err(OpenError::Older { path: path.into() }),
        Found::Nothing => Err(OpenError::Missing { path: path.into() }),
    }
}

/// The schema version of a database that is ours.
pub(crate) fn version(conn: &Connection, path: &Path) -> Result<i64, OpenError> {
    match look(conn, path)? {
        Found::Version(version) => Ok(version),
        Found::Nothing => Err(OpenError::Foreign { path: path.into() }),
    }
}

fn look(conn: &Connection, path: &Path) -> Result<Found, OpenError> {
    let number = |sql: &str| -> Result<i64, OpenError> {
        conn.query_row(sql, [], |row| row.get(0)).map_err(|error| database(path, error))
    };
    if number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(Found::Nothing);
    }
    if number("SELECT count(*) FROM sqlite_schema WHERE name = 'wazo_auth_version'")? == 0 {
        return Err(OpenError::Foreign { path: path.into() });
    }
    number("SELECT coalesce(max(version), 0) FROM wazo_auth_version").map(Found::Version)
}

/// A copy beside the file, which nobody else may read.
fn back_up(
    conn: &Connection,
    path: &Path,
    version: i64,
    context: &Context,
) -> Result<(), OpenError> {
    let time = context.now().strftime("%Y%m%dT%H%M%SZ");
    let backup = beside(path, &format!(".v{version}-{time}.backup"));
    let failed =
        |reason: String| OpenError::Backup { path: path.into(), backup: backup.clone(), reason };
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&backup);
    made.map_err(|error| failed(error.to_string()))?;
    let copied = conn.backup("main", &backup, None);
    copied.map_err(|error| failed(Error::from(error).to_string()))?;
    let synced = std::fs::File::open(&backup).and_then(|file| file.sync_all());
    synced.map_err(|error| failed(error.to_string()))?;
    log::info!(target: "wazo_auth.store", "copied the database to {}", backup.display());
    Ok(())
}

/// An error of SQLite as a sentence about the file.
pub(crate) fn database(path: &Path, error: rusqlite::Error) -> OpenError {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
        return OpenError::NotADatabase { path: path.into() };
    }
    OpenError::Database { path: path.into(), source: error.into() }
}

#[cfg(test)]
mod tests;
