//! What a query needs of a database connection.

use crate::fold::FOLD;
use crate::{Error, IndexChange, Row, Seals, Value};

/// The SQL dialect behind a [`Conn`], for the few words that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite: lists and JSON are text.
    Sqlite,
    /// PostgreSQL.
    Postgresql,
}

/// A query on its way: see [`Conn::send`].
#[derive(Debug)]
#[must_use]
pub struct Sent(Way);

#[derive(Debug)]
enum Way {
    /// There was nothing to wait for.
    Come(Vec<Row>),
    /// The place of the answer.
    Coming(usize),
}

/// A connection, as the modules of queries see it. Statements are prepared once
/// and kept.
///
/// Parameters are numbered `?1`, `?2`, … in the text.
pub trait Conn {
    /// The SQL dialect it speaks.
    fn dialect(&self) -> Dialect;

    /// Hands each row of the answer to `row`, as they come.
    ///
    /// # Errors
    /// What the database or `row` reports.
    fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        row: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error>;

    /// Runs a statement that gives no rows: the number of rows it changed.
    ///
    /// # Errors
    /// What the database reports.
    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error>;

    /// [`query`](Self::query), whose answer is taken later: what is sent goes to a server
    /// together, and costs one wait.
    ///
    /// # Errors
    /// What the database reports, now or with the answer.
    fn send(&mut self, sql: &str, params: &[Value]) -> Result<Sent, Error> {
        self.query(sql, params).map(Sent::come)
    }

    /// The rows of a query that was sent on this connection.
    ///
    /// # Errors
    /// What the database reports of it, or of one that was sent before it.
    fn rows(&mut self, sent: Sent) -> Result<Vec<Row>, Error> {
        sent.or_take(|_| Ok(Vec::new()))
    }

    /// How the values of tokens are written in this database.
    fn seals(&self) -> &Seals;

    /// Remembers a change of the token index, made once the transaction is
    /// committed. The modules of queries call it themselves. A connection that
    /// only reads has nothing to remember.
    fn index(&mut self, change: IndexChange);

    /// All rows of the answer.
    ///
    /// # Errors
    /// What the database reports.
    fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        self.each(sql, params, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }
}

// === impl Sent ===

impl Sent {
    pub(crate) fn come(rows: Vec<Row>) -> Self {
        Self(Way::Come(rows))
    }

    pub(crate) fn coming(place: usize) -> Self {
        Self(Way::Coming(place))
    }

    /// The rows, which are taken from their place where they were not there at once.
    pub(crate) fn or_take(
        self,
        take: impl FnOnce(usize) -> Result<Vec<Row>, Error>,
    ) -> Result<Vec<Row>, Error> {
        match self.0 {
            Way::Come(rows) => Ok(rows),
            Way::Coming(place) => take(place),
        }
    }
}

// === impl Dialect ===

impl Dialect {
    /// A condition: `column` is one of the texts of the list parameter
    /// `parameter` ([`Value::List`]).
    #[must_use]
    pub fn in_list(self, column: &str, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("{column} IN (SELECT value FROM json_each({parameter}))"),
            Self::Postgresql => format!("{column} = ANY({parameter})"),
        }
    }

    /// The column that says when a row was inserted, as far as the database knows:
    /// a last sort key that new rows come to the end of.
    pub(crate) fn insertion_key(self) -> &'static str {
        match self {
            Self::Sqlite => "rowid",
            // The database does not say; the primary key is as good as any.
            Self::Postgresql => "uuid",
        }
    }

    /// An expression: the text `expression` as [`crate::fold`] folds it. The
    /// unique indexes are on such expressions.
    #[must_use]
    pub fn fold(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("{FOLD}({expression})"),
            Self::Postgresql => format!("lower({expression})"),
        }
    }

    /// A condition: `text`, folded, is like `pattern`, which is folded as
    /// [`crate::fold`] does.
    pub(crate) fn like(self, text: &str, pattern: &str) -> String {
        let text = self.fold(text);
        match self {
            Self::Sqlite => format!(r"{text} LIKE {pattern} ESCAPE '\'"),
            // As the database folds, which may be otherwise.
            Self::Postgresql => format!(r"{text} LIKE lower({pattern}) ESCAPE '\'"),
        }
    }

    /// A condition: both texts are equal when case is ignored.
    pub(crate) fn same(self, left: &str, right: &str) -> String {
        format!("{} = {}", self.fold(left), self.fold(right))
    }
}
