//! Reads and writes of a store that is a SQLite file.

use std::fs::File;
use std::sync::Arc;

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;

use crate::sqlite::connection::{Reader, Snapshot};
use crate::sqlite::files::Presence;
use crate::sqlite::lock_file::LockFile;
use crate::sqlite::writer::Writer;
use crate::version::Version;
use crate::{Conn, Error, Seals, Tx};

/// A writer's thread and connections for readers.
pub(crate) struct Engine {
    // Dropped in this order: the writer finishes, the lock is given back last.
    pub writer: Writer,
    pub readers: Pool<SqliteConnectionManager>,
    pub version: Arc<Version>,
    pub seals: Seals,
    /// Whether the file is still where a new connection would look for it.
    pub presence: Arc<Presence>,
    /// See [`Checkpoints::start`](crate::sqlite::checkpoint::Checkpoints::start).
    pub _file: Option<Arc<File>>,
    pub _lock: Option<LockFile>,
}

// === impl Engine ===

impl Engine {
    /// See [`Store::read`](crate::Store::read).
    pub fn read<T, E: From<Error>>(
        &self,
        f: impl FnOnce(&mut dyn Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        self.presence.check()?;
        let conn = self.readers.get().map_err(|_| Error::Unavailable {
            detail: "no connection became free in time".into(),
        })?;
        let _snapshot = Snapshot::begin(&conn)?;
        f(&mut Reader { conn: &conn, seals: &self.seals })
    }

    /// See [`Store::write`](crate::Store::write).
    pub fn write<T, E>(
        &self,
        f: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.write(f)
    }
}
