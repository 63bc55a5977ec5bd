//! The rows of events, for the publisher: asynchronous, while the store is not.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use uuid::Uuid;
use wazo_auth_context::Context;
use wazo_auth_store::{
    Change, Error, Store,
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
    limits: Limits,
    /// What the broker has, or nobody can send.
    done: Mutex<Vec<i64>>,
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
    pub fn new(store: Arc<Store>, context: Context, daemon: Uuid, limits: Limits) -> Self {
        let (done, deleting) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { store, context, daemon, limits, done, deleting }
    }

    /// The oldest ones, in order.
    pub async fn oldest(&self, limit: u32) -> Result<Vec<Event>, Error> {
        let (store, daemon) = (Arc::clone(&self.store), self.daemon);
        blocking(move || store.read(|conn| events::oldest(conn, &daemon, limit))).await
    }

    /// Notes one that need not be kept any more.
    pub fn done(&self, id: i64) {
        self.done.lock().push(id);
    }

    /// Deletes what was noted. When it cannot, it stays noted.
    pub async fn delete_done(&self) -> Result<(), Error> {
        let _deleting = self.deleting.lock().await;
        let ids = std::mem::take(&mut *self.done.lock());
        if ids.is_empty() {
            return Ok(());
        }
        let (store, to_delete) = (Arc::clone(&self.store), ids.clone());
        let delete = move || {
            store.write(Change::Sessions(None), move |tx| events::delete(tx.conn(), &to_delete))
        };
        let deleted = blocking(delete).await;
        if deleted.is_err() {
            self.done.lock().extend(ids);
        }
        deleted
    }

    /// Makes the rows ours that daemons left that are no more; how many.
    pub async fn take_over(&self) -> Result<u64, Error> {
        let (store, daemon) = (Arc::clone(&self.store), self.daemon);
        let take = move || {
            store.write(Change::Sessions(None), move |tx| events::take_over(tx.conn(), &daemon))
        };
        let taken = blocking(take).await?;
        if taken > 0 {
            log::info!(
                target: "wazo_auth.events",
                "{taken} events that an earlier daemon had no time to send are sent now"
            );
        }
        Ok(taken)
    }

    /// Drops the oldest ones beyond the limits, with a line in the log.
    pub async fn trim(&self) -> Result<(), Error> {
        let (store, daemon, limits) = (Arc::clone(&self.store), self.daemon, self.limits);
        let age = i64::try_from(limits.age.as_secs()).unwrap_or(i64::MAX);
        let since = self.context.now().as_second().saturating_sub(age);
        let trim = move || {
            store.write(Change::Sessions(None), move |tx| {
                events::trim(tx.conn(), &daemon, limits.events, since)
            })
        };
        let dropped = blocking(trim).await?;
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
