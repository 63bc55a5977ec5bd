//! Statements whose answers are not waited for one by one.
//!
//! What is sent goes out together, once an answer is waited for; answers come in the
//! order of the statements. So several statements cost one round trip.

use std::borrow::Cow;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::TryStreamExt;
use tokio_postgres::{Client, Statement};

use crate::postgresql::value;
use crate::{Error, Row, Value};

/// What a statement gives.
#[derive(Default)]
pub(super) struct Answer {
    pub rows: Vec<Row>,
    /// How many rows it has changed.
    pub changed: u64,
}

/// An answer that will come.
type Coming = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>;

/// What was sent on one connection, in order.
#[derive(Default)]
pub(super) struct Exchange {
    sent: Vec<Sent>,
    /// So many have been answered.
    answered: usize,
    /// The first error: all that comes after it in a transaction is a consequence.
    failed: Option<Error>,
}

enum Sent {
    Coming(Coming),
    Come(Answer),
    Taken,
}

// === impl Exchange ===

impl Exchange {
    /// Sends a statement that is prepared: its place, for [`take`](Self::take).
    pub fn send(
        &mut self,
        client: &Arc<Client>,
        statement: Statement,
        params: Vec<Value>,
    ) -> usize {
        let client = Arc::clone(client);
        self.begin(Box::pin(async move {
            let mut rows = pin!(client.query_raw(&statement, params).await?);
            let mut answer = Answer::default();
            while let Some(row) = rows.try_next().await? {
                answer.rows.push(value::row(&row)?);
            }
            answer.changed = rows.rows_affected().unwrap_or_default();
            Ok(answer)
        }))
    }

    /// Sends statements without parameters.
    pub fn send_batch(&mut self, client: &Arc<Client>, sql: Cow<'static, str>) {
        let client = Arc::clone(client);
        self.begin(Box::pin(async move {
            client.batch_execute(&sql).await?;
            Ok(Answer::default())
        }));
    }

    /// What is sent is sent in the order in which it is first polled.
    fn begin(&mut self, mut coming: Coming) -> usize {
        let sent = match now(&mut coming) {
            // Only what could not be sent.
            Some(Err(error)) => {
                self.sent.push(Sent::Coming(Box::pin(std::future::ready(Err(error)))));
                return self.sent.len() - 1;
            }
            Some(Ok(answer)) => Sent::Come(answer),
            None => Sent::Coming(coming),
        };
        self.sent.push(sent);
        self.sent.len() - 1
    }

    /// The next one that is to be waited for, up to `last`.
    ///
    /// # Errors
    /// That of one before it.
    pub fn next(&mut self, last: usize) -> Result<Option<&mut Coming>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let is_coming = |sent: &Sent| matches!(sent, Sent::Coming(_));
        while self.answered <= last && !self.sent.get(self.answered).is_some_and(is_coming) {
            self.answered += 1;
        }
        match self.sent.get_mut(self.answered) {
            Some(Sent::Coming(coming)) if self.answered <= last => Ok(Some(coming)),
            _ => Ok(None),
        }
    }

    /// The one that [`next`](Self::next) gave was answered.
    pub fn came(&mut self, answer: Result<Answer, Error>) {
        match (answer, self.sent.get_mut(self.answered)) {
            (Ok(answer), Some(sent)) => *sent = Sent::Come(answer),
            (Ok(_), None) => {}
            (Err(error), _) => self.failed = Some(error),
        }
        self.answered += 1;
    }

    /// The last place.
    pub fn last(&self) -> Option<usize> {
        self.sent.len().checked_sub(1)
    }

    /// The answer at a place, once.
    pub fn take(&mut self, place: usize) -> Answer {
        match self.sent.get_mut(place).map(|sent| std::mem::replace(sent, Sent::Taken)) {
            Some(Sent::Come(answer)) => answer,
            _ => Answer::default(),
        }
    }

    /// Everything was answered, or nobody waits for it any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }
}

/// Begins something: what it comes to, if that is known already.
pub(super) fn now<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    match Pin::new(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
