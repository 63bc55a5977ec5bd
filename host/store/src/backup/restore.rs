//! Putting a copy back in the place of the database.
//!
//! ```text
//!   FILE ──▶ a copy beside the database ──▶ brought up to date, looked at
//!                                               │
//!   database ──▶ write lock ──▶ former copy     ▼
//!             one transaction: every page of the checked copy ──▶ commit
//! ```
//!
//! A daemon that runs sees the former content until the commit and the new one
//! after it; the commit tells it to read its tokens again. Where the database is
//! missing or cannot even be opened, files change places instead, and no daemon
//! may run.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use wazo_auth_context::Context;

use super::{
    CopyError, Copying, Temporary, alone, busy, check, copy, copy_pages, failed, give_to_owner_of,
    run,
};
use crate::sqlite::connection::{self, Purpose};
use crate::sqlite::lock_file::{LockFile, beside};
use crate::sqlite::migrate::{self, MIGRATIONS};
use crate::sqlite::{open, sealed_tokens};
use crate::{Error, OpenError, SealedTokens};

/// A copy that was put back.
#[derive(Debug)]
pub struct Restored {
    /// Where the former content is now; nothing when there was none.
    pub former: Option<PathBuf>,
    /// The schema version of the file, when it was an older one.
    pub upgraded_from: Option<i64>,
    /// The tokens that were in the file. Those that cannot be read were left out.
    pub sealed: SealedTokens,
}

/// Replaces the content of the database by that of `file`. With `force`, tokens
/// that the key cannot read are left out instead of refused.
///
/// # Errors
/// A sentence that names the file and the remedy; the database is then as it
/// was.
pub fn restore(mut copying: Copying<'_>, file: &Path, force: bool) -> Result<Restored, CopyError> {
    let (checked, upgraded_from, sealed) = checked_copy(&mut copying, file, force)?;
    let database = copying.database;
    let time = copying.context.now().strftime("%Y%m%dT%H%M%S%.3fZ");
    let former = beside(database, &format!(".{time}.before-restore"));
    let former = match live(database, copying.context)? {
        Live::Usable(mut live) => {
            replace_content(&mut copying, &mut live, &checked, &former)?;
            Some(former)
        }
        Live::Unusable | Live::Missing => {
            let _lock = lock(database)?;
            replace_files(database, checked, &former)?.then_some(former)
        }
    };
    Ok(Restored { former, upgraded_from, sealed })
}

/// A copy of `file` beside the database, of the newest schema and whole.
fn checked_copy(
    copying: &mut Copying<'_>,
    file: &Path,
    force: bool,
) -> Result<(Temporary, Option<i64>, SealedTokens), CopyError> {
    let path = || file.to_owned();
    let unreadable = |source| CopyError::File { path: path(), source };
    if !std::fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(CopyError::NotAFile { path: path() });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(file, flags).map_err(|error| of_file(file, error))?;
    let found = match migrate::version(&source, file) {
        Ok(version) => version,
        Err(OpenError::Database { source: Error::Corrupt { detail }, .. }) => {
            return Err(CopyError::Damaged { path: path(), detail });
        }
        Err(OpenError::Database { source, .. }) => {
            return Err(CopyError::Copy { path: path(), source });
        }
        Err(_) => return Err(CopyError::NotOurs { path: path() }),
    };
    let known = migrate::newest(MIGRATIONS);
    if found > known {
        return Err(CopyError::Newer { path: path(), found, known });
    }
    let temporary = Temporary::of_daemon(copying.database, copying.context, copying.database)?;
    copy(&source, &temporary.path, &mut copying.progress).map_err(|error| of_file(file, error))?;
    let mut copy = alone(&temporary.path).map_err(|error| of_file(file, error))?;
    check(&copy, file)?;
    if found < known {
        migrate::upgrade(&mut copy, &temporary.path, found, MIGRATIONS, copying.context)
            .map_err(|source| CopyError::Database { source })?;
    }
    // What the bus had not heard of then, it was told since.
    copy.execute("DELETE FROM wazo_auth_event", []).map_err(|error| of_file(file, error))?;
    let sealed =
        sealed_tokens::count(&copy, copying.sealer).map_err(|error| of_file(file, error))?;
    if sealed.unreadable > 0 {
        if !force {
            return Err(CopyError::Key { path: path(), sealed });
        }
        sealed_tokens::forget_unreadable(&mut copy, copying.sealer)
            .map_err(|error| of_file(file, error))?;
    }
    Ok((temporary, (found < known).then_some(found), sealed))
}

fn of_file(file: &Path, error: rusqlite::Error) -> CopyError {
    match Error::from(error) {
        Error::Corrupt { detail } => CopyError::Damaged { path: file.to_owned(), detail },
        source => CopyError::Copy { path: file.to_owned(), source },
    }
}

/// What stands where the copy is to go.
enum Live {
    Usable(Connection),
    Unusable,
    Missing,
}

/// Opens the database as far as it can be opened: damage further in does not
/// matter, every page is replaced.
fn live(database: &Path, context: &Context) -> Result<Live, CopyError> {
    if !std::fs::exists(database).map_err(|error| io(database, error))? {
        return Ok(Live::Missing);
    }
    let _pause = open::look_at_log(database, context);
    let opened = plain(database).map_err(Error::from).and_then(|conn| {
        let wal = conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()));
        wal.or_else(|error| has_log(database, error.into()))?;
        Ok(conn)
    });
    match opened {
        Ok(conn) => Ok(Live::Usable(conn)),
        Err(Error::Corrupt { .. }) => Ok(Live::Unusable),
        Err(source) => {
            let source = OpenError::Database { path: database.to_owned(), source };
            Err(CopyError::Database { source })
        }
    }
}

/// A connection that has looked at nothing yet: the schema may be damaged.
fn plain(database: &Path) -> Result<Connection, rusqlite::Error> {
    let conn = Connection::open_with_flags(database, connection::flags())?;
    conn.busy_timeout(open::PATIENCE)?;
    Ok(conn)
}

/// A database that is damaged behind a good header can still be written by
/// pages if it has a log already, as that of a running daemon has; else `error`.
fn has_log(database: &Path, error: Error) -> Result<(), Error> {
    let mut header = [0; 20];
    let read = std::fs::File::open(database).and_then(|mut file| file.read_exact(&mut header));
    let log = matches!(header, [b'S', b'Q', b'L', b'i', b't', b'e', b' ', .., 2, 2]);
    match error {
        Error::Corrupt { .. } if read.is_ok() && log => Ok(()),
        error => Err(error),
    }
}

/// Keeps a copy of what is in the database, then puts every page of `checked`
/// in its place, in one transaction.
fn replace_content(
    copying: &mut Copying<'_>,
    live: &mut Connection,
    checked: &Temporary,
    former: &Path,
) -> Result<(), CopyError> {
    let database = copying.database;
    let broken = |error| failed(database, error);
    let page_size = |conn: &Connection| -> Result<i64, rusqlite::Error> {
        conn.query_row("PRAGMA page_size", [], |row| row.get(0))
    };
    let reader = plain(database).map_err(broken)?;
    let source = connection::open(&checked.path, Purpose::Write).map_err(broken)?;
    if let Ok(wanted) = page_size(live)
        && page_size(&source).map_err(broken)? != wanted
    {
        // Somebody changed it; pages of another size cannot be put into a log.
        let sql = format!("PRAGMA page_size = {wanted}; VACUUM");
        source.execute_batch(&sql).map_err(broken)?;
    }
    let backup = Backup::new(&source, live).map_err(broken)?;
    // No page yet, but the write lock: the copy misses nothing.
    if !matches!(backup.step(0).map_err(broken)?, StepResult::More) {
        return Err(broken(busy()));
    }
    let kept = Temporary::of_daemon(former, copying.context, database)?;
    copy_pages(&reader, &kept.path, &mut copying.progress)
        .map_err(|error| failed(former, error))?;
    kept.take_name(former, false)?;
    run(&backup, &mut copying.progress).map_err(broken)?;
    drop(backup);
    // The log has grown by the whole database; whoever reads it may say no.
    let _ = live.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    Ok(())
}

/// Puts the file `checked` in the place of one that is no database, or of none.
/// Gives whether there was something to keep.
fn replace_files(database: &Path, checked: Temporary, former: &Path) -> Result<bool, CopyError> {
    let mut kept = false;
    for suffix in ["", "-wal"] {
        let (from, to) = (beside(database, suffix), beside(former, suffix));
        if from.exists() {
            kept = true;
            keep(&from, &to).map_err(|error| io(&to, error))?;
        }
    }
    open::sync_folder_of(former).map_err(|error| io(former, error))?;
    // They belong to the old file; SQLite would write them into the new one.
    for suffix in ["-wal", "-shm"] {
        let path = beside(database, suffix);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io(&path, error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    checked.take_name(database, true)?;
    Ok(kept)
}

/// A copy for this account alone, whatever the mode of the file.
fn keep(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    std::io::copy(&mut std::fs::File::open(from)?, &mut copy)?;
    copy.sync_all()
}

/// The daemon's lock: it must not run.
fn lock(database: &Path) -> Result<LockFile, CopyError> {
    let lock = LockFile::take(database).map_err(|source| CopyError::Database { source })?;
    let path = beside(database, ".lock");
    give_to_owner_of(database, &path).map_err(|error| io(&path, error))?;
    Ok(lock)
}

fn io(path: &Path, source: std::io::Error) -> CopyError {
    CopyError::File { path: path.to_owned(), source }
}
