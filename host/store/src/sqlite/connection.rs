//! [`Conn`] on a connection of rusqlite, and how such a connection is set up.

use std::path::Path;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql};

use crate::fold::{FOLD, fold};
use crate::{Conn, Dialect, Error, IndexChange, Row, Seals, Value};

/// How long a connection waits for a lock held by another program.
const BUSY_TIMEOUT_MS: u32 = 5_000;
/// More than there are different statements.
const STATEMENTS: usize = 128;

/// A connection that reads. The writer's is [`Tx`](crate::Tx).
pub(crate) struct Reader<'a> {
    pub conn: &'a Connection,
    pub seals: &'a Seals,
}

/// A transaction that reads: its statements see the same. Ends when dropped.
pub(crate) struct Snapshot<'a>(&'a Connection);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// Opens an existing file.
pub(crate) fn open(path: &Path, purpose: Purpose) -> Result<Connection, rusqlite::Error> {
    let conn = Connection::open_with_flags(path, flags())?;
    prepare(&conn, purpose)?;
    Ok(conn)
}

/// Never creates: the file is made beforehand, with its mode.
pub(crate) fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Sets up a fresh connection.
pub(crate) fn prepare(conn: &Connection, purpose: Purpose) -> Result<(), rusqlite::Error> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    register_fold(conn)?;
    conn.execute_batch(&format!(
        "PRAGMA busy_timeout = {BUSY_TIMEOUT_MS};
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;"
    ))?;
    match purpose {
        // KiB, as all negative sizes. There are many of these connections, and
        // the pages that they share are in the system's cache.
        Purpose::Read => conn.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -256"),
        // A login changes a leaf of each index, anywhere in it: with a million
        // tokens these are many pages, of which the upper ones had better stay.
        // Memory is taken as it is needed.
        Purpose::Write => conn.execute_batch("PRAGMA cache_size = -65536"),
    }
}

/// SQLite's own `lower()` folds ASCII only. It is left as it is: were it
/// replaced, another program would write the unique indexes with its own and
/// spoil them unnoticed; a function that it does not have stops it.
fn register_fold(conn: &Connection) -> Result<(), rusqlite::Error> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    conn.create_scalar_function(FOLD, 1, flags, |context| {
        let value = context.get_raw(0);
        match value.as_str() {
            Ok(text) => Ok(Owned::Text(fold(text))),
            // A number or NULL has no case.
            Err(_) => Owned::try_from(value)
                .map_err(|error| rusqlite::Error::UserFunctionError(error.into())),
        }
    })
}

// === impl Snapshot ===

impl<'a> Snapshot<'a> {
    pub(crate) fn begin(conn: &'a Connection) -> Result<Self, Error> {
        execute(conn, "BEGIN", &[])?;
        Ok(Self(conn))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Some failures end the transaction themselves.
        if !self.0.is_autocommit()
            && let Err(error) = execute(self.0, "ROLLBACK", &[])
        {
            log::error!(target: "wazo_auth.store", "cannot end a read of the database: {error}");
        }
    }
}

// === impl Reader ===

impl Conn for Reader<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        row: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        each(self.conn, sql, params, row)
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        execute(self.conn, sql, params)
    }

    fn seals(&self) -> &Seals {
        self.seals
    }

    fn index(&mut self, _: IndexChange) {}
}

/// [`Conn::each`] on `conn`.
pub(crate) fn each(
    conn: &Connection,
    sql: &str,
    params: &[Value],
    row: &mut dyn FnMut(Row) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut statement = prepared(conn, sql, params)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    while let Some(found) = rows.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(value(found.get_ref(column)?));
        }
        row(Row::new(values))?;
    }
    Ok(())
}

/// [`Conn::execute`] on `conn`.
pub(crate) fn execute(conn: &Connection, sql: &str, params: &[Value]) -> Result<u64, Error> {
    let changed = prepared(conn, sql, params)?.raw_execute()?;
    Ok(changed.try_into().unwrap_or(u64::MAX))
}

fn prepared<'a>(
    conn: &'a Connection,
    sql: &str,
    params: &[Value],
) -> Result<CachedStatement<'a>, Error> {
    let mut statement = conn.prepare_cached(sql)?;
    for (position, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(position + 1, param)?;
    }
    Ok(statement)
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Real(value) => Value::Real(value),
        // Another program may write what is no text: whoever asks for one is
        // told so, and the other rows of the answer are not lost.
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Blob(bytes.to_vec()),
        },
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

// === impl Value ===

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
            Self::List(list) => return Ok(ToSqlOutput::Owned(Owned::Text(json(list)?))),
            Self::Time(time) => {
                let text = time.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string();
                return Ok(ToSqlOutput::Owned(Owned::Text(text)));
            }
        }))
    }
}

fn json(list: &[String]) -> rusqlite::Result<String> {
    serde_json::to_string(list)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
