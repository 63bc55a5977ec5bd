//! Copies of a database: made beside a running daemon, and put back beside it.
//!
//! Every copy is made page by page from one state of the database, by SQLite's
//! own means, into a file with a name of its own; it is looked at, synced, and
//! only then given the name that was asked for. So a name never stands for half
//! a copy, whenever the program is killed.

mod error;
mod restore;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use wazo_auth_context::Context;

pub use error::CopyError;
pub use restore::{Restored, restore};

use crate::sqlite::connection::{self, Purpose};
use crate::sqlite::lock_file::beside;
use crate::sqlite::{migrate, open, sealed_tokens};
use crate::{Error, SealedTokens, Sealer};

/// Pages copied between two reports of progress: 4 MiB.
const STEP: i32 = 1024;

/// A database and what it takes to copy it.
pub struct Copying<'a> {
    /// The database that `db_uri` names.
    pub database: &'a Path,
    /// The key that reads its tokens, if there is one.
    pub sealer: Option<&'a Sealer>,
    /// Names the files that are made on the way.
    pub context: &'a Context,
    /// Told of pages that were copied, and how many there are.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// A copy that was made.
#[derive(Debug)]
pub struct BackedUp {
    /// Its length.
    pub bytes: u64,
    /// The tokens in it.
    pub sealed: SealedTokens,
}

/// A file that is removed unless it was given its final name.
pub(crate) struct Temporary {
    pub(crate) path: PathBuf,
}

/// Copies the database into `file`, whole and as of one moment, while others
/// write it.
///
/// # Errors
/// A sentence that names the file and the remedy; `file` is then as it was.
pub fn back_up(
    mut copying: Copying<'_>,
    file: &Path,
    overwrite: bool,
) -> Result<BackedUp, CopyError> {
    let Copying { database, sealer, context, .. } = copying;
    refuse_place(database, file, overwrite)?;
    let unusable = |source| CopyError::Database { source };
    let pause = open::look_at_log(database, context);
    let source = connection::open(database, Purpose::Read);
    let source = source.map_err(|error| unusable(migrate::database(database, error)))?;
    migrate::version(&source, database).map_err(unusable)?;
    drop(pause);

    let temporary = Temporary::beside(file, context)?;
    copy(&source, &temporary.path, &mut copying.progress).map_err(|error| failed(file, error))?;
    let sealed = {
        let copy = alone(&temporary.path).map_err(|error| failed(file, error))?;
        check(&copy, database)?;
        sealed_tokens::count(&copy, sealer).map_err(|error| failed(file, error))?
    };
    let bytes = temporary.take_name(file, overwrite)?;
    Ok(BackedUp { bytes, sealed })
}

/// Refuses to write where the copy would do harm.
fn refuse_place(database: &Path, file: &Path, overwrite: bool) -> Result<(), CopyError> {
    let path = || file.to_owned();
    match std::fs::metadata(file) {
        Err(_) => {}
        Ok(there) => {
            let same = std::fs::metadata(database)
                .is_ok_and(|live| (live.dev(), live.ino()) == (there.dev(), there.ino()));
            if same {
                return Err(CopyError::Itself { path: path() });
            } else if !there.is_file() {
                return Err(CopyError::NotAFile { path: path() });
            } else if !overwrite {
                return Err(CopyError::Exists { path: path() });
            }
        }
    }
    // SQLite would read it as the newest changes of the copy.
    match beside(file, "-wal").exists() {
        true => Err(CopyError::HasLog { path: path() }),
        false => Ok(()),
    }
}

/// Copies all pages of one state of `source`, however long it takes and whoever
/// writes meanwhile.
fn copy(
    source: &Connection,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), rusqlite::Error> {
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    copy_pages(source, to, progress)?;
    source.execute_batch("COMMIT")
}

/// Copies all pages, whatever is in them.
fn copy_pages(
    source: &Connection,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), rusqlite::Error> {
    let mut target = Connection::open_with_flags(to, connection::flags())?;
    // Nobody reads it before it is whole.
    target.execute_batch("PRAGMA synchronous = OFF")?;
    target.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
    run(&Backup::new(source, &mut target)?, progress)
}

/// Copies the pages that are left.
fn run(backup: &Backup<'_, '_>, progress: &mut dyn FnMut(u64, u64)) -> Result<(), rusqlite::Error> {
    loop {
        let step = backup.step(STEP)?;
        let now = backup.progress();
        let pages = |count: i32| u64::try_from(count).unwrap_or(0);
        progress(pages(now.pagecount.saturating_sub(now.remaining)), pages(now.pagecount));
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Its time to wait is over.
            _ => return Err(busy()),
        }
    }
}

fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)
}

/// Opens a copy and makes it one file: a copy of a database in use says that it
/// has a write-ahead log.
fn alone(path: &Path) -> Result<Connection, rusqlite::Error> {
    let conn = connection::open(path, Purpose::Write)?;
    conn.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    Ok(conn)
}

/// Looks at every page, index and reference of a copy of `origin`.
fn check(copy: &Connection, origin: &Path) -> Result<(), CopyError> {
    let damaged = |detail| CopyError::Damaged { path: origin.to_owned(), detail };
    let first = |pragma: &str| -> Result<Option<String>, rusqlite::Error> {
        let mut statement = copy.prepare(pragma)?;
        let mut rows = statement.query([])?;
        rows.next()?.map(|row| row.get(0)).transpose()
    };
    let look = |pragma| first(pragma).map_err(|error| damaged(Error::from(error).to_string()));
    match look("PRAGMA integrity_check(1)")? {
        Some(ok) if ok == "ok" => {}
        said => return Err(damaged(said.unwrap_or_default().trim().to_owned())),
    }
    match look("PRAGMA foreign_key_check")? {
        None => Ok(()),
        Some(table) => Err(damaged(format!("rows of {table} refer to rows that are missing"))),
    }
}

fn failed(file: &Path, error: rusqlite::Error) -> CopyError {
    CopyError::Copy { path: file.to_owned(), source: error.into() }
}

// === impl Temporary ===

impl Temporary {
    /// A new empty file that only this account may read.
    fn beside(name: &Path, context: &Context) -> Result<Self, CopyError> {
        let random = u64::from_ne_bytes(context.random());
        let path = beside(name, &format!(".{random:016x}.part"));
        let io = |source| CopyError::File { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(&path).map_err(io)?;
        Ok(Self { path })
    }

    /// The same for the owner of `database`, as a file of the daemon's.
    pub(crate) fn of_daemon(
        name: &Path,
        context: &Context,
        database: &Path,
    ) -> Result<Self, CopyError> {
        let made = Self::beside(name, context)?;
        let given = give_to_owner_of(database, &made.path);
        given.map_err(|source| CopyError::File { path: made.path.clone(), source })?;
        Ok(made)
    }

    /// Syncs the file and gives it its name; gives its length.
    pub(crate) fn take_name(self, name: &Path, overwrite: bool) -> Result<u64, CopyError> {
        let named = File::open(&self.path).and_then(|file| {
            file.sync_all()?;
            if overwrite {
                std::fs::rename(&self.path, name)?;
            } else {
                // Unlike a rename, it never takes the place of another file.
                std::fs::hard_link(&self.path, name)?;
                std::fs::remove_file(&self.path)?;
            }
            open::sync_folder_of(name)?;
            Ok(file.metadata()?.len())
        });
        named.map_err(|source| CopyError::File { path: name.to_owned(), source })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            // It has another name by now, or was never made.
            let _ = std::fs::remove_file(beside(&self.path, suffix));
        }
    }
}

/// Gives `file` to the account that `like` belongs to, or its folder as long as
/// it does not exist: root may run this for a daemon of another account.
fn give_to_owner_of(like: &Path, file: &Path) -> std::io::Result<()> {
    let owner = std::fs::metadata(like).or_else(|_| std::fs::metadata(open::folder_of(like)))?;
    // The folder belongs to that account, which may have put something else there.
    let no_link = nix::fcntl::OFlag::O_NOFOLLOW.bits();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(no_link).open(file)?;
    let mine = file.metadata()?;
    if (owner.uid(), owner.gid()) == (mine.uid(), mine.gid()) || mine.uid() != 0 {
        return Ok(());
    }
    std::os::unix::fs::fchown(&file, Some(owner.uid()), Some(owner.gid()))
}
