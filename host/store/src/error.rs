//! What can go wrong in the store.

use std::path::PathBuf;

/// A query, a transaction or a commit that failed.
///
/// It can be cloned because one failed commit is reported to every caller whose
/// changes it held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A row with the same key exists. `constraint` is the name that
    /// `contract/database.md` gives the constraint (`auth_user_username_key`).
    #[error("the database already holds a row with this key ({constraint})")]
    Unique {
        /// The name of the violated constraint.
        constraint: String,
    },
    /// A row refers to one that does not exist, or is still referred to.
    #[error("a row refers to another one that is missing, or is still referred to")]
    ForeignKey,
    /// The disk has no room left; nothing was written.
    #[error("the disk of the database is full: free some space")]
    Full,
    /// The database cannot be written.
    #[error("the database is read-only: check its mode, its folder and how its disk is mounted")]
    ReadOnly,
    /// The file is damaged.
    #[error("the database is damaged ({detail}): restore a backup (`wazo-auth db restore FILE`)")]
    Corrupt {
        /// What was noticed.
        detail: String,
    },
    /// Other writes at the same time made this one fail, more than once.
    #[error("too many changes of the same rows at once: try again")]
    Conflict,
    /// Another program keeps the database locked.
    #[error("another program keeps the database locked: try again later")]
    Busy,
    /// The database cannot be reached now (disk error, store closed).
    #[error("the database is not available: {detail}")]
    Unavailable {
        /// Why.
        detail: String,
    },
    /// The database cannot be reached now, and the log has been told so already.
    #[error("the database is not available: {detail}")]
    Away {
        /// Why.
        detail: String,
    },
    /// The server could be reached, but not over TLS as `db_uri` wants it.
    #[error("the database is not available: {detail}")]
    Tls {
        /// Why, and what to do.
        detail: String,
    },
    /// Too many writes wait already.
    #[error("too many writes are waiting for the database: try again later")]
    Overloaded,
    /// A column holds something that its type forbids.
    #[error(
        "the database holds a row that cannot be understood: its column {column} is not {wanted}"
    )]
    Content {
        /// The position of the column in the query, from 0.
        column: usize,
        /// What was expected there.
        wanted: &'static str,
    },
    /// A value is longer than the database can keep, or holds a character that it
    /// cannot.
    #[error("a value does not fit into the database ({state})")]
    Unfit {
        /// The code by which the database says why.
        state: String,
    },
    /// The closure given to the store panicked; its changes were undone.
    #[error("a database operation failed unexpectedly and was undone")]
    Panicked,
    /// Anything else, in the database's own words (never holding a value).
    #[error("the database refused an operation: {0}")]
    Other(String),
}

// === impl Error ===

impl Error {
    /// Whether the database as a whole cannot serve now, and may later: the
    /// request is not at fault, and may be sent again (503).
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Full
            | Self::ReadOnly
            | Self::Corrupt { .. }
            | Self::Conflict
            | Self::Busy
            | Self::Unavailable { .. }
            | Self::Away { .. }
            | Self::Tls { .. }
            | Self::Overloaded => true,
            Self::Unique { .. }
            | Self::ForeignKey
            | Self::Content { .. }
            | Self::Unfit { .. }
            | Self::Panicked
            | Self::Other(_) => false,
        }
    }

    /// How loudly the log is to be told by each whom it concerns: that the database
    /// went away, it has been told once.
    #[must_use]
    pub fn level(&self) -> log::Level {
        match self {
            Self::Away { .. } => log::Level::Debug,
            _ => log::Level::Error,
        }
    }
}

/// Why a database cannot be used at start. Each is a sentence that names the
/// file and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file or its lock file cannot be created or opened.
    #[error("cannot open the database {}: {source}: check that its folder exists and that this account may write the file and its folder", path.display())]
    File {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another daemon runs on the file.
    #[error("the database {} is used by another wazo-auth{}: stop it first (lock file {})", path.display(), by(pid.as_deref()), lock.display())]
    Locked {
        /// The database.
        path: PathBuf,
        /// Its lock file.
        lock: PathBuf,
        /// The number of the other process, when it could be read.
        pid: Option<String>,
    },
    /// The file is not a SQLite database.
    #[error("{} is not a SQLite database: restore a backup (`wazo-auth db restore FILE`), move it away, or let db_uri name another file", path.display())]
    NotADatabase {
        /// The database.
        path: PathBuf,
    },
    /// A SQLite database of another program.
    #[error("{} is a SQLite database, but not one of wazo-auth: let db_uri name another file", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// Made by a newer daemon.
    #[error("the database {} has schema version {found}, this daemon knows versions up to {known}: install a newer wazo-auth, or restore the backup made before the upgrade", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest known version.
        known: i64,
    },
    /// The schema is older, and is not to be upgraded now.
    #[error("the database {} has an older schema: stop the daemon if it runs, then run `wazo-auth-upgrade-db`", path.display())]
    Older {
        /// The database.
        path: PathBuf,
    },
    /// There is no database, and none is to be made.
    #[error("there is no database in {} yet: run `wazo-auth-upgrade-db`, or start the daemon once", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The copy before a migration failed; nothing was migrated.
    #[error("cannot copy the database {} to {} before upgrading its schema: {reason}: free some space or make its folder writable", path.display(), backup.display())]
    Backup {
        /// The database.
        path: PathBuf,
        /// The copy.
        backup: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// Rows of an older schema refer to missing ones; nothing was migrated.
    #[error("cannot upgrade the schema of the database {}: rows of its table {table} refer to rows that are missing: delete them (`PRAGMA foreign_key_check` lists them), or restore a backup", path.display())]
    Dangling {
        /// The database.
        path: PathBuf,
        /// The first table with such rows.
        table: String,
    },
    /// Write-ahead logging is refused by the file system.
    #[error("the database {} cannot use a write-ahead log: put it on a local disk", path.display())]
    NoWal {
        /// The database.
        path: PathBuf,
    },
    /// `db_uri` names no PostgreSQL database.
    #[error(
        "`db_uri` cannot be used: {reason}: postgresql://user:password@host/database is expected"
    )]
    Uri {
        /// What is wrong with it; not the URI itself.
        reason: String,
    },
    /// The file that `sslrootcert` names is of no use.
    #[error(
        "`db_uri`: cannot use the file {} of sslrootcert: {reason}: it is to hold, as PEM, the certificate of the authority that has signed the server's", path.display()
    )]
    RootCertificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A PostgreSQL database cannot be used now.
    #[error("cannot use the database {name}: {source}")]
    Server {
        /// The database and its server.
        name: String,
        /// What went wrong.
        source: Error,
    },
    /// The extension that makes UUIDs is missing, and may not be made.
    #[error(
        "cannot make the extension uuid-ossp in the database {name}: {source}: run `wazo-auth-init-db`, or as a superuser: CREATE EXTENSION \"uuid-ossp\""
    )]
    Extension {
        /// The database and its server.
        name: String,
        /// What went wrong.
        source: Error,
    },
    /// There are no tables yet, and none are to be made.
    #[error(
        "the database {name} is not prepared for this wazo-auth: run `wazo-auth-upgrade-db`, or let `db_upgrade_on_startup` be true"
    )]
    NotPrepared {
        /// The database and its server.
        name: String,
    },
    /// Tables of the original without its revision.
    #[error(
        "the database {name} holds tables of wazo-auth, but not their revision (alembic_version_auth): it is older than what can be used: upgrade it with the original's wazo-auth-upgrade-db first"
    )]
    NoRevision {
        /// The database and its server.
        name: String,
    },
    /// Tables of another release of the original.
    #[error(
        "the database {name} is at revision {revision} of the original, only {known} can be used: upgrade it with the original's wazo-auth-upgrade-db to a release from 25.09 on"
    )]
    Revision {
        /// The database and its server.
        name: String,
        /// Its revision.
        revision: String,
        /// The one that can be used.
        known: &'static str,
    },
    /// What is ours was made by a newer daemon.
    #[error(
        "the database {name} was used by a newer wazo-auth (version {found} of our tables, this one knows versions up to {known}): install a newer wazo-auth"
    )]
    NewerServer {
        /// The database and its server.
        name: String,
        /// Its version.
        found: i64,
        /// The newest known version.
        known: i64,
    },
    /// Daemons run that must not.
    #[error(
        "the database {name} is used by wazo-auth (on {by}): stop every daemon that uses it first"
    )]
    InUse {
        /// The database and its server.
        name: String,
        /// Where they run.
        by: String,
    },
    /// Sealed tokens that are to be clear, but cannot be read.
    #[error(
        "the token key file cannot read {tokens} tokens of the database {name}: let token_key_file name the one that they were sealed with, or run `wazo-auth db forget-tokens` to log out whom they belong to"
    )]
    Unreadable {
        /// The database and its server.
        name: String,
        /// How many.
        tokens: u64,
    },
    /// No thread could be started.
    #[error("cannot serve the database {name}: {source}")]
    Thread {
        /// The database and its server.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Anything else, see [`Error`].
    #[error("cannot use the database {}: {source}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What went wrong.
        source: Error,
    },
}

fn by(pid: Option<&str>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
