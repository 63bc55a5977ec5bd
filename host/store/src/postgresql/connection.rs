//! [`Conn`](crate::Conn)'s statements on a connection to PostgreSQL.
//!
//! A connection lives on the thread that uses it: its sockets are driven while
//! that thread waits, by a runtime of its own, so that an answer costs no change
//! of threads.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::mem::replace;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};

use crate::postgresql::exchange::{self, Answer, Exchange};
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
    client: Arc<Client>,
    statements: HashMap<Box<str>, Statement>,
    transaction: Transaction,
    exchange: Exchange,
    /// An answer did not come in time: what follows would be taken for it.
    is_lost: Cell<bool>,
    reach: Arc<Reach>,
    /// The outages before it was connected.
    outages: u64,
}

/// What a transaction begins with.
pub(crate) struct Beginning {
    /// Statements without parameters.
    pub batch: Cow<'static, str>,
    /// A statement that comes after it, with its parameters.
    pub statement: Option<(&'static str, Vec<Value>)>,
}

/// The transaction of a [`Link`].
enum Transaction {
    None,
    /// To be begun along with the first statement.
    Wanted(Beginning),
    Open,
    /// To be ended by what was sent.
    Ending,
}

// === impl Beginning ===

impl<T: Into<Cow<'static, str>>> From<T> for Beginning {
    fn from(batch: T) -> Self {
        Self { batch: batch.into(), statement: None }
    }
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
            client: Arc::new(client),
            statements: HashMap::new(),
            transaction: Transaction::None,
            exchange: Exchange::default(),
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

    /// Whether it can be used again: no transaction is open, it is not closed as far
    /// as is known, and the server was not out of reach meanwhile.
    pub fn is_idle(&self) -> bool {
        matches!(self.transaction, Transaction::None)
            && self.exchange.is_empty()
            && !self.is_lost.get()
            && !self.client.is_closed()
            && self.outages == self.reach.outages()
    }

    /// Whether the transaction that is wanted has not begun.
    pub fn is_untouched(&self) -> bool {
        matches!(self.transaction, Transaction::Wanted(_)) && self.exchange.is_empty()
    }

    /// Has a transaction begun along with the first statement.
    pub fn begin(&mut self, beginning: impl Into<Beginning>) {
        self.transaction = Transaction::Wanted(beginning.into());
    }

    /// Begins the transaction that is wanted, without waiting for it.
    fn begin_now(&mut self) -> Result<(), Error> {
        let Transaction::Wanted(Beginning { statement, .. }) = &self.transaction else {
            return Ok(());
        };
        let prepared = match statement {
            Some((sql, _)) => Some(self.prepared(sql)?),
            None => None,
        };
        if let Transaction::Wanted(Beginning { batch, statement }) =
            replace(&mut self.transaction, Transaction::Open)
        {
            self.exchange.send_batch(&self.client, batch);
            if let Some((prepared, (_, params))) = prepared.zip(statement) {
                self.exchange.send(&self.client, prepared, params);
            }
        }
        Ok(())
    }

    /// Ends the transaction, if it was begun at all.
    pub fn commit(&mut self) -> Result<(), Error> {
        // The server would make an undoing of it, and no error, had one failed.
        if let Err(error) = self.settle() {
            let _ = self.roll_back();
            return Err(error);
        }
        self.end("COMMIT")
    }

    /// Undoes the transaction, if it was begun at all, and is not at its end.
    pub fn roll_back(&mut self) -> Result<(), Error> {
        if matches!(self.transaction, Transaction::Ending) {
            // Whatever became of it.
            let _ = self.settle();
        }
        self.end("ROLLBACK")
    }

    fn end(&mut self, how: &'static str) -> Result<(), Error> {
        self.exchange.clear();
        match replace(&mut self.transaction, Transaction::None) {
            Transaction::Open => self.batch(how),
            Transaction::None | Transaction::Wanted(_) | Transaction::Ending => Ok(()),
        }
    }

    /// Ends a transaction that has read, if there was one, without waiting for the
    /// answer.
    pub fn end_of_read(&mut self) {
        self.exchange.clear();
        if !matches!(replace(&mut self.transaction, Transaction::None), Transaction::Open) {
            return;
        }
        let mut commit = pin!(self.client.batch_execute("COMMIT"));
        if exchange::now(&mut commit).is_none() {
            // For it to be sent.
            self.runtime.block_on(tokio::task::yield_now());
        }
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
        let statement = self.ready(sql)?;
        let client = Arc::clone(&self.client);
        let mut asked = pin!(client.query_raw(&statement, params));
        let answers = exchange::now(&mut asked);
        self.settle()?;
        let answers = match answers {
            Some(answers) => answers.map_err(Error::from),
            None => self.answer(asked),
        };
        let mut answers = pin!(answers?);
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
        if matches!(self.transaction, Transaction::None) {
            let statement = self.prepared(sql)?;
            return self.answer(self.client.execute_raw(&statement, params));
        }
        let place = self.send(sql, params)?;
        Ok(self.take(place)?.changed)
    }

    /// [`send`](Self::send) of the last statement of a transaction: the commit is sent
    /// along with it.
    pub fn send_last(&mut self, sql: &str, params: &[Value]) -> Result<usize, Error> {
        let place = self.send(sql, params)?;
        if matches!(self.transaction, Transaction::Open) {
            self.transaction = Transaction::Ending;
            self.exchange.send_batch(&self.client, "COMMIT".into());
        }
        Ok(place)
    }

    /// See [`Conn::send`](crate::Conn::send): the place of the answer.
    pub fn send(&mut self, sql: &str, params: &[Value]) -> Result<usize, Error> {
        let statement = self.ready(sql)?;
        Ok(self.exchange.send(&self.client, statement, params.to_vec()))
    }

    /// The rows of what was sent, once.
    pub fn rows(&mut self, place: usize) -> Result<Vec<Row>, Error> {
        Ok(self.take(place)?.rows)
    }

    fn take(&mut self, place: usize) -> Result<Answer, Error> {
        self.settle_until(place)?;
        Ok(self.exchange.take(place))
    }

    /// Waits for the answers to all that was sent.
    fn settle(&mut self) -> Result<(), Error> {
        self.exchange.last().map_or(Ok(()), |last| self.settle_until(last))
    }

    fn settle_until(&mut self, last: usize) -> Result<(), Error> {
        // What is waited for with needs the connection, and that the exchange.
        let mut exchange = std::mem::take(&mut self.exchange);
        let settled = self.runtime.block_on(async {
            while let Some(coming) = exchange.next(last)? {
                let answer = self.in_time(coming).await;
                exchange.came(answer);
            }
            Ok(())
        });
        self.exchange = exchange;
        settled
    }

    /// The statement, in the transaction that is wanted.
    fn ready(&mut self, sql: &str) -> Result<Statement, Error> {
        let statement = self.prepared(sql)?;
        self.begin_now()?;
        Ok(statement)
    }

    fn prepared(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        self.settle()?;
        let statement = self.answer(self.client.prepare(&numbered(sql)))?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }

    fn answer<T>(
        &self,
        answer: impl Future<Output = Result<T, impl Into<Error>>>,
    ) -> Result<T, Error> {
        self.runtime.block_on(self.in_time(answer))
    }

    /// An answer, unless it takes so long that the server must be out of reach: less
    /// long when nobody gets one.
    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, impl Into<Error>>>,
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

/// The parameters `?1`, `?2`, … in PostgreSQL's words. No text of ours holds a
/// question mark for another reason.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}
