//! What a connection to the broker is used for.
//!
//! ```text
//!   catch up: the table, oldest first ──▶ open the outbox ──▶ pass on ──┐
//!            ▲                                                   │     │ as it is
//!            └────── too much at once, or rows taken over ◀──────┘◀────┘ committed
//! ```
//!
//! Of events of one subject, those of other daemons that are older go first. In the
//! table everything behind one that waits waits too; of what was just committed,
//! only what must.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use lapin::PublisherConfirm;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, interval, sleep, sleep_until, timeout},
};
use wazo_auth_store::{Error, Receipt, Taken, events::Event};

use crate::{
    broker::{BrokerError, Link},
    held::Held,
    publisher::{Failure, Publisher},
    rows::Rows,
};

/// Rows that are read, and sent, together.
const BATCH: u32 = 500;
/// Messages on their way without a confirmation, at most.
const UNCONFIRMED: usize = 4096;
/// A broker that confirms nothing of what it was sent for so long is away.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(30);
/// How often confirmed rows are deleted, and the connection is looked at.
const TICK: Duration = Duration::from_millis(200);
/// The least pause between two deletions, where others may wait for them.
const GAP: Duration = Duration::from_millis(50);
/// How often rows of daemons that are no more, or have no connection, are looked for.
const TAKE_OVER: Duration = Duration::from_secs(5);
/// The same, as long as anything waits for a row of another daemon.
const OVERCOME: Duration = Duration::from_secs(1);
/// How long anything waits for a row of a daemon that runs and says that it can send.
const CLAIM: Duration = Duration::from_secs(60);
/// How often it is looked whether the oldest row still waits.
const LOOK: Duration = Duration::from_millis(50);
/// Transactions whose events wait in memory, at most.
const MOST_HELD: usize = 1000;

/// What is on its way on one connection.
struct OnTheWay<'a> {
    link: &'a Link,
    confirms: mpsc::Sender<(i64, PublisherConfirm)>,
    unconfirmed: &'a Unconfirmed,
}

struct Unconfirmed {
    count: AtomicUsize,
    none: Notify,
    /// When the last one was confirmed, or the first one sent.
    changed: Mutex<Instant>,
    confirmed: AtomicBool,
}

/// What was sent of the table.
#[derive(Default)]
struct Sent {
    sent: Vec<i64>,
    /// The first that waits for another daemon's.
    waits: Option<i64>,
}

/// How long something has waited for another daemon.
struct Wait {
    since: Instant,
    tried: Instant,
}

/// Why events are not passed on from the outbox any more.
enum End {
    /// They are in the table.
    Closed,
    Stopped,
}

// === impl Publisher ===

impl Publisher {
    /// Publishes over a connection until it is told to stop. Also: whether the broker
    /// has confirmed anything.
    pub async fn serve(&self, link: Link) -> (Result<(), Failure>, bool) {
        let (confirms, arriving) = mpsc::channel(UNCONFIRMED);
        let unconfirmed = Unconfirmed::new();
        let way = OnTheWay { link: &link, confirms, unconfirmed: &unconfirmed };
        let served = tokio::select! {
            fed = self.feed(&way) => fed,
            error = self.confirm(&link, arriving, &unconfirmed) => Err(error.into()),
            failure = self.look_after(&link, &unconfirmed) => Err(failure),
        };
        let why = if served.is_ok() { "the daemon stops" } else { "it begins anew" };
        link.close(why).await;
        (served, unconfirmed.has_confirmed())
    }

    /// Sends everything, in order; returns when it is told to stop and all is
    /// confirmed.
    async fn feed(&self, way: &OnTheWay<'_>) -> Result<(), Failure> {
        loop {
            let caught_up = self.catch_up(way).await?;
            let _ = self.attempted.try_send(());
            let ended = match caught_up {
                Some((seen, end)) => self.pass_on(way, seen, end).await?,
                None => End::Stopped,
            };
            self.settle(way).await?;
            if matches!(ended, End::Stopped) {
                return Ok(());
            }
        }
    }

    /// Sends what stands in the table and opens the outbox. Gives what was read
    /// after that: it is in the outbox too, before the place that is given. Nothing
    /// when it is told to stop while it waits.
    async fn catch_up(&self, way: &OnTheWay<'_>) -> Result<Option<(HashSet<i64>, u64)>, Failure> {
        self.settle(way).await?;
        self.rows.take_over().await?;
        let (mut sent, mut wait) = (0, Wait::begin());
        loop {
            let rows = self.send_rows(way).await?;
            sent += rows.sent.len();
            // They must not be read a second time.
            self.settle(way).await?;
            if let Some(id) = rows.waits {
                if *self.stop.borrow() {
                    return Ok(None);
                }
                if !rows.sent.is_empty() {
                    wait = Wait::begin();
                }
                self.overcome(&mut wait, id).await?;
                continue;
            }
            if rows.may_be_more() {
                continue;
            }
            self.outbox.open();
            let rows = self.send_rows(way).await?;
            if rows.waits.is_none() && !rows.may_be_more() {
                if sent > 0 {
                    log::info!(target: "wazo_auth.events", "sent {sent} events that were kept");
                }
                return Ok(Some((rows.sent.into_iter().collect(), self.outbox.end())));
            }
            sent += rows.sent.len();
            self.outbox.close();
            self.settle(way).await?;
        }
    }

    /// Sends the oldest rows, up to one that waits.
    async fn send_rows(&self, way: &OnTheWay<'_>) -> Result<Sent, Failure> {
        let rows = self.rows.oldest(BATCH).await?;
        let mut sent = Sent::default();
        for row in &rows {
            if row.waits {
                sent.waits = Some(row.id);
                break;
            }
            self.publish(way, row).await?;
            sent.sent.push(row.id);
        }
        Ok(sent)
    }

    /// Waits a little for the daemons that are to send what `id` waits for; takes
    /// that over from those that cannot.
    async fn overcome(&self, wait: &mut Wait, id: i64) -> Result<(), Failure> {
        sleep(LOOK).await;
        wait.overcome(&self.rows, id).await?;
        Ok(())
    }

    /// Sends what is committed, except for what was `seen` in the table.
    async fn pass_on(
        &self,
        way: &OnTheWay<'_>,
        mut seen: HashSet<i64>,
        end: u64,
    ) -> Result<End, Failure> {
        let mut stop = self.stop.clone();
        let (mut held, mut wait) = (Held::new(), Wait::begin());
        loop {
            if !held.is_empty() && held.due() <= Instant::now() {
                self.look_again(way, &mut held, &mut wait).await?;
            }
            match self.outbox.take() {
                Taken::Events(mut events, receipt) => {
                    events.retain(|event| !seen.remove(&event.id));
                    held.add(events, receipt);
                    self.publish_released(way, &mut held).await?;
                    if self.outbox.is_past(end) {
                        seen.clear();
                    }
                    if held.len() > MOST_HELD {
                        self.outbox.close();
                    }
                }
                Taken::Closed => return Ok(End::Closed),
                Taken::Nothing if *stop.borrow() => return Ok(End::Stopped),
                Taken::Nothing => tokio::select! {
                    () = self.woken.notified() => {}
                    () = sleep_until(held.due()), if !held.is_empty() => {}
                    _ = stop.changed() => {}
                },
            }
        }
    }

    async fn publish_released(&self, way: &OnTheWay<'_>, held: &mut Held) -> Result<(), Failure> {
        let released = held.release();
        let mut published = Ok(());
        for event in &released.events {
            published = self.publish(way, event).await;
            if published.is_err() {
                break;
            }
        }
        released.receipts.iter().for_each(Receipt::done);
        published
    }

    /// Looks whether what is held still waits.
    async fn look_again(
        &self,
        way: &OnTheWay<'_>,
        held: &mut Held,
        wait: &mut Wait,
    ) -> Result<(), Failure> {
        let asked = held.waiting();
        let found = self.rows.still_waiting(asked.clone()).await?;
        held.note(&asked, &found);
        self.publish_released(way, held).await?;
        let Some((id, since)) = held.longest() else { return Ok(()) };
        wait.since = since;
        wait.overcome(&self.rows, id).await?;
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
        way.unconfirmed.add_one();
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
    async fn look_after(&self, link: &Link, unconfirmed: &Unconfirmed) -> Failure {
        let (mut ticks, mut looked) = (interval(TICK), Instant::now());
        let (mut failed, mut was_blocked) = (false, false);
        let are_shared = self.rows.are_shared();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                // Others may wait for them to be gone.
                () = self.rows.noted(), if are_shared => {}
            }
            if let Err(error) = link.check() {
                return Failure::Broker(error);
            }
            was_blocked = self.tell_if_blocked(link, was_blocked);
            if was_blocked {
                unconfirmed.excuse();
            } else if unconfirmed.are_late() {
                return Failure::Broker(link.silent());
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
                    self.woken.notify_one();
                }
            }
            if are_shared {
                sleep(GAP).await;
            }
        }
    }

    /// Says when the broker begins or ceases to take no messages; whether it takes none.
    fn tell_if_blocked(&self, link: &Link, was_blocked: bool) -> bool {
        let is_blocked = link.is_blocked();
        match (was_blocked, is_blocked) {
            (false, true) => log::warn!(target: "wazo_auth.events", "{}", link.blocked()),
            (true, false) => log::warn!(
                target: "wazo_auth.events",
                "the message broker takes messages again"
            ),
            _ => {}
        }
        is_blocked
    }
}

// === impl Sent ===

impl Sent {
    /// Whether there may be more.
    fn may_be_more(&self) -> bool {
        self.sent.len() == BATCH as usize
    }
}

// === impl Wait ===

impl Wait {
    fn begin() -> Self {
        let now = Instant::now();
        Self { since: now, tried: now }
    }

    /// Takes over what `id` waits for, when it is time to.
    async fn overcome(&mut self, rows: &Rows, id: i64) -> Result<(), Error> {
        if self.tried.elapsed() >= OVERCOME {
            self.tried = Instant::now();
            if rows.take_over().await? == 0 && self.since.elapsed() >= CLAIM {
                rows.claim(id).await?;
            }
        }
        Ok(())
    }
}

// === impl Unconfirmed ===

impl Unconfirmed {
    fn new() -> Self {
        let (count, none) = (AtomicUsize::new(0), Notify::new());
        let confirmed = AtomicBool::new(false);
        Self { count, none, changed: Mutex::new(Instant::now()), confirmed }
    }

    fn add_one(&self) {
        if self.count.fetch_add(1, Ordering::AcqRel) == 0 {
            self.excuse();
        }
    }

    fn remove_one(&self) {
        self.excuse();
        self.confirmed.store(true, Ordering::Relaxed);
        if self.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.none.notify_one();
        }
    }

    /// They are not late before long.
    fn excuse(&self) {
        *self.changed.lock() = Instant::now();
    }

    fn has_confirmed(&self) -> bool {
        self.confirmed.load(Ordering::Relaxed)
    }

    /// Whether the broker should have confirmed one by now.
    fn are_late(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0 && self.changed.lock().elapsed() > CONFIRMED_WITHIN
    }

    async fn wait_for_none(&self) {
        while self.count.load(Ordering::Acquire) > 0 {
            // A notification that came in between is kept.
            let _ = timeout(TICK, self.none.notified()).await;
        }
    }
}
