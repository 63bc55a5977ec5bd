//! What a write closure is given.

use rusqlite::Connection;

use crate::postgresql::connection::Link;
use crate::postgresql::version::Numbers;
use crate::sqlite::connection;
use crate::version::Version;
use crate::{Announcement, Conn, Dialect, Error, IndexChange, Place, Row, Seals, Sent, Value};

/// An open transaction: rows, and the changes of the index that go with them.
pub struct Tx<'a> {
    rows: Rows<'a>,
    seals: &'a Seals,
    changes: Vec<IndexChange>,
    announcements: Vec<Announcement>,
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

/// What a transaction leads to once it is committed.
#[derive(Default)]
pub(crate) struct Made {
    pub changes: Vec<IndexChange>,
    pub announcements: Vec<Announcement>,
}

// === impl Made ===

impl Made {
    pub fn extend(&mut self, other: Self) {
        self.changes.extend(other.changes);
        self.announcements.extend(other.announcements);
    }

    /// To be called right before the commit; the places are filled right after it.
    pub fn reserve(&mut self) -> Vec<Place> {
        self.announcements.drain(..).map(Announcement::reserve).collect()
    }
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
        Self {
            rows,
            seals,
            changes: Vec::new(),
            announcements: Vec::new(),
            seen: None,
            has_written: false,
            error: None,
        }
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
                    None => Numbers::now(link),
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

    /// [`Conn::query`] whose one row begins with the columns of
    /// [`version::SELECT`](crate::postgresql::version::SELECT). Where nothing follows
    /// (`is_last`), it is committed along with it, whatever it answers.
    pub(crate) fn query_with_version(
        &mut self,
        sql: &str,
        params: &[Value],
        is_last: bool,
    ) -> Result<Option<Row>, Error> {
        let sent = match &mut self.rows {
            Rows::Postgresql(link, _) if is_last => link.send_last(sql, params).map(Sent::coming),
            _ => self.send(sql, params),
        };
        let sent = self.noted(sent)?;
        let row = self.rows(sent)?.into_iter().next();
        if let (Rows::Postgresql(..), Some(row), false) = (&self.rows, &row, self.has_written) {
            self.seen = Some(Numbers::read(row)?);
        }
        self.has_written = true;
        Ok(row)
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

    /// Remembers what is published once this transaction is committed.
    pub(crate) fn hand_over(&mut self, announcement: Announcement) {
        self.announcements.push(announcement);
    }

    /// What is to be done once it is committed, and the last error.
    pub(crate) fn into_parts(self) -> (Made, Option<Error>) {
        (Made { changes: self.changes, announcements: self.announcements }, self.error)
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

    fn send(&mut self, sql: &str, params: &[Value]) -> Result<Sent, Error> {
        let result = match &mut self.rows {
            Rows::Sqlite(..) => self.query(sql, params).map(Sent::come),
            Rows::Postgresql(link, _) => link.send(sql, params).map(Sent::coming),
        };
        self.noted(result)
    }

    fn rows(&mut self, sent: Sent) -> Result<Vec<Row>, Error> {
        let result = sent.or_take(|place| match &mut self.rows {
            Rows::Sqlite(..) => Ok(Vec::new()),
            Rows::Postgresql(link, _) => link.rows(place),
        });
        self.noted(result)
    }

    fn seals(&self) -> &Seals {
        self.seals
    }

    fn index(&mut self, change: IndexChange) {
        self.changes.push(change);
    }
}
