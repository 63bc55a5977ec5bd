//! What is done beside sending: confirmed rows are deleted, the connection and the
//! limits of what is kept are looked at, rows that nobody sends are taken over.

use std::time::Duration;

use tokio::time::{Instant, interval, sleep};

use crate::{
    broker::Link,
    confirms::Unconfirmed,
    publisher::{Failure, Publisher, TRIM},
};

/// How often confirmed rows are deleted, and the connection is looked at.
const TICK: Duration = Duration::from_millis(200);
/// The least pause between two deletions, where others may wait for them.
const GAP: Duration = Duration::from_millis(50);
/// How often rows of daemons that are no more, or have no connection, are looked for.
const TAKE_OVER: Duration = Duration::from_secs(5);

// === impl Publisher ===

impl Publisher {
    /// Deletes what is confirmed, and notices that the connection is lost.
    pub async fn look_after(&self, link: &Link, unconfirmed: &Unconfirmed) -> Failure {
        let (mut ticks, mut looked, mut trimmed) = (interval(TICK), Instant::now(), Instant::now());
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
            // A broker without room may keep the connection for days.
            if (was_blocked || unconfirmed.are_any()) && trimmed.elapsed() >= TRIM {
                trimmed = Instant::now();
                self.keep_within_limits().await;
            }
            if looked.elapsed() >= TAKE_OVER {
                looked = Instant::now();
                // An error is told by the one above, if it is the database; the outbox
                // may be closed all the same.
                if !matches!(self.rows.take_over().await, Ok(0)) {
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
