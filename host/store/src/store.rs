//! The store: readers, the writer, the index.

use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;
use wazo_auth_context::Context;

use crate::sqlite::{self, database::Database, open};
use crate::{Conn, Error, OpenError, Sealer, TokenIndex, Tx, postgresql};

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

/// The rows and the index of one database.
pub struct Store {
    // Dropped first: whoever fills the index.
    backing: Backing,
    index: Arc<TokenIndex>,
}

/// What a store's rows are in.
pub(crate) enum Backing {
    /// A file.
    Sqlite(sqlite::engine::Engine),
    /// A server.
    Postgresql(Box<postgresql::engine::Engine>),
}

/// An index that answers for one token.
pub enum LookedUp<'a> {
    /// That of all tokens.
    Held(&'a TokenIndex),
    /// One of its own.
    Read(Box<TokenIndex>),
}

/// What a write changes, and so beside which others it may run. SQLite, where all
/// writes are serial, makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Tokens, sessions and refresh tokens: beside others of this kind, but not
    /// beside one of the same user.
    Sessions(Option<Uuid>),
    /// Anything: beside no other write of any daemon. What it has read is still
    /// so when it writes.
    Directory,
}

// === impl LookedUp ===

impl std::ops::Deref for LookedUp<'_> {
    type Target = TokenIndex;

    fn deref(&self) -> &TokenIndex {
        match self {
            Self::Held(index) => index,
            Self::Read(index) => index,
        }
    }
}

impl LookedUp<'_> {
    /// The index of its own, if it is one.
    #[must_use]
    pub fn into_read(self) -> Option<Box<TokenIndex>> {
        match self {
            Self::Held(_) => None,
            Self::Read(index) => Some(index),
        }
    }
}

// === impl Store ===

impl Store {
    pub(crate) fn new(backing: Backing, index: Arc<TokenIndex>) -> Arc<Self> {
        Arc::new(Self { backing, index })
    }

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
        match &self.backing {
            Backing::Sqlite(engine) => engine.read(f),
            Backing::Postgresql(engine) => engine.read(f),
        }
    }

    /// The same for queries that need not agree with each other, as only one does: it
    /// costs a server less.
    ///
    /// # Errors
    /// See [`read`](Self::read).
    pub fn ask<T, E: From<Error>>(
        &self,
        f: impl FnOnce(&mut dyn Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        match &self.backing {
            Backing::Sqlite(engine) => engine.read(f),
            Backing::Postgresql(engine) => engine.ask(f),
        }
    }

    /// Runs `f` in a transaction (on the writer's thread with SQLite, on this one
    /// with PostgreSQL) and returns once it is on the disk and in the index. When it
    /// answers an error or panics, what it wrote is undone and nobody else is
    /// disturbed.
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
        change: Change,
        f: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.backing {
            Backing::Sqlite(engine) => engine.write(f),
            Backing::Postgresql(engine) => engine.write(change, f),
        }
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
        match &self.backing {
            Backing::Sqlite(engine) => engine.version.number(),
            Backing::Postgresql(engine) => engine.version(),
        }
    }

    /// A number that is another one after every write that [`version`](Self::version)
    /// counts, and after every removal or change of a refresh token. A refresh token
    /// that was found since it was this number is still there as it was.
    #[must_use]
    pub fn version_of_refresh_tokens(&self) -> u64 {
        match &self.backing {
            Backing::Sqlite(engine) => engine.version.of_refresh_tokens(),
            Backing::Postgresql(engine) => engine.version_of_refresh_tokens(),
        }
    }

    /// Whether the index agrees with the database: always, where only one daemon
    /// may use that.
    #[must_use]
    pub fn is_current(&self) -> bool {
        match &self.backing {
            Backing::Sqlite(_) => true,
            Backing::Postgresql(engine) => engine.is_current(),
        }
    }

    /// Whether what the index does not hold does not exist.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.backing, Backing::Sqlite(_))
    }

    /// An index of this token alone, if it is valid at `now` (epoch seconds), of
    /// where its user is, and of `tenant` with all above it: as they are committed
    /// now. Waits for the database, and fills [`index`](Self::index).
    ///
    /// # Errors
    /// What the database reports.
    pub fn look_up(
        &self,
        token: &Uuid,
        tenant: Option<&Uuid>,
        now: i64,
    ) -> Result<LookedUp<'_>, Error> {
        match &self.backing {
            Backing::Sqlite(_) => Ok(LookedUp::Held(&self.index)),
            Backing::Postgresql(engine) => {
                engine.look_up(token, tenant, now).map(Box::new).map(LookedUp::Read)
            }
        }
    }

    /// The current tenant of a user, if it exists. May wait for the database.
    ///
    /// # Errors
    /// What the database reports.
    pub fn tenant_of_user(&self, user: &Uuid) -> Result<Option<Uuid>, Error> {
        match &self.backing {
            Backing::Sqlite(_) => Ok(self.index.tenant_of_user(user)),
            Backing::Postgresql(engine) => engine.home(user),
        }
    }

    /// Whether `tenant` is `ancestor` or below it. May wait for the database.
    ///
    /// # Errors
    /// What the database reports.
    pub fn is_below(&self, tenant: &Uuid, ancestor: &Uuid) -> Result<bool, Error> {
        match &self.backing {
            Backing::Sqlite(_) => Ok(self.index.is_in_subtree(tenant, ancestor)),
            Backing::Postgresql(engine) => engine.is_below(tenant, ancestor),
        }
    }

    /// Has [`index`](Self::index) and [`version`](Self::version) be what is
    /// committed now, by other daemons too. May wait a moment.
    pub fn catch_up(&self) {
        match &self.backing {
            Backing::Sqlite(_) => {}
            Backing::Postgresql(engine) => engine.catch_up(),
        }
    }

    /// The index as it was before the database could not be reached any more, for
    /// as long as that may be answered. For those who have just tried in vain.
    #[must_use]
    pub fn remembered(&self) -> Option<&TokenIndex> {
        match &self.backing {
            Backing::Sqlite(_) => None,
            Backing::Postgresql(engine) => engine.remembered(),
        }
    }

    /// Whether the database can be reached, as far as is known without asking it.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        match &self.backing {
            Backing::Sqlite(_) => true,
            Backing::Postgresql(engine) => engine.is_reachable(),
        }
    }

    /// Whether it is for this daemon to do what is done once per database: always,
    /// where only one may use that. Another one takes over when this one ends.
    #[must_use]
    pub fn leads(&self) -> bool {
        match &self.backing {
            Backing::Sqlite(_) => true,
            Backing::Postgresql(engine) => engine.leads(),
        }
    }

    /// Whether several daemons may use it at the same time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.backing, Backing::Postgresql(_))
    }

    /// Says to the other daemons of this database that the run `daemon` of this one
    /// goes on, until it ends: its events are not for them to publish.
    pub fn hold(&self, daemon: Uuid) {
        if let Backing::Postgresql(engine) = &self.backing {
            engine.hearing.hold(daemon);
        }
    }

    /// Finishes the writes that wait and takes no more. Reads go on. Dropping
    /// the store does the same.
    pub fn close(&self) {
        match &self.backing {
            Backing::Sqlite(engine) => engine.writer.close(),
            Backing::Postgresql(engine) => engine.close(),
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}
