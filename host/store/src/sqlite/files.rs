//! Whether the files that are open are still those that their names mean.
//!
//! SQLite goes on writing a file that was deleted, or moved away, and what is
//! written then is gone with the process. A connection opened later would read
//! the file that took its place.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use crate::Error;
use crate::sqlite::lock_file::beside;

/// The database and the two files that SQLite keeps beside it while it is open.
pub(crate) struct OpenFiles {
    files: [OpenFile; 3],
    presence: Arc<Presence>,
}

struct OpenFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

/// Whether the last look found the files where they were.
pub(crate) struct Presence(AtomicBool);

// === impl OpenFiles ===

impl OpenFiles {
    /// The files of the database `path`, which `conn` has open.
    pub fn of(conn: &Connection, path: &Path) -> Result<Self, Error> {
        // SQLite opens the other two for the first query.
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        let open = |suffix| {
            let path = beside(path, suffix);
            match identity(&path) {
                Ok(identity) => Ok(OpenFile { path, identity }),
                Err(error) => Err(Error::Unavailable { detail: error.to_string() }),
            }
        };
        let files = [open("")?, open("-wal")?, open("-shm")?];
        Ok(Self { files, presence: Arc::new(Presence(AtomicBool::new(true))) })
    }

    /// What the looks find, for others.
    pub fn presence(&self) -> Arc<Presence> {
        Arc::clone(&self.presence)
    }

    /// Looks at the files.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while one of them is not where it was.
    pub fn look(&self) -> Result<(), Error> {
        let moved = |file: &&OpenFile| identity(&file.path).ok() != Some(file.identity);
        let moved = self.files.iter().find(moved);
        self.presence.0.store(moved.is_none(), Ordering::Relaxed);
        let Some(OpenFile { path, .. }) = moved else { return Ok(()) };
        let detail = format!(
            "{} was deleted, moved or replaced while in use: put it back, or stop the daemon, run \
             `wazo-auth db restore FILE` and start it again",
            path.display()
        );
        Err(Error::Unavailable { detail })
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

// === impl Presence ===

impl Presence {
    /// What the last look said; the log has the whole sentence.
    pub fn check(&self) -> Result<(), Error> {
        match self.0.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(Error::Unavailable { detail: "its files are not where they were".into() }),
        }
    }
}
