//! From a path to a file that is ours, has the newest schema and a lock.

use std::fs::{File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use wazo_auth_context::Context;

use crate::sqlite::connection::{self, Purpose};
use crate::sqlite::lock_file::{LockFile, Pause, beside};
use crate::sqlite::migrate::{self, MIGRATIONS, Schema, database};
use crate::sqlite::wal;
use crate::{Error, OpenError};

/// How long a read waits for a connection. There is one for each thread that
/// reads, so none waits unless a caller nests reads.
const CHECKOUT: Duration = Duration::from_secs(10);
/// How long a command waits for the writes of a daemon, which leave little room
/// between them when there are many; and for the schema that somebody makes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long somebody else may take without a word of ours, and how long from one
/// attempt to the next.
const IN_SILENCE: Duration = Duration::from_secs(2);
const INTERVAL: Duration = Duration::from_millis(20);
/// What a WAL may keep on disk after a checkpoint.
const WAL_LIMIT_BYTES: u32 = 64 << 20;

/// The writer's connection, with the schema made or upgraded.
pub(crate) fn writer(path: &Path, context: &Context) -> Result<(Connection, LockFile), OpenError> {
    let (conn, lock, _) = upgraded(path, context)?;
    Ok((conn, lock))
}

/// The same, with what had to be done.
pub(crate) fn upgraded(
    path: &Path,
    context: &Context,
) -> Result<(Connection, LockFile, Schema), OpenError> {
    let lock = LockFile::take(path)?;
    create(path)?;
    wal::warn_of_damage(path, context);
    let mut conn = connect(path)?;
    let schema = migrate::migrate(&mut conn, path, MIGRATIONS, context)?;
    use_wal(&conn, path)?;
    close_to_others(path)?;
    Ok((conn, lock, schema))
}

/// Makes or upgrades the schema, unless whoever has the lock did so.
pub(crate) fn upgraded_by_anybody(path: &Path, context: &Context) -> Result<Schema, OpenError> {
    let mut wait = Wait::begin();
    loop {
        match upgraded(path, context) {
            Err(OpenError::Locked { .. }) => {}
            done => return done.map(|(_, _, schema)| schema),
        }
        match try_beside(path) {
            // Who had the lock may have gone without it.
            Err(error) if may_pass(&error) && wait.goes_on(path) => {}
            done => return done.map(|_| Schema::UpToDate),
        }
    }
}

/// A connection that writes beside a daemon, if one runs. Nothing is made: the
/// file must be there and up to date, or be made so by whoever has the lock.
pub(crate) fn writer_beside(path: &Path, context: &Context) -> Result<Connection, OpenError> {
    let mut wait = Wait::begin();
    loop {
        let pause = look_at_log(path, context);
        match try_beside(path) {
            Err(error) if pause.is_none() && may_pass(&error) && wait.goes_on(path) => {}
            done => return done,
        }
    }
}

/// Warns of a damaged log, which the first connection to read is going to recover in
/// part only, unless a daemon has it open. What is returned is to be kept until
/// then; nothing when a daemon runs.
pub(crate) fn look_at_log(path: &Path, context: &Context) -> Option<Pause> {
    let pause = Pause::begin(path);
    if pause.is_some() {
        wal::warn_of_damage(path, context);
    }
    pause
}

/// A connection to what is there now.
fn try_beside(path: &Path) -> Result<Connection, OpenError> {
    match std::fs::exists(path) {
        Ok(true) => {}
        Ok(false) => return Err(OpenError::Missing { path: path.into() }),
        Err(source) => return Err(OpenError::File { path: path.into(), source }),
    }
    let conn = connect(path)?;
    migrate::check(&conn, path)?;
    use_wal(&conn, path)?;
    conn.busy_timeout(PATIENCE).map_err(|error| database(path, error))?;
    Ok(conn)
}

/// Whether it may be otherwise once the schema has been made.
fn may_pass(error: &OpenError) -> bool {
    matches!(
        error,
        OpenError::Missing { .. }
            | OpenError::Older { .. }
            | OpenError::Database { source: Error::Busy, .. }
    )
}

/// The time that a command has for a schema that somebody else makes.
struct Wait {
    began: Instant,
    said: bool,
}

/// The connections of the readers, opened when first needed: the first one now,
/// so that a file that cannot be read is noticed.
pub(crate) fn readers(
    path: &Path,
    readers: u32,
) -> Result<Pool<SqliteConnectionManager>, OpenError> {
    let manager = SqliteConnectionManager::file(path)
        .with_flags(connection::flags())
        .with_init(|conn| connection::prepare(conn, Purpose::Read));
    let pool = Pool::builder()
        .max_size(readers.max(1))
        .min_idle(Some(1))
        .test_on_check_out(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connection_timeout(CHECKOUT)
        .build(manager);
    pool.map_err(|error| OpenError::Database {
        path: path.into(),
        source: Error::Unavailable { detail: error.to_string() },
    })
}

fn create(path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::File { path: path.into(), source };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() == 0 {
        // SQLite syncs the folder for the files that it makes itself.
        sync_folder_of(path).map_err(failed)?;
    }
    Ok(())
}

/// Takes the file from others, once it is known to be ours. SQLite gives `-wal`
/// and `-shm` the mode that the file had when they were made.
fn close_to_others(path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::File { path: path.into(), source };
    for suffix in ["", "-wal", "-shm"] {
        let path = beside(path, suffix);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                log::warn!(
                    target: "wazo_auth.store",
                    "{} could be read by other accounts: its mode is now 600", path.display()
                );
                std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

/// The folder that the file `path` is in.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Brings the name of a new file to the disk.
///
/// # Errors
/// What the system reports.
pub fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn connect(path: &Path) -> Result<Connection, OpenError> {
    let conn = connection::open(path, Purpose::Write).map_err(|error| database(path, error))?;
    // SQLite opens what it may not write for reading, without a word.
    if conn.is_readonly("main").map_err(|error| database(path, error))? {
        return Err(OpenError::Database { path: path.into(), source: Error::ReadOnly });
    }
    Ok(conn)
}

fn use_wal(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| database(path, error);
    let began = Instant::now();
    let mode = loop {
        let mode = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode.map_err(failed) {
            // SQLite does not wait for another that does the same.
            Err(OpenError::Database { source: Error::Busy, .. })
                if began.elapsed() < IN_SILENCE =>
            {
                thread::park_timeout(INTERVAL);
            }
            mode => break mode?,
        }
    };
    if mode != "wal" {
        return Err(OpenError::NoWal { path: path.into() });
    }
    let limit = format!("PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}");
    conn.query_row(&limit, [], |_| Ok(())).map_err(failed)
}

// === impl Wait ===

impl Wait {
    fn begin() -> Self {
        Self { began: Instant::now(), said: false }
    }

    /// Lets a moment pass; false when the time is up.
    fn goes_on(&mut self, path: &Path) -> bool {
        let waited = self.began.elapsed();
        if waited > IN_SILENCE && !self.said {
            self.said = true;
            log::warn!(
                target: "wazo_auth.store",
                "waiting up to {} s until another wazo-auth, which holds the database {}, has made \
                 its schema", PATIENCE.as_secs(), path.display()
            );
        }
        thread::park_timeout(INTERVAL);
        waited < PATIENCE
    }
}
