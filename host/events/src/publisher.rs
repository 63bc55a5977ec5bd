//! The thread that publishes.
//!
//! ```text
//!            ┌──── connect, with back-off ◀──────────────── lost, refused
//!            ▼                                                   ▲
//!   catch up: the table, oldest first ──▶ open the outbox ──▶ pass on ──┐
//!            ▲                                                   │     │ as it is
//!            └────── too much at once, or rows taken over ◀──────┘◀────┘ committed
//! ```

use std::{
    collections::HashSet,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self as std_mpsc, Receiver, SyncSender},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use lapin::PublisherConfirm;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, interval, sleep, timeout},
};
use wazo_auth_context::Context;
use wazo_auth_store::{Error, Outbox, Store, Taken, events::Event};

use crate::{
    broker::{Broker, BrokerError, Link},
    rows::{Limits, Rows},
};

/// Rows that are read, and sent, together.
const BATCH: u32 = 500;
/// Messages on their way without a confirmation, at most.
const UNCONFIRMED: usize = 4096;
/// How often confirmed rows are deleted, and the connection is looked at.
const TICK: Duration = Duration::from_millis(200);
/// How often rows of daemons that are no more are looked for.
const TAKE_OVER: Duration = Duration::from_secs(30);
/// How often it is looked whether too much is kept.
const TRIM: Duration = Duration::from_secs(10);
/// The first and the longest pause between two attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// What the end of the runtime waits for.
const SHUTDOWN: Duration = Duration::from_millis(100);

/// The thread, for whoever started it.
pub(crate) struct Handle {
    stop: watch::Sender<bool>,
    attempted: Receiver<()>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

struct Publisher {
    broker: Broker,
    outbox: Arc<Outbox>,
    rows: Rows,
    woken: Arc<Notify>,
    stop: watch::Receiver<bool>,
    attempted: SyncSender<()>,
}

/// Why there was an end to publishing.
enum Failure {
    Broker(BrokerError),
    Store(Error),
}

/// What is on its way on one connection.
struct OnTheWay<'a> {
    link: &'a Link,
    confirms: mpsc::Sender<(i64, PublisherConfirm)>,
    unconfirmed: &'a Unconfirmed,
}

#[derive(Default)]
struct Unconfirmed {
    count: AtomicUsize,
    none: Notify,
}

/// Why events are not passed on from the outbox any more.
enum End {
    /// They are in the table.
    Closed,
    Stopped,
}

/// Starts the thread.
pub(crate) fn start(
    broker: Broker,
    limits: Limits,
    store: Arc<Store>,
    context: Context,
) -> io::Result<(Arc<Outbox>, Handle)> {
    let woken = Arc::new(Notify::new());
    let wake = Arc::clone(&woken);
    let daemon = context.uuid();
    store.hold(daemon);
    let outbox = Outbox::new(daemon, move || wake.notify_one());
    let (stop, stopped) = watch::channel(false);
    let (attempted, first_attempt) = std_mpsc::sync_channel(1);
    let (ending, ended) = std_mpsc::sync_channel(1);
    let publisher = Publisher {
        broker,
        outbox: Arc::clone(&outbox),
        rows: Rows::new(store, context, daemon, limits),
        woken,
        stop: stopped,
        attempted,
    };
    // The connection's own thread needs a reactor that does not wait for us.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("events-io")
        .enable_all()
        .build()?;
    let thread = Builder::new().name("events".to_owned()).spawn(move || {
        runtime.block_on(publisher.run());
        drop(publisher);
        runtime.shutdown_timeout(SHUTDOWN);
        drop(ending);
    })?;
    Ok((outbox, Handle { stop, attempted: first_attempt, ended, thread: Some(thread) }))
}

// === impl Handle ===

impl Handle {
    pub fn wait_for_first_attempt(&self, limit: Duration) {
        // Late or over: either way there is nothing more to wait for.
        let _ = self.attempted.recv_timeout(limit);
    }

    pub fn stop(&mut self, limit: Duration) {
        let _ = self.stop.send(true);
        let Some(thread) = self.thread.take() else { return };
        match self.ended.recv_timeout(limit) {
            Err(std_mpsc::RecvTimeoutError::Timeout) => log::warn!(
                target: "wazo_auth.events",
                "not all events could be sent before the end; the next start sends them"
            ),
            _ if thread.join().is_err() => {
                log::error!(target: "wazo_auth.events", "the publisher of events ended in a panic");
            }
            _ => {}
        }
    }
}

// === impl Publisher ===

impl Publisher {
    async fn run(&self) {
        let mut stop = self.stop.clone();
        let (mut pause, mut told, mut trimmed) = (PAUSES.0, None, None);
        loop {
            let failure = match self.broker.connect().await {
                Ok(link) => {
                    let place = self.broker.place();
                    log::info!(target: "wazo_auth.events", "connected to the message broker at {place}");
                    (pause, told) = (PAUSES.0, None);
                    match self.serve(link).await {
                        Ok(()) => return,
                        Err(failure) => failure,
                    }
                }
                Err(error) => Failure::Broker(error),
            };
            self.outbox.close();
            tell(&failure, &mut told);
            // Nobody waits for the first attempt any more.
            let _ = self.attempted.try_send(());
            if *stop.borrow() {
                return;
            }
            if trimmed.is_none_or(|last: Instant| last.elapsed() >= TRIM) {
                trimmed = Some(Instant::now());
                self.keep_within_limits().await;
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(PAUSES.1),
                _ = stop.changed() => {}
            }
        }
    }

    /// Publishes over a connection until it is told to stop.
    async fn serve(&self, link: Link) -> Result<(), Failure> {
        let (confirms, arriving) = mpsc::channel(UNCONFIRMED);
        let unconfirmed = Unconfirmed::default();
        let way = OnTheWay { link: &link, confirms, unconfirmed: &unconfirmed };
        let served = tokio::select! {
            fed = self.feed(&way) => fed,
            error = self.confirm(&link, arriving, &unconfirmed) => Err(error.into()),
            failure = self.look_after(&link) => Err(failure),
        };
        if served.is_ok() {
            link.close().await;
        }
        served
    }

    /// Sends everything, in order; returns when it is told to stop and all is
    /// confirmed.
    async fn feed(&self, way: &OnTheWay<'_>) -> Result<(), Failure> {
        loop {
            let (seen, end) = self.catch_up(way).await?;
            let _ = self.attempted.try_send(());
            let ended = self.pass_on(way, seen, end).await?;
            self.settle(way).await?;
            if matches!(ended, End::Stopped) {
                return Ok(());
            }
        }
    }

    /// Sends what stands in the table and opens the outbox. Gives what was read
    /// after that: it is in the outbox too, before the place that is given.
    async fn catch_up(&self, way: &OnTheWay<'_>) -> Result<(HashSet<i64>, u64), Failure> {
        self.settle(way).await?;
        self.rows.take_over().await?;
        let mut sent = 0;
        loop {
            let rows = self.send_rows(way).await?;
            sent += rows.len();
            // They must not be read a second time.
            self.settle(way).await?;
            if rows.len() == BATCH as usize {
                continue;
            }
            self.outbox.open();
            let rows = self.send_rows(way).await?;
            if rows.len() < BATCH as usize {
                if sent > 0 {
                    log::info!(target: "wazo_auth.events", "sent {sent} events that were kept");
                }
                return Ok((rows.into_iter().collect(), self.outbox.end()));
            }
            self.outbox.close();
            self.settle(way).await?;
        }
    }

    /// Sends the oldest rows; which ones.
    async fn send_rows(&self, way: &OnTheWay<'_>) -> Result<Vec<i64>, Failure> {
        let rows = self.rows.oldest(BATCH).await?;
        for row in &rows {
            self.publish(way, row).await?;
        }
        Ok(rows.iter().map(|row| row.id).collect())
    }

    /// Sends what is committed, except for what was `seen` in the table.
    async fn pass_on(
        &self,
        way: &OnTheWay<'_>,
        mut seen: HashSet<i64>,
        end: u64,
    ) -> Result<End, Failure> {
        let mut stop = self.stop.clone();
        loop {
            match self.outbox.take() {
                Taken::Events(events, receipt) => {
                    let sent = self.publish_unseen(way, &events, &mut seen).await;
                    receipt.done();
                    sent?;
                    if self.outbox.is_past(end) {
                        seen.clear();
                    }
                }
                Taken::Closed => return Ok(End::Closed),
                Taken::Nothing if *stop.borrow() => return Ok(End::Stopped),
                Taken::Nothing => tokio::select! {
                    () = self.woken.notified() => {}
                    _ = stop.changed() => {}
                },
            }
        }
    }

    async fn publish_unseen(
        &self,
        way: &OnTheWay<'_>,
        events: &[Event],
        seen: &mut HashSet<i64>,
    ) -> Result<(), Failure> {
        for event in events {
            if !seen.remove(&event.id) {
                self.publish(way, event).await?;
            }
        }
        Ok(())
    }

    async fn publish(&self, way: &OnTheWay<'_>, event: &Event) -> Result<(), Failure> {
        let Some(confirm) = way.link.publish(event).await? else {
            log::error!(
                target: "wazo_auth.events",
                "row {} of wazo_auth_event is no message (another program spoilt it): dropped", event.id
            );
            self.rows.done(event.id);
            return Ok(());
        };
        way.unconfirmed.count.fetch_add(1, Ordering::AcqRel);
        let lost = |_| Failure::Broker(way.link.lost());
        way.confirms.send((event.id, confirm)).await.map_err(lost)
    }

    /// Waits until everything is confirmed and its rows are gone.
    async fn settle(&self, way: &OnTheWay<'_>) -> Result<(), Failure> {
        way.unconfirmed.wait_for_none().await;
        Ok(self.rows.delete_done().await?)
    }

    /// Notes confirmations as they arrive, until one fails.
    async fn confirm(
        &self,
        link: &Link,
        mut arriving: mpsc::Receiver<(i64, PublisherConfirm)>,
        unconfirmed: &Unconfirmed,
    ) -> BrokerError {
        while let Some((id, confirm)) = arriving.recv().await {
            match confirm.await {
                Ok(confirmation) => {
                    if confirmation.is_nack() {
                        log::error!(
                            target: "wazo_auth.events",
                            "the message broker did not take event {id} for all of its queues (is one full?): \
                             it is not sent again"
                        );
                    }
                    self.rows.done(id);
                    unconfirmed.remove_one();
                }
                Err(error) => return link.failed(&error),
            }
        }
        link.lost()
    }

    /// Deletes what is confirmed, and notices that the connection is lost.
    async fn look_after(&self, link: &Link) -> Failure {
        let (mut ticks, mut looked) = (interval(TICK), Instant::now());
        let mut failed = false;
        loop {
            ticks.tick().await;
            if let Err(error) = link.check() {
                return Failure::Broker(error);
            }
            let deleted = self.rows.delete_done().await;
            if let Err(error) = &deleted
                && !failed
            {
                log::warn!(
                    target: "wazo_auth.events",
                    "events that were sent cannot be deleted now, later: {error}"
                );
            }
            failed = deleted.is_err();
            if looked.elapsed() >= TAKE_OVER {
                looked = Instant::now();
                // Told by the one above, if it is the database.
                if self.rows.take_over().await.is_ok_and(|taken| taken > 0) {
                    self.outbox.close();
                    self.woken.notify_one();
                }
            }
        }
    }

    async fn keep_within_limits(&self) {
        if let Err(error) = self.rows.trim().await {
            log::debug!(target: "wazo_auth.events", "old events were not looked for: {error}");
        }
    }
}

// === impl Unconfirmed ===

impl Unconfirmed {
    fn remove_one(&self) {
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.none.notify_one();
        }
    }

    async fn wait_for_none(&self) {
        while self.count.load(Ordering::Acquire) > 0 {
            // A notification that came in between is kept.
            let _ = timeout(TICK, self.none.notified()).await;
        }
    }
}

// === impl Failure ===

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// Says it, unless that was the last thing said.
fn tell(failure: &Failure, told: &mut Option<String>) {
    const KEPT: &str = "events are kept, and sent later";
    let (line, is_for_somebody) = match failure {
        Failure::Broker(error) => (format!("{error}; {KEPT}"), error.is_for_somebody()),
        Failure::Store(error) => (format!("events cannot be read or deleted: {error}"), false),
    };
    if told.as_ref() == Some(&line) {
        return;
    }
    match is_for_somebody {
        true => log::error!(target: "wazo_auth.events", "{line}"),
        false => log::warn!(target: "wazo_auth.events", "{line}"),
    }
    *told = Some(line);
}
