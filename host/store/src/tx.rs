//! What a write closure is given.

use rusqlite::Connection;
use uuid::Uuid;

use crate::sqlite::connection;
use crate::version::Version;
use crate::{Announcement, Conn, Dialect, Error, IndexChange, Place, Row, Seals, Value};

/// What a write must not share with another one. SQLite, where writes are
/// serial, has nothing to do for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lock {
    /// A login about to be claimed, folded ([`crate::fold`]).
    Login(String),
    /// The tree of tenants.
    TenantTree,
    /// One user.
    User(Uuid),
    /// One group.
    Group(Uuid),
    /// What the daemon does at start.
    Startup,
}

/// An open transaction: rows, and the changes of the index that go with them.
pub struct Tx<'a> {
    conn: &'a Connection,
    seals: &'a Seals,
    version: &'a Version,
    changes: Vec<IndexChange>,
    announcements: Vec<Announcement>,
    /// The last error, whatever the closure made of it.
    error: Option<Error>,
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
    pub(crate) fn new(conn: &'a Connection, seals: &'a Seals, version: &'a Version) -> Self {
        Self { conn, seals, version, changes: Vec::new(), announcements: Vec::new(), error: None }
    }

    /// The connection, as the modules of queries take it.
    pub fn conn(&mut self) -> &mut dyn Conn {
        self
    }

    /// Whether what was read since [`Store::version`](crate::Store::version) was
    /// `number` still holds here: then it need not be read again.
    #[must_use]
    pub fn is_at(&self, number: u64) -> bool {
        self.version.is_still(number)
    }

    /// Remembers a change of the index, made once this transaction is
    /// committed. Needed only beside SQL of one's own: the modules of queries
    /// remember theirs.
    pub fn index(&mut self, change: IndexChange) {
        self.changes.push(change);
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
        Dialect::Sqlite
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        row: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let result = connection::each(self.conn, sql, params, row);
        self.noted(result)
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let result = connection::execute(self.conn, sql, params);
        self.noted(result)
    }

    fn seals(&self) -> &Seals {
        self.seals
    }

    fn index(&mut self, change: IndexChange) {
        self.changes.push(change);
    }
}
