//! A SQLite file on its way to a [`Store`].

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::TransactionBehavior;
use wazo_auth_context::Context;

use crate::sealing::{self, Form, Rewritten};
use crate::sqlite::checkpoint::Checkpoints;
use crate::sqlite::engine::Engine;
use crate::sqlite::files::OpenFiles;
use crate::sqlite::lock_file::LockFile;
use crate::sqlite::migrate::Schema;
use crate::sqlite::sealed_tokens;
use crate::sqlite::writer::{Worker, Writer};
use crate::sqlite::{migrate, open};
use crate::store::Backing;
use crate::version::Version;
use crate::{OpenError, Sealer, Seals, Store, TokenIndex, Tx};

/// Writes that may wait before a new one is refused.
const QUEUE: usize = 4096;

/// A database that is open, ours alone and of the newest schema. Its tokens are
/// not read yet: which key they need can be looked at.
pub struct Database {
    pub(crate) path: PathBuf,
    pub(crate) conn: rusqlite::Connection,
    /// None beside a daemon.
    pub(crate) lock: Option<LockFile>,
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

    /// Seals all tokens and refresh tokens of the file that are clear, in one
    /// transaction. A daemon may run: it finds a token in either form, and its writes
    /// wait.
    ///
    /// # Errors
    /// A sentence that names the file and the remedy; nothing was changed.
    pub fn seal_beside(
        path: &Path,
        sealer: &Sealer,
        context: &Context,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Rewritten, OpenError> {
        let mut conn = open::writer_beside(path, context)?;
        let failed = |error| migrate::database(path, error);
        let began = conn.transaction_with_behavior(TransactionBehavior::Immediate);
        let rows = began.map_err(failed)?;
        // Who refers to a refresh token follows after it.
        rows.execute_batch("PRAGMA defer_foreign_keys = ON").map_err(failed)?;
        let (seals, version) = (Seals::default(), Version::default());
        let mut tx = Tx::sqlite(&rows, &seals, &version);
        let rewritten = sealing::rewrite(&mut tx, Some(sealer), Form::Sealed, progress)
            .map_err(|source| OpenError::Database { path: path.into(), source })?;
        rows.commit().map_err(failed)?;
        Ok(rewritten)
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
        let engine = Engine { writer, readers, version, presence, seals, _file: file, _lock: lock };
        Ok(Store::new(Backing::Sqlite(engine), index))
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
