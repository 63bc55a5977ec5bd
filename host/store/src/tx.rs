//! What a write closure is given.

use std::sync::Arc;

use rusqlite::Connection;

use crate::postgresql::connection::Link;
use crate::postgresql::joint::{self, Joint};
use crate::postgresql::together::{Asked, Done};
use crate::postgresql::version::Numbers;
use crate::sqlite::connection;
use crate::version::Version;
use crate::{
    Announcement, Conn, Dialect, Error, IndexChange, Outbox, Place, Row, Seals, Sent, Value,
};

/// An open transaction: rows, and the changes of the index that go with them.
pub struct Tx<'a> {
    rows: Rows<'a>,
    seals: &'a Seals,
    changes: Vec<IndexChange>,
    announcements: Vec<Announcement>,
    places: Vec<Place>,
    seen: Option<Numbers>,
    has_written: bool,
    /// The last error, whatever the closure made of it.
    error: Option<Error>,
}

/// Where a transaction is open.
enum Rows<'a> {
    Sqlite(&'a Connection, &'a Version),
    Postgresql(&'a mut Link, Option<Numbers>, Option<Joint<'a>>),
}

/// What a transaction leads to once it is committed.
#[derive(Default)]
pub(crate) struct Made {
    pub changes: Vec<IndexChange>,
    pub announcements: Vec<Announcement>,
    /// Of announcements that are committed already.
    pub places: Vec<Place>,
}

// === impl Made ===

impl Made {
    pub fn extend(&mut self, other: Self) {
        self.changes.extend(other.changes);
        self.announcements.extend(other.announcements);
        self.places.extend(other.places);
    }

    /// To be called right before the commit; the places are filled right after it.
    pub fn reserve(&mut self) -> Vec<Place> {
        let later = self.announcements.drain(..).map(Announcement::reserve);
        self.places.drain(..).chain(later).collect()
    }
}

// === impl Tx ===

impl<'a> Tx<'a> {
    pub(crate) fn sqlite(conn: &'a Connection, seals: &'a Seals, version: &'a Version) -> Self {
        Self::new(Rows::Sqlite(conn, version), seals)
    }

    pub(crate) fn postgresql(link: &'a mut Link, seals: &'a Seals) -> Self {
        Self::new(Rows::Postgresql(link, None, None), seals)
    }

    /// One that may be part of another one.
    pub(crate) fn joint(link: &'a mut Link, seals: &'a Seals, joint: Joint<'a>) -> Self {
        Self::new(Rows::Postgresql(link, None, Some(joint)), seals)
    }

    fn new(rows: Rows<'a>, seals: &'a Seals) -> Self {
        Self {
            rows,
            seals,
            changes: Vec::new(),
            announcements: Vec::new(),
            places: Vec::new(),
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
            Rows::Postgresql(link, numbers, _) => {
                let found = match numbers {
                    Some(numbers) => Ok(*numbers),
                    None => Numbers::now(link),
                };
                let found = self.noted(found)?;
                if let Rows::Postgresql(_, numbers, _) = &mut self.rows {
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
            Rows::Postgresql(link, ..) if is_last => link.send_last(sql, params).map(Sent::coming),
            _ => self.send(sql, params),
        };
        let sent = self.noted(sent)?;
        let row = self.rows(sent)?.into_iter().next();
        self.saw(row.as_ref())?;
        Ok(row)
    }

    /// [`query_with_version`](Self::query_with_version) of a statement that is all of
    /// this transaction, for a record: see [`joint::join`]. Nothing is done where it
    /// cannot be done along with what others ask.
    pub(crate) fn query_together(
        &mut self,
        sql: &'static str,
        subject: &str,
        outbox: Option<&Arc<Outbox>>,
        record: impl FnOnce(&Self) -> String,
    ) -> Result<Option<Done>, Error> {
        let record = match &self.rows {
            Rows::Postgresql(link, _, Some(joint)) if link.is_untouched() && joint.may_join() => {
                Some(record(self))
            }
            _ => None,
        };
        let (Some(record), Rows::Postgresql(link, _, Some(joint))) = (record, &mut self.rows)
        else {
            return Ok(None);
        };
        let (subject, outbox) = (subject.into(), outbox.cloned());
        let asked = Asked { sql, subject, lock: joint.lock(), record, outbox };
        let joined = joint::join(link, *joint, asked);
        let done = self.noted(joined)?;
        if let Some(done) = &done {
            self.saw(Some(&done.row))?;
        }
        Ok(done)
    }

    /// The lock of the user that this transaction is about, where it may be part of
    /// another one.
    pub(crate) fn user_lock(&self) -> Option<i32> {
        match &self.rows {
            Rows::Postgresql(_, _, Some(joint)) => joint.lock(),
            _ => None,
        }
    }

    /// What a statement answered that has changed something.
    fn saw(&mut self, row: Option<&Row>) -> Result<(), Error> {
        if let (Rows::Postgresql(..), Some(row), false) = (&self.rows, row, self.has_written) {
            self.seen = Some(Numbers::read(row)?);
        }
        self.has_written = true;
        Ok(())
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

    /// The same of what is committed, at this place.
    pub(crate) fn handed_over(&mut self, place: Place) {
        self.places.push(place);
    }

    /// What is to be done once it is committed, and the last error.
    pub(crate) fn into_parts(self) -> (Made, Option<Error>) {
        let Self { changes, announcements, places, error, .. } = self;
        (Made { changes, announcements, places }, error)
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
            Rows::Postgresql(link, ..) => link.each(sql, params, row),
        };
        self.noted(result)
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        self.has_written = true;
        let result = match &mut self.rows {
            Rows::Sqlite(conn, _) => connection::execute(conn, sql, params),
            Rows::Postgresql(link, numbers, _) => {
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
            Rows::Postgresql(link, ..) => link.send(sql, params).map(Sent::coming),
        };
        self.noted(result)
    }

    fn rows(&mut self, sent: Sent) -> Result<Vec<Row>, Error> {
        let result = sent.or_take(|place| match &mut self.rows {
            Rows::Sqlite(..) => Ok(Vec::new()),
            Rows::Postgresql(link, ..) => link.rows(place),
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
