//! What a write closure is given.

use rusqlite::Connection;

use crate::postgresql::connection::Link;
use crate::postgresql::version::Numbers;
use crate::sqlite::connection;
use crate::version::Version;
use crate::{Conn, Dialect, Error, IndexChange, Row, Seals, Value};

/// An open transaction: rows, and the changes of the index that go with them.
pub struct Tx<'a> {
    rows: Rows<'a>,
    seals: &'a Seals,
    changes: Vec<IndexChange>,
    seen: Option<Numbers>,
    has_written: bool,
    /// The last error, whatever the closure made of it.
    error: Option<Error>,
}

/// Where a transaction is open.
enum Rows<'a> {
    Sqlite(&'a Connection, &'a Version),
    Postgresql(&'a mut Link, Option<Numbers>),
}

// === impl Tx ===

impl<'a> Tx<'a> {
    pub(crate) fn sqlite(conn: &'a Connection, seals: &'a Seals, version: &'a Version) -> Self {
        Self::new(Rows::Sqlite(conn, version), seals)
    }

    pub(crate) fn postgresql(link: &'a mut Link, seals: &'a Seals) -> Self {
        Self::new(Rows::Postgresql(link, None), seals)
    }

    fn new(rows: Rows<'a>, seals: &'a Seals) -> Self {
        Self { rows, seals, changes: Vec::new(), seen: None, has_written: false, error: None }
    }

    /// The connection, as the modules of queries take it.
    pub fn conn(&mut self) -> &mut dyn Conn {
        self
    }

    /// Whether what was read since [`Store::version`](crate::Store::version) was
    /// `number` still holds here: then it need not be read again.
    ///
    /// # Errors
    /// What the database reports.
    pub fn is_at(&mut self, number: u64) -> Result<bool, Error> {
        match &mut self.rows {
            Rows::Sqlite(_, version) => Ok(version.is_still(number)),
            Rows::Postgresql(link, numbers) => {
                let found = match numbers {
                    Some(numbers) => Ok(*numbers),
                    None => Numbers::at_begin(link),
                };
                let found = self.noted(found)?;
                if let Rows::Postgresql(_, numbers) = &mut self.rows {
                    *numbers = Some(found);
                }
                if !self.has_written {
                    self.seen = Some(found);
                }
                Ok(found.is_directory_at(number))
            }
        }
    }

    /// Remembers a change of the index, made once this transaction is
    /// committed. Needed only beside SQL of one's own: the modules of queries
    /// remember theirs.
    pub fn index(&mut self, change: IndexChange) {
        self.changes.push(change);
    }

    /// What is committed, as [`is_at`](Self::is_at) has seen it before anything was
    /// written here.
    pub(crate) fn seen(&self) -> Option<Numbers> {
        self.seen
    }

    pub(crate) fn into_parts(self) -> (Vec<IndexChange>, Option<Error>) {
        (self.changes, self.error)
    }

    fn noted<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.error = Some(error.clone());
        }
        result
    }
}

impl Conn for Tx<'_> {
    fn dialect(&self) -> Dialect {
        match &self.rows {
            Rows::Sqlite(..) => Dialect::Sqlite,
            Rows::Postgresql(..) => Dialect::Postgresql,
        }
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        row: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let result = match &mut self.rows {
            Rows::Sqlite(conn, _) => connection::each(conn, sql, params, row),
            Rows::Postgresql(link, _) => link.each(sql, params, row),
        };
        self.noted(result)
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        self.has_written = true;
        let result = match &mut self.rows {
            Rows::Sqlite(conn, _) => connection::execute(conn, sql, params),
            Rows::Postgresql(link, numbers) => {
                // What was changed here counts, too.
                *numbers = None;
                link.execute(sql, params)
            }
        };
        self.noted(result)
    }

    fn seals(&self) -> &Seals {
        self.seals
    }

    fn index(&mut self, change: IndexChange) {
        self.changes.push(change);
    }
}
