//! Everything of one database copied into another of the other kind.
//!
//! ```text
//!   FROM: one snapshot ──▶ rows, parents first ──▶ TO: one transaction ──▶ commit
//!               │                                        │
//!               └──── sums of what was read ── equal? ───┘ sums of what is there now
//! ```
//!
//! A SQLite file that is not there is made under another name first: no failure
//! leaves anything in its place.

mod rows;
mod sum;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use wazo_auth_context::Context;

use crate::backup::{CopyError, Temporary};
use crate::postgresql::database::Server;
use crate::postgresql::engine::DATABASE_LOCK;
use crate::postgresql::{presence, schema};
use crate::sqlite::connection::{self, Purpose, Reader, Snapshot};
use crate::sqlite::lock_file::is_in_use;
use crate::sqlite::migrate::{self, MIGRATIONS};
use crate::sqlite::open;
use crate::version::Version;
use crate::{Conn, Error, OpenError, Seals, Tx};
use rows::Rows;
use tables::TABLES;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing was copied: a sentence. The target is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// Both are of one kind.
    #[error("{advice}: this command copies between SQLite and PostgreSQL")]
    SameKind {
        /// What copies within that kind.
        advice: &'static str,
    },
    /// One of the databases cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file cannot be made.
    #[error(transparent)]
    File(#[from] CopyError),
    /// There are rows already.
    #[error(
        "the database {name} is in use already (its table {table} holds more than a new database does): copy into a new one"
    )]
    NotEmpty {
        /// The target.
        name: String,
        /// A table with rows.
        table: &'static str,
    },
    /// A value that its column should not hold.
    #[error(
        "nothing was copied: {table}.{column} of the source holds a value that is not {wanted}: correct that row"
    )]
    Content {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What was expected there.
        wanted: &'static str,
    },
    /// A table cannot be read or written.
    #[error("nothing was copied: {table}: {source}")]
    Table {
        /// The table.
        table: &'static str,
        /// What went wrong.
        source: Error,
    },
    /// What was copied is not what was read.
    #[error(
        "nothing was copied: the rows of {table} do not come out as they went in: rows that the tables of PostgreSQL would not take (a tenant that is its own ancestor), or a fault of this program"
    )]
    Differs {
        /// The table.
        table: &'static str,
    },
}

/// A database to copy from or to.
#[derive(Debug)]
pub enum Place {
    /// A SQLite file.
    File(PathBuf),
    /// The URI of a PostgreSQL database.
    Server(String),
}

/// Tables, each with a number of rows.
pub type Counts = Vec<(&'static str, u64)>;

/// What was copied.
#[derive(Debug)]
pub struct Transferred {
    /// The source in a few words, without a password.
    pub from: String,
    /// The target likewise.
    pub to: String,
    /// How many rows of each table.
    pub tables: Counts,
    /// A daemon ran on the source: what it has written since is not in the copy.
    pub is_source_in_use: bool,
}

/// Copies all rows of `from` as they are into `to`, which must hold nothing but what
/// a new database does, and may not exist yet if it is a file. Tells `progress` of
/// rows that are done, and how many there are.
///
/// # Errors
/// A sentence; `to` is then as it was.
pub fn transfer(
    from: Place,
    to: Place,
    context: &Context,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Transferred, TransferError> {
    match (from, to) {
        (Place::File(file), Place::Server(uri)) => {
            let (from, is_source_in_use) = (file.display().to_string(), is_in_use(&file));
            let mut server = Server::connect(&uri, PATIENCE)?;
            let conn = source_file(&file, context)?;
            let (tables, to) = into_server(&mut server, &conn, context, progress)?;
            Ok(Transferred { from, to, tables, is_source_in_use })
        }
        (Place::Server(uri), Place::File(file)) => {
            let mut server = Server::connect(&uri, PATIENCE)?;
            schema::check_revision(&mut server.link, &server.name)?;
            let from = server.name.clone();
            server.link.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
            let seals = Seals::default();
            let mut source = Tx::postgresql(&mut server.link, &seals);
            let is_source_in_use = presence::number(&mut source)
                .map_err(|source| OpenError::Server { name: from.clone(), source })?
                > 0;
            let tables = into_file(&file, &mut source, context, progress)?;
            let to = file.display().to_string();
            Ok(Transferred { from, to, tables, is_source_in_use })
        }
        (Place::File(_), Place::File(_)) => {
            Err(TransferError::SameKind { advice: "`wazo-auth db backup` copies a SQLite file" })
        }
        (Place::Server(_), Place::Server(_)) => {
            Err(TransferError::SameKind { advice: "pg_dump and psql copy a PostgreSQL database" })
        }
    }
}

/// Has the server look through the rows that it was given now, rather than some time
/// later, beside the daemon: until then it knows nothing about them when it plans, and
/// each first reader marks them as committed, which writes them once more.
///
/// # Errors
/// A sentence; what was copied is there all the same.
pub fn settle(uri: &str) -> Result<(), OpenError> {
    let mut server = Server::connect(uri, PATIENCE)?;
    let names: Vec<_> = TABLES.iter().map(|table| table.name).collect();
    let settled = server.link.batch(&format!("VACUUM (ANALYZE) {}", names.join(", ")));
    settled.map_err(|source| OpenError::Server { name: server.name, source })
}

/// A file of the newest schema.
fn source_file(file: &Path, context: &Context) -> Result<Connection, OpenError> {
    let failed = |error| migrate::database(file, error);
    if !file.exists() {
        return Err(OpenError::Missing { path: file.into() });
    }
    let _pause = open::look_at_log(file, context);
    let conn = connection::open(file, Purpose::Read).map_err(failed)?;
    migrate::check(&conn, file)?;
    Ok(conn)
}

fn into_server(
    server: &mut Server,
    source: &Connection,
    context: &Context,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Counts, String), TransferError> {
    let name = server.name.clone();
    let failed = |source| OpenError::Server { name: name.clone(), source };
    server.link.begin(format!("BEGIN; SELECT pg_advisory_xact_lock({DATABASE_LOCK})"));
    let copied = (|| {
        presence::keep_out(&mut server.link, &name)?;
        schema::make(&mut server.link, &name, context)?;
        let seals = Seals::default();
        let mut target = Tx::postgresql(&mut server.link, &seals);
        rows::clear(&mut target, &name)?;
        let _snapshot = Snapshot::begin(source).map_err(failed)?;
        let mut source = Reader { conn: source, seals: &seals };
        Rows { from: &mut source, to: &mut target, progress }.copy()
    })();
    match copied {
        Ok(tables) => {
            server.link.commit().map_err(failed)?;
            Ok((tables, name))
        }
        Err(error) => {
            // What made it fail is what is told.
            let _ = server.link.roll_back();
            Err(error)
        }
    }
}

fn into_file(
    file: &Path,
    source: &mut dyn Conn,
    context: &Context,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Counts, TransferError> {
    if file.exists() {
        let (mut conn, _lock) = open::writer(file, context)?;
        return into_connection(file, &mut conn, source, progress);
    }
    let made = Temporary::of_daemon(file, context, file)?;
    let tables = {
        let failed = |error| migrate::database(file, error);
        let mut conn = connection::open(&made.path, Purpose::Write).map_err(failed)?;
        // It has no name yet that anybody would look for.
        conn.execute_batch("PRAGMA synchronous = OFF").map_err(failed)?;
        migrate::upgrade(&mut conn, file, 0, MIGRATIONS, context)?;
        into_connection(file, &mut conn, source, progress)?
    };
    made.take_name(file, false)?;
    Ok(tables)
}

fn into_connection(
    file: &Path,
    conn: &mut Connection,
    source: &mut dyn Conn,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Counts, TransferError> {
    let failed = |error| migrate::database(file, error);
    let began = conn.transaction_with_behavior(TransactionBehavior::Immediate);
    let rows = began.map_err(failed)?;
    let (seals, version) = (Seals::default(), Version::default());
    let mut target = Tx::sqlite(&rows, &seals, &version);
    rows::clear(&mut target, &file.display().to_string())?;
    let tables = Rows { from: source, to: &mut target, progress }.copy()?;
    rows.commit().map_err(failed)?;
    Ok(tables)
}
