//! The rows of events, for the publisher: asynchronous, while the store is not.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;
use wazo_auth_context::Context;
use wazo_auth_store::{
    Change, Conn, Error, Outbox, Store,
    events::{self, Event},
};

/// What is kept while the broker is away.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// So many events.
    pub events: u32,
    /// For so long.
    pub age: Duration,
}

pub(crate) struct Rows {
    store: Arc<Store>,
    context: Context,
    daemon: Uuid,
    outbox: Arc<Outbox>,
    limits: Limits,
    /// What the broker has, or nobody can send.
    done: Mutex<Vec<i64>>,
    /// That it has.
    noted: Notify,
    /// Held while rows are being deleted.
    deleting: tokio::sync::Mutex<()>,
}

// === impl Limits ===

impl Default for Limits {
    /// A week; some hundred megabytes.
    fn default() -> Self {
        Self { events: 100_000, age: Duration::from_secs(7 * 24 * 3600) }
    }
}

// === impl Rows ===

impl Rows {
    /// Those of the daemon behind `outbox`.
    pub fn new(store: Arc<Store>, context: Context, outbox: Arc<Outbox>, limits: Limits) -> Self {
        let daemon = *outbox.daemon();
        let (done, deleting) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { store, context, daemon, outbox, limits, done, noted: Notify::new(), deleting }
    }

    /// Whether other daemons may wait for our rows to be deleted.
    pub fn are_shared(&self) -> bool {
        self.store.is_shared()
    }

    /// The oldest ones, in order.
    pub async fn oldest(&self, limit: u32) -> Result<Vec<Event>, Error> {
        let (store, daemon) = (Arc::clone(&self.store), self.daemon);
        blocking(move || store.read(|conn| events::oldest(conn, &daemon, limit))).await
    }

    /// Notes one that need not be kept any more.
    pub fn done(&self, id: i64) {
        self.done.lock().push(id);
        self.noted.notify_one();
    }

    /// Waits until one is noted.
    pub async fn noted(&self) {
        self.noted.notified().await;
    }

    /// Of these those that are still ours, and whether each still waits.
    pub async fn still_waiting(&self, ids: Vec<i64>) -> Result<Vec<(i64, bool)>, Error> {
        let (store, daemon) = (Arc::clone(&self.store), self.daemon);
        blocking(move || store.read(|conn| events::still_waiting(conn, &daemon, &ids))).await
    }

    /// Deletes what was noted. When it cannot, it stays noted.
    pub async fn delete_done(&self) -> Result<(), Error> {
        let _deleting = self.deleting.lock().await;
        let ids = std::mem::take(&mut *self.done.lock());
        if ids.is_empty() {
            return Ok(());
        }
        let to_delete = ids.clone();
        let deleted = self.write(move |conn| events::delete(conn, &to_delete)).await;
        if deleted.is_err() {
            self.done.lock().extend(ids);
        }
        deleted
    }

    /// Makes the rows ours that nobody has, or that daemons left that are no more;
    /// how many. If there are any, the outbox is closed: they may be older than what
    /// is in it.
    pub async fn take_over(&self) -> Result<u64, Error> {
        let daemon = self.daemon;
        let taken = self.take(move |conn| events::take_over(conn, &daemon)).await?;
        if taken > 0 {
            log::info!(
                target: "wazo_auth.events",
                "{taken} events that another or an earlier daemon could not send are sent now"
            );
        }
        Ok(taken)
    }

    /// Makes the rows ours that one of ours waits for, and all others of the daemons
    /// that have them; how many. As above.
    pub async fn claim(&self, id: i64) -> Result<u64, Error> {
        let daemon = self.daemon;
        let taken = self.take(move |conn| events::claim(conn, &daemon, id)).await?;
        if taken > 0 {
            log::warn!(
                target: "wazo_auth.events",
                "another daemon has not sent its events for too long: {taken} are sent now, \
                 perhaps a second time"
            );
        }
        Ok(taken)
    }

    /// Lets any daemon send what is ours.
    pub async fn give_up(&self) {
        let daemon = self.daemon;
        match self.write(move |conn| events::give_up(conn, &daemon)).await {
            Ok(0) => {}
            Ok(given) => {
                log::debug!(target: "wazo_auth.events", "{given} events are for any daemon to send");
            }
            Err(error) => log::debug!(target: "wazo_auth.events", "events stay ours: {error}"),
        }
    }

    async fn take(
        &self,
        f: impl Fn(&mut dyn Conn) -> Result<u64, Error> + Send + 'static,
    ) -> Result<u64, Error> {
        let outbox = Arc::clone(&self.outbox);
        let taking = move |conn: &mut dyn Conn| {
            let taken = f(conn)?;
            if taken > 0 {
                // Before the commit: whatever is written after it, and so need not wait
                // for them any more, must not be sent before them.
                outbox.close();
            }
            Ok(taken)
        };
        self.write(taking).await
    }

    async fn write<T: Send + 'static>(
        &self,
        f: impl Fn(&mut dyn Conn) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = Arc::clone(&self.store);
        blocking(move || store.write(Change::Sessions(None), move |tx| f(tx.conn()))).await
    }

    /// Drops the oldest ones beyond the limits, with a line in the log.
    pub async fn trim(&self) -> Result<(), Error> {
        let (daemon, limits) = (self.daemon, self.limits);
        let age = i64::try_from(limits.age.as_secs()).unwrap_or(i64::MAX);
        let since = self.context.now().as_second().saturating_sub(age);
        let dropped =
            self.write(move |conn| events::trim(conn, &daemon, limits.events, since)).await?;
        if dropped > 0 {
            log::error!(
                target: "wazo_auth.events",
                "the message broker was away for too long: the {dropped} oldest events are dropped \
                 (kept are {} at most, for {} hours)",
                limits.events, age / 3600
            );
        }
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(f).await;
    done.unwrap_or_else(|error| Err(Error::Other(error.to_string())))
}
