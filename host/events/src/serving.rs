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

use std::{collections::HashSet, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use wazo_auth_store::{Receipt, Taken, events::Event};

use crate::{
    broker::Link,
    confirms::{IN_LINE, OnItsWay, Unconfirmed},
    held::Held,
    publisher::{Failure, Publisher},
    wait::Wait,
};

/// Rows that are read, and sent, together.
const BATCH: u32 = 500;
/// How often it is looked whether the oldest row still waits.
const LOOK: Duration = Duration::from_millis(50);
/// Events that wait in memory for those of other daemons, at most.
const MOST_HELD: usize = 2000;
/// An unused connection that lasts so long is a good one.
const GOOD: Duration = Duration::from_secs(10);

/// What is on its way on one connection.
struct OnTheWay<'a> {
    link: &'a Link,
    confirms: mpsc::Sender<OnItsWay>,
    unconfirmed: &'a Unconfirmed,
}

/// What was sent of the table.
#[derive(Default)]
struct Sent {
    sent: Vec<i64>,
    /// The first that waits for another daemon's.
    waits: Option<i64>,
}

/// Why events are not passed on from the outbox any more.
enum End {
    /// They are in the table.
    Closed,
    Stopped,
}

// === impl Publisher ===

impl Publisher {
    /// Publishes over a connection until it is told to stop. Also: until when the
    /// connection was a good one, if it ever was: one whose broker confirms nothing of
    /// what it is sent is of no use.
    pub async fn serve(&self, link: Link) -> (Result<(), Failure>, Option<Instant>) {
        let began = Instant::now();
        let (confirms, arriving) = mpsc::channel(IN_LINE);
        let unconfirmed = Unconfirmed::new();
        let way = OnTheWay { link: &link, confirms, unconfirmed: &unconfirmed };
        let served = tokio::select! {
            fed = self.feed(&way) => fed,
            error = self.confirm(&link, arriving, &unconfirmed) => Err(error.into()),
            failure = self.look_after(&link, &unconfirmed) => Err(failure),
        };
        let why = if served.is_ok() { "the daemon stops" } else { "it begins anew" };
        link.close(why).await;
        let good_until = match unconfirmed.is_used() {
            true => unconfirmed.good_until(),
            false => (began.elapsed() >= GOOD).then(Instant::now),
        };
        (served, good_until)
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
            self.rows.open_outbox().await;
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
        let on_its_way = OnItsWay { id: event.id, subject: event.subject.clone(), confirm };
        way.confirms.send(on_its_way).await.map_err(lost)
    }

    /// Waits until everything is confirmed and its rows are gone.
    async fn settle(&self, way: &OnTheWay<'_>) -> Result<(), Failure> {
        way.unconfirmed.wait_for_none().await;
        Ok(self.rows.delete_done().await?)
    }
}

// === impl Sent ===

impl Sent {
    /// Whether there may be more.
    fn may_be_more(&self) -> bool {
        self.sent.len() == BATCH as usize
    }
}
