//! The store: readers, the writer, the index.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use wazo_auth_context::Context;

use crate::sqlite::checkpoint::Checkpoints;
use crate::sqlite::connection::{Reader, Snapshot};
use crate::sqlite::files::{OpenFiles, Presence};
use crate::sqlite::lock_file::LockFile;
use crate::sqlite::migrate::Schema;
use crate::sqlite::sealed_tokens;
use crate::sqlite::writer::{Worker, Writer};
use crate::sqlite::{migrate, open};
use crate::version::Version;
use crate::{Conn, Error, Lock, OpenError, Sealer, Seals, TokenIndex, Tx};

/// Writes that may wait before a new one is refused.
const QUEUE: usize = 4096;

/// Where the rows are and how they are read.
#[derive(Debug)]
pub struct Options {
    /// The SQLite file. Its folder must exist; the file is made when missing.
    pub path: PathBuf,
    /// How many reads may run at once: one connection each.
    pub readers: u32,
    /// Seals the values of tokens. One for reading, or none, leaves those that
    /// are written clear (`seal_tokens: false`); none cannot read sealed ones.
    pub sealer: Option<Sealer>,
}

/// A database that is open, ours alone and of the newest schema. Its tokens are
/// not read yet: which key they need can be looked at.
pub struct Database {
    path: PathBuf,
    conn: rusqlite::Connection,
    /// None beside a daemon.
    lock: Option<LockFile>,
}

/// The rows and the index of one database.
pub struct Store {
    // Dropped in this order: the writer finishes, the lock is given back last.
    writer: Writer,
    readers: Pool<SqliteConnectionManager>,
    index: Arc<TokenIndex>,
    version: Arc<Version>,
    seals: Seals,
    /// Whether the file is still where a new connection would look for it.
    presence: Arc<Presence>,
    /// See [`Checkpoints::start`].
    _file: Option<Arc<File>>,
    _lock: Option<LockFile>,
}

// === impl Database ===

impl Database {
    /// Opens the database for the daemon: takes its lock, makes or upgrades the
    /// schema (after a copy of the file).
    ///
    /// # Errors
    /// A sentence that names the file and the remedy.
    pub fn open(path: PathBuf, context: &Context) -> Result<Self, OpenError> {
        let (conn, lock) = open::writer(&path, context)?;
        Ok(Self { path, conn, lock: Some(lock) })
    }

    /// Makes or upgrades the schema (after a copy of the file) and leaves it at
    /// that. Beside a daemon, or another that does this, there must be nothing to
    /// do within a minute.
    ///
    /// # Errors
    /// A sentence that names the file and the remedy.
    pub fn upgrade(path: &Path, context: &Context) -> Result<Schema, OpenError> {
        open::upgraded_by_anybody(path, context)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many tokens are sealed under another key, when `sealer` can read none;
    /// zero as soon as it can read one.
    ///
    /// # Errors
    /// A sentence that names the file and the remedy.
    pub fn tokens_of_another_key(&self, sealer: Option<&Sealer>) -> Result<u64, OpenError> {
        sealed_tokens::of_another_key(&self.conn, sealer).map_err(|error| self.failed(error))
    }

    /// Deletes every token and refresh token, with its session, that `sealer`
    /// cannot read. Gives how many.
    ///
    /// # Errors
    /// A sentence that names the file and the remedy.
    pub fn forget_unreadable(&mut self, sealer: Option<&Sealer>) -> Result<u64, OpenError> {
        let forgotten = sealed_tokens::forget_unreadable(&mut self.conn, sealer);
        forgotten.map_err(|error| self.failed(error))
    }

    /// Reads every live token into the index and begins to serve `readers`
    /// threads.
    ///
    /// # Errors
    /// A sentence that names the file and the remedy.
    pub fn start(
        self,
        readers: u32,
        sealer: Option<Sealer>,
        context: Context,
    ) -> Result<Arc<Store>, OpenError> {
        let Self { path, conn, lock } = self;
        let seals = Seals::new(sealer);
        let index = Arc::new(TokenIndex::default());
        let failed = |source| OpenError::Database { path: path.clone(), source };
        let files = OpenFiles::of(&conn, &path).map_err(failed)?;
        let files = Arc::new(files);
        let presence = files.presence();
        let (checkpoints, file) = match &lock {
            Some(_) => checkpoints_beside(&path, &files)?,
            // A command beside the daemon writes little.
            None => (Checkpoints::by_writer(&conn).map_err(failed)?, None),
        };
        let version = Arc::new(Version::default());
        let shared = lock.as_ref().map(|_| Arc::clone(&index));
        let (counted, seals_) = (Arc::clone(&version), seals.clone());
        let worker = Worker::new(conn, checkpoints, files, seals_, shared, counted, context);
        let worker = worker.map_err(failed)?;
        let readers = open::readers(&path, readers)?;
        let writer = Writer::spawn(worker, QUEUE);
        let writer = writer.map_err(|source| OpenError::File { path: path.clone(), source })?;
        if lock.is_some() {
            log::info!(
                target: "wazo_auth.store",
                "opened the database {} with {} live tokens", path.display(), index.len()
            );
        }
        Ok(Arc::new(Store {
            writer,
            readers,
            index,
            version,
            seals,
            presence,
            _file: file,
            _lock: lock,
        }))
    }

    fn failed(&self, error: rusqlite::Error) -> OpenError {
        migrate::database(&self.path, error)
    }
}

/// A thread that empties the log of the database, and the file that it syncs.
fn checkpoints_beside(
    path: &Path,
    files: &Arc<OpenFiles>,
) -> Result<(Checkpoints, Option<Arc<File>>), OpenError> {
    let file = File::open(path).map_err(|source| OpenError::File { path: path.into(), source })?;
    let file = Arc::new(file);
    let started = Checkpoints::start(path, Arc::clone(files), Arc::clone(&file));
    let started = started.map_err(|source| OpenError::Database { path: path.into(), source })?;
    Ok((started, Some(file)))
}

// === impl Store ===

impl Store {
    /// Opens the database for the daemon: takes its lock, makes or upgrades the
    /// schema (after a copy of the file), and reads every live token into the
    /// index before it returns.
    ///
    /// # Errors
    /// A sentence that names the file and the remedy.
    pub fn open(options: Options, context: Context) -> Result<Arc<Self>, OpenError> {
        let Options { path, readers, sealer } = options;
        Database::open(path, &context)?.start(readers, sealer, context)
    }

    /// Opens the database for a command, whether a daemon runs or not: without
    /// lock, key and tokens (its index stays empty). The schema must be up to
    /// date, within a minute where one is just making it. The daemon notices what
    /// is written.
    ///
    /// # Errors
    /// A sentence that names the file and the remedy.
    pub fn open_beside(
        path: PathBuf,
        readers: u32,
        context: Context,
    ) -> Result<Arc<Self>, OpenError> {
        let conn = open::writer_beside(&path, &context)?;
        Database { path, conn, lock: None }.start(readers, None, context)
    }

    /// Runs `f` on a connection that reads, on the calling thread. All its
    /// queries see what is committed when the first one starts: a policy never
    /// comes with the accesses of its next version.
    ///
    /// # Errors
    /// Those of `f`, and [`Error::Unavailable`] when no connection is free or
    /// the file is not there any more.
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

    /// Runs `f` in a transaction on the writer's thread and returns once it is
    /// on the disk and in the index. When it answers an error or panics, what
    /// it wrote is undone and nobody else is disturbed.
    ///
    /// `f` must do nothing but reads and writes on its [`Tx`]: everybody's
    /// writes wait for it. It may be run more than once (when another write
    /// spoilt the commit that they shared); it must not write through the store
    /// again.
    ///
    /// # Errors
    /// Those of `f`; [`Error::Overloaded`] when too many writes wait; what made
    /// the commit fail, and then nothing was written.
    pub fn write<T, E>(
        &self,
        _locks: &[Lock],
        f: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.write(f)
    }

    /// Every live token.
    #[must_use]
    pub fn index(&self) -> &TokenIndex {
        &self.index
    }

    /// A number that is another one after every write that changed something
    /// else than tokens, sessions and refresh tokens, be it by another program.
    /// What was read since it was this number still holds.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.number()
    }

    /// A number that is another one after every write that [`version`](Self::version)
    /// counts, and after every removal or change of a refresh token. A refresh token
    /// that was found since it was this number is still there as it was.
    #[must_use]
    pub fn version_of_refresh_tokens(&self) -> u64 {
        self.version.of_refresh_tokens()
    }

    /// Finishes the writes that wait and takes no more. Reads go on. Dropping
    /// the store does the same.
    pub fn close(&self) {
        self.writer.close();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}
