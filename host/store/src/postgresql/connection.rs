//! [`Conn`](crate::Conn)'s statements on a connection to PostgreSQL.
//!
//! A connection lives on the thread that uses it: its sockets are driven while
//! that thread waits, by a runtime of its own, so that an answer costs no change
//! of threads.

use std::cell::Cell;
use std::collections::HashMap;
use std::mem::replace;
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, Statement};

use crate::postgresql::value;
use crate::{Error, Row, Value};

/// More than there are different statements.
const STATEMENTS: usize = 512;
/// How long a statement waits for a lock that another transaction holds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer may take. The server gives up earlier; this is for one that
/// cannot be reached any more.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection, perhaps with a transaction.
pub(crate) struct Link {
    runtime: Runtime,
    client: Client,
    statements: HashMap<Box<str>, Statement>,
    transaction: Transaction,
    /// An answer did not come in time: what follows would be taken for it.
    is_lost: Cell<bool>,
}

/// The transaction of a [`Link`].
enum Transaction {
    None,
    /// To be begun by these statements, along with the first one.
    Wanted(String),
    Open,
}

// === impl Link ===

impl Link {
    /// Connects. Waits for as long as `config` says.
    pub fn connect(config: &Config) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Unavailable { detail: error.to_string() })?;
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await?;
            // Its errors are those of the statements.
            tokio::spawn(connection);
            let milliseconds = LOCK_TIMEOUT.as_millis();
            client.batch_execute(&format!("SET lock_timeout = {milliseconds}")).await?;
            Ok::<_, Error>(client)
        })?;
        Ok(Self {
            runtime,
            client,
            statements: HashMap::new(),
            transaction: Transaction::None,
            is_lost: Cell::new(false),
        })
    }

    /// Whether the server has not closed it, looked up now.
    pub fn is_alive(&self) -> bool {
        self.runtime.block_on(tokio::task::yield_now());
        !self.client.is_closed()
    }

    /// Whether it can be used again: no transaction is open, and it is not
    /// closed as far as is known.
    pub fn is_idle(&self) -> bool {
        matches!(self.transaction, Transaction::None)
            && !self.is_lost.get()
            && !self.client.is_closed()
    }

    /// Has a transaction begun by `statements`, along with the first statement.
    pub fn begin(&mut self, statements: String) {
        self.transaction = Transaction::Wanted(statements);
    }

    /// Begins the transaction that is wanted: the numbers of the last row that its
    /// statements give. Nothing when it is begun already.
    pub fn begun(&mut self) -> Result<Option<Vec<i64>>, Error> {
        let Some(statements) = self.wanted() else { return Ok(None) };
        let answers = self.answer(self.client.simple_query(&statements))?;
        let rows = answers.iter().filter_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let numbers = rows.last().map(|row| {
            (0..row.len()).map(|column| row.get(column)?.parse().ok()).collect::<Option<_>>()
        });
        Ok(numbers.flatten())
    }

    fn wanted(&mut self) -> Option<String> {
        match replace(&mut self.transaction, Transaction::Open) {
            Transaction::Wanted(statements) => Some(statements),
            other => {
                self.transaction = other;
                None
            }
        }
    }

    /// Ends the transaction, if it was begun at all.
    pub fn commit(&mut self) -> Result<(), Error> {
        self.end("COMMIT")
    }

    /// Undoes the transaction, if it was begun at all.
    pub fn roll_back(&mut self) -> Result<(), Error> {
        self.end("ROLLBACK")
    }

    fn end(&mut self, how: &str) -> Result<(), Error> {
        match replace(&mut self.transaction, Transaction::None) {
            Transaction::Open => self.batch(how),
            Transaction::None | Transaction::Wanted(_) => Ok(()),
        }
    }

    /// Ends a transaction that has read, without waiting for the answer.
    pub fn end_of_read(&mut self) {
        if !matches!(replace(&mut self.transaction, Transaction::None), Transaction::Open) {
            return;
        }
        self.runtime.block_on(async {
            let mut commit = pin!(self.client.batch_execute("COMMIT"));
            // Once for the request to be made, once for it to be sent.
            let _ = futures_util::future::poll_immediate(&mut commit).await;
            tokio::task::yield_now().await;
        });
    }

    /// Runs statements without parameters, one after the other.
    pub fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.answer(self.client.batch_execute(sql))
    }

    /// See [`Conn::each`](crate::Conn::each).
    pub fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        row: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (begin, statement) = self.prepared(sql)?;
        let answers = self.client.query_raw(&statement, params);
        let mut answers = pin!(self.answer(after(&self.client, begin, answers))?);
        // Row by row, but waiting for the connection only where it has to.
        self.runtime.block_on(async {
            while let Some(answer) = in_time(&self.is_lost, answers.try_next()).await? {
                row(value::row(&answer)?)?;
            }
            Ok(())
        })
    }

    /// See [`Conn::execute`](crate::Conn::execute).
    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        let (begin, statement) = self.prepared(sql)?;
        self.answer(after(&self.client, begin, self.client.execute_raw(&statement, params)))
    }

    /// The statement; and what begins the transaction that is wanted, to be sent
    /// along with it, where that was not waited for already.
    fn prepared(&mut self, sql: &str) -> Result<(Option<String>, Statement), Error> {
        if let Some(statement) = self.statements.get(sql) {
            let statement = statement.clone();
            return Ok((self.wanted(), statement));
        }
        self.begun()?;
        let statement = self.answer(self.client.prepare(&numbered(sql)))?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.into(), statement.clone());
        Ok((None, statement))
    }

    fn answer<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        self.runtime.block_on(in_time(&self.is_lost, answer))
    }
}

/// An answer, unless it takes so long that the server must be out of reach.
async fn in_time<T>(
    is_lost: &Cell<bool>,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => {
            is_lost.set(true);
            Err(Error::Unavailable { detail: "it does not answer".into() })
        }
    }
}

/// Sends `begin` and then `query` without waiting in between.
async fn after<T>(
    client: &Client,
    begin: Option<String>,
    query: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, tokio_postgres::Error> {
    let Some(begin) = begin else { return query.await };
    let (begun, answer) = tokio::join!(client.batch_execute(&begin), query);
    begun?;
    answer
}

/// The parameters `?1`, `?2`, … in PostgreSQL's words. No text of ours holds a
/// question mark for another reason.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}
