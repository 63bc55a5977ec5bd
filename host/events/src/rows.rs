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

use crate::event::subject_of;

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
    done: Arc<Mutex<Vec<i64>>>,
    /// That it has.
    noted: Notify,
    /// Held while rows are being deleted.
    deleting: Arc<tokio::sync::Mutex<()>>,
    /// Held from before the outbox is closed for rows that become ours until they are.
    taking: Arc<tokio::sync::Mutex<()>>,
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
        let (done, deleting, taking) = (Arc::default(), Arc::default(), Arc::default());
        let noted = Notify::new();
        Self { store, context, daemon, outbox, limits, done, noted, deleting, taking }
    }

    /// Whether other daemons may wait for our rows to be deleted.
    pub fn are_shared(&self) -> bool {
        self.store.is_shared()
    }

    /// The oldest ones, in order, with what they are about.
    pub async fn oldest(&self, limit: u32) -> Result<Vec<Event>, Error> {
        let (store, daemon) = (Arc::clone(&self.store), self.daemon);
        let mut rows =
            blocking(move || store.read(|conn| events::oldest(conn, &daemon, limit))).await?;
        for row in rows.iter_mut().filter(|row| row.subject.is_empty()) {
            row.subject = subject_of(row);
        }
        Ok(rows)
    }

    /// Opens the outbox. Whatever is ours by then is seen in the table afterwards:
    /// rows that just become ours are waited for, since nobody else says that they are
    /// there.
    pub async fn open_outbox(&self) {
        let _taking = self.taking.lock().await;
        self.outbox.open();
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

    /// Deletes what was noted. When it cannot, it stays noted; also when nobody waits
    /// for the end of this any more.
    pub async fn delete_done(&self) -> Result<(), Error> {
        let deleting = Arc::clone(&self.deleting).lock_owned().await;
        if self.done.lock().is_empty() {
            return Ok(());
        }
        let (store, done) = (Arc::clone(&self.store), Arc::clone(&self.done));
        blocking(move || {
            let _deleting = deleting;
            let ids = std::mem::take(&mut *done.lock());
            let to_delete = ids.clone();
            let deleted = write(&store, move |conn| events::delete(conn, &to_delete));
            if deleted.is_err() {
                done.lock().extend(ids);
            }
            deleted
        })
        .await
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

    /// Goes on when nobody waits for it any more; then, whoever opens the outbox waits.
    async fn take(
        &self,
        f: impl Fn(&mut dyn Conn) -> Result<u64, Error> + Send + Sync + 'static,
    ) -> Result<u64, Error> {
        let taking = Arc::clone(&self.taking).lock_owned().await;
        let (store, outbox, f) = (Arc::clone(&self.store), Arc::clone(&self.outbox), Arc::new(f));
        blocking(move || {
            let _taking = taking;
            let mut all = 0;
            loop {
                let (outbox, f) = (Arc::clone(&outbox), Arc::clone(&f));
                let taken = write(&store, move |conn| {
                    let taken = f(conn)?;
                    if taken > 0 {
                        // Before the commit: whatever is written after it, and so need
                        // not wait for them any more, must not be sent before them.
                        outbox.close();
                    }
                    Ok(taken)
                })?;
                all += taken;
                if taken < u64::from(events::TAKEN_AT_ONCE) {
                    return Ok(all);
                }
            }
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        f: impl Fn(&mut dyn Conn) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = Arc::clone(&self.store);
        blocking(move || write(&store, f)).await
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

fn write<T: Send + 'static>(
    store: &Store,
    f: impl Fn(&mut dyn Conn) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    store.write(Change::Sessions(None), move |tx| f(tx.conn()))
}

async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(f).await;
    done.unwrap_or_else(|error| Err(Error::Other(error.to_string())))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use wazo_auth_context::Environment;
    use wazo_auth_store::{
        Options, Receipt, Taken,
        events::{NewEvent, News},
    };

    use super::*;

    struct Site {
        rows: Arc<Rows>,
        _folder: tempfile::TempDir,
    }

    fn site() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let time_zone = jiff::tz::TimeZone::UTC;
        let context = Context::system(Environment { xivo_uuid: None, time_zone });
        let path = folder.path().join("auth.db");
        let store = Store::open(Options { path, readers: 1, sealer: None }, context.clone());
        let outbox = Outbox::new(Uuid::from_u128(1), || {});
        let rows = Rows::new(store.unwrap(), context, outbox, Limits::default());
        Site { rows: Arc::new(rows), _folder: folder }
    }

    fn keep(rows: &Rows, daemon: u128, routing_keys: &[&str]) {
        let outbox = Outbox::new(Uuid::from_u128(daemon), || {});
        let new = |key: &&str| NewEvent {
            subject: String::new(),
            routing_key: (*key).to_owned(),
            body: "{}".to_owned(),
        };
        let new: Vec<_> = routing_keys.iter().map(new).collect();
        let kept = rows.store.write(Change::Sessions(None), move |tx| {
            let (outbox, receipt) = (Arc::clone(&outbox), Receipt::default());
            tx.announce(News { outbox, events: new.clone(), created_at: 0, receipt })
        });
        kept.unwrap();
    }

    /// What becomes ours while somebody opens the outbox is either seen in the table
    /// or closes it again, also when the connection for which it is taken is gone.
    #[tokio::test]
    async fn the_outbox_stays_closed_until_rows_that_are_being_taken_over_are_ours() {
        let Site { rows, _folder } = site();
        let (entered, has_entered) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let may_go_on = Mutex::new(may_go_on);
        let there = Arc::clone(&rows);
        let taking = tokio::spawn(async move {
            let f = move |_: &mut dyn Conn| {
                let _ = entered.send(());
                let _ = may_go_on.lock().recv();
                Ok(1)
            };
            there.take(f).await
        });
        tokio::task::spawn_blocking(move || has_entered.recv()).await.unwrap().unwrap();
        taking.abort();
        let _ = taking.await;
        let opened = tokio::time::timeout(Duration::ZERO, rows.open_outbox()).await;
        assert!(opened.is_err(), "opened, although rows become ours that it does not know of");
        go_on.send(()).unwrap();
        rows.open_outbox().await;
        assert!(matches!(rows.outbox.take(), Taken::Nothing));
    }

    #[tokio::test]
    async fn rows_of_other_daemons_become_ours_all_of_them() {
        let Site { rows, _folder } = site();
        let many = vec!["a.b.c"; 2 * events::TAKEN_AT_ONCE as usize + 1];
        keep(&rows, 2, &many);
        assert_eq!(rows.take_over().await.unwrap(), many.len() as u64);
        assert_eq!(rows.oldest(u32::MAX).await.unwrap().len(), many.len());
    }

    #[tokio::test]
    async fn rows_that_are_done_are_deleted_also_when_nobody_waits_for_that() {
        let Site { rows, _folder } = site();
        keep(&rows, 1, &["a.b.c", "a.b.d"]);
        let ids: Vec<_> = rows.oldest(9).await.unwrap().iter().map(|row| row.id).collect();
        ids.iter().for_each(|id| rows.done(*id));
        // A connection that ends meanwhile; the next one begins with this.
        let _ = tokio::time::timeout(Duration::ZERO, rows.delete_done()).await;
        rows.delete_done().await.unwrap();
        assert!(rows.oldest(9).await.unwrap().is_empty(), "they are sent again");
    }
}
