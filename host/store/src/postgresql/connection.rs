//! [`Conn`](crate::Conn)'s statements on a connection to PostgreSQL.
//!
//! A connection lives on the thread that uses it: its sockets are driven while
//! that thread waits, by a runtime of its own, so that an answer costs no change
//! of threads.

use std::cell::Cell;
use std::collections::HashMap;
use std::mem::replace;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

use crate::postgresql::reach::Reach;
use crate::postgresql::uri::Address;
use crate::postgresql::value;
use crate::{Error, Row, Value};

/// More than there are different statements.
const STATEMENTS: usize = 512;
/// How long a statement waits for a lock that another transaction holds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connecting may take, the server's part included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a statement may take that a request waits for.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long such an answer may take from a server that answers others: it would have
/// given up the statement by then, and said so.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two looks whether it does.
const GLANCE: Duration = Duration::from_secs(1);

/// Of each session: the server looks after idle connections sooner than systems do.
const SESSION: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; \
    SET tcp_keepalives_count = 3";

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Requests, which do not wait for ever.
    Requests,
    /// A command or a start, whose statements may take as long as they need: the
    /// network alone can end them.
    Command,
}

/// A connection, perhaps with a transaction.
pub(crate) struct Link {
    purpose: Purpose,
    runtime: Runtime,
    client: Client,
    statements: HashMap<Box<str>, Statement>,
    transaction: Transaction,
    /// An answer did not come in time: what follows would be taken for it.
    is_lost: Cell<bool>,
    reach: Arc<Reach>,
    /// The outages before it was connected.
    outages: u64,
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
    /// Connects.
    pub fn connect(address: &Address, purpose: Purpose, reach: Arc<Reach>) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Unavailable { detail: error.to_string() })?;
        let connecting = async {
            let (client, connection) = address.connect().await.inspect_err(|error| {
                if !has_no_room(error) {
                    reach.failed();
                }
            })?;
            // Its errors are those of the statements.
            tokio::spawn(connection);
            client.batch_execute(&session(purpose)).await?;
            Ok::<_, Error>(client)
        };
        // The timeout of the driver is for the network's part only.
        let connected =
            runtime.block_on(async { tokio::time::timeout(CONNECT_TIMEOUT, connecting).await });
        let connected = connected.unwrap_or_else(|_| {
            reach.failed();
            Err(silent())
        });
        let client = match connected {
            Ok(client) => client,
            Err(error) => {
                // Not waiting for a name that is still looked up.
                runtime.shutdown_background();
                return Err(reach.known(error));
            }
        };
        reach.succeeded();
        Ok(Self {
            purpose,
            runtime,
            client,
            statements: HashMap::new(),
            transaction: Transaction::None,
            is_lost: Cell::new(false),
            outages: reach.outages(),
            reach,
        })
    }

    /// Whether the server has not closed it, looked up now, and was never out of
    /// reach meanwhile.
    pub fn is_alive(&self) -> bool {
        // Once for the news to arrive, once for the connection to take them in.
        self.runtime.block_on(async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        });
        !self.client.is_closed() && self.outages == self.reach.outages()
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
            while let Some(answer) = self.in_time(answers.try_next()).await? {
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
        self.runtime.block_on(self.in_time(answer))
    }

    /// An answer, unless it takes so long that the server must be out of reach: less
    /// long when nobody gets one.
    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        // What a lost transaction is ended with is not waited for once more.
        if self.is_lost.get() {
            return Err(self.reach.known(silent()));
        }
        let (asked, mut answer) = (Instant::now(), pin!(answer));
        loop {
            if let Ok(answer) = tokio::time::timeout(GLANCE, &mut answer).await {
                return answer.map_err(|error| self.reach.known(error.into()));
            }
            let is_late = self.purpose == Purpose::Requests && asked.elapsed() > ANSWER_TIMEOUT;
            if is_late || self.reach.is_silent_since(asked) {
                self.is_lost.set(true);
                self.reach.failed();
                return Err(self.reach.known(silent()));
            }
        }
    }
}

/// What a session begins with.
fn session(purpose: Purpose) -> String {
    let (lock, statement) = (LOCK_TIMEOUT.as_millis(), STATEMENT_TIMEOUT.as_millis());
    // Whoever is frozen or cut off in the middle of a transaction holds locks that all
    // daemons wait for: the server ends it before their patience ends. A command may
    // have much to read elsewhere before its next statement.
    let (limit, idle) = match purpose {
        Purpose::Requests => (format!("SET statement_timeout = {statement}; "), "5s"),
        Purpose::Command => (String::new(), "10min"),
    };
    let idle = format!("SET idle_in_transaction_session_timeout = '{idle}'");
    format!("SET lock_timeout = {lock}; {limit}{idle}; {SESSION}")
}

/// Whether the server has no room for more: it answers those it has.
pub(crate) fn has_no_room(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS)
}

fn silent() -> Error {
    Error::Unavailable { detail: "it does not answer".into() }
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
