//! What was sent and the broker has not confirmed.
//!
//! A confirmation counts when it comes, also before those of earlier messages: one that
//! the broker withholds (a queue has no majority of its servers) keeps nothing but
//! itself, and what is of its subject, in the table. That stays together: if the end of
//! a session were forgotten before its beginning is confirmed, the beginning would be
//! sent again, after the end.

use std::{
    collections::{HashMap, VecDeque},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use lapin::PublisherConfirm;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout},
};

use crate::{
    broker::{BrokerError, Link},
    publisher::Publisher,
};

/// Messages on their way without a confirmation, at most.
const UNCONFIRMED: usize = 4096;
/// Messages that were sent and whose confirmation is not awaited yet, at most.
pub(crate) const IN_LINE: usize = 64;
/// A broker that confirms nothing of what it was sent for so long is away.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(30);
/// How long a notification may be missed.
const LOOK: Duration = Duration::from_millis(200);

/// A message that was sent.
pub(crate) struct OnItsWay {
    pub id: i64,
    pub subject: String,
    pub confirm: PublisherConfirm,
}

/// How many there are on one connection, and whether they are late.
pub(crate) struct Unconfirmed {
    count: AtomicUsize,
    none: Notify,
    /// When the last one was confirmed, or the first one sent.
    changed: Mutex<Instant>,
    used: AtomicBool,
    confirmed: AtomicBool,
}

/// What was sent of each subject, in order, and whether it is confirmed.
#[derive(Default)]
struct Subjects(HashMap<String, VecDeque<(i64, bool)>>);

// === impl Publisher ===

impl Publisher {
    /// Notes confirmations as they arrive, until one fails.
    pub async fn confirm(
        &self,
        link: &Link,
        mut arriving: mpsc::Receiver<OnItsWay>,
        unconfirmed: &Unconfirmed,
    ) -> BrokerError {
        let (mut awaited, mut subjects) = (FuturesUnordered::new(), Subjects::default());
        loop {
            tokio::select! {
                sent = arriving.recv(), if awaited.len() < UNCONFIRMED => {
                    let Some(OnItsWay { id, subject, confirm }) = sent else { return link.lost() };
                    subjects.sent(&subject, id);
                    awaited.push(async move { (id, subject, confirm.await) });
                }
                Some((id, subject, confirmed)) = awaited.next() => {
                    match confirmed {
                        Ok(confirmation) if confirmation.is_nack() => log::error!(
                            target: "wazo_auth.events",
                            "the message broker did not take event {id} for all of its queues (is one full?): \
                             it is not sent again"
                        ),
                        Ok(_) => {}
                        Err(error) => return link.failed(&error),
                    }
                    subjects.confirmed(&subject, id).for_each(|id| self.rows.done(id));
                    unconfirmed.remove_one();
                }
            }
        }
    }
}

// === impl Unconfirmed ===

impl Unconfirmed {
    pub fn new() -> Self {
        let (count, none) = (AtomicUsize::new(0), Notify::new());
        let (used, confirmed) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { count, none, changed: Mutex::new(Instant::now()), used, confirmed }
    }

    pub fn add_one(&self) {
        self.used.store(true, Ordering::Relaxed);
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
    pub fn excuse(&self) {
        *self.changed.lock() = Instant::now();
    }

    /// Whether anything was sent.
    pub fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Until when the broker has confirmed what it was sent, if it ever did.
    pub fn good_until(&self) -> Option<Instant> {
        let confirmed = self.confirmed.load(Ordering::Relaxed);
        let until = || if self.are_any() { *self.changed.lock() } else { Instant::now() };
        confirmed.then(until)
    }

    pub fn are_any(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Whether the broker should have confirmed one by now.
    pub fn are_late(&self) -> bool {
        self.are_any() && self.changed.lock().elapsed() > CONFIRMED_WITHIN
    }

    pub async fn wait_for_none(&self) {
        while self.are_any() {
            // A notification that came in between is kept.
            let _ = timeout(LOOK, self.none.notified()).await;
        }
    }
}

// === impl Subjects ===

impl Subjects {
    fn sent(&mut self, subject: &str, id: i64) {
        match self.0.get_mut(subject) {
            Some(known) => known.push_back((id, false)),
            None => drop(self.0.insert(subject.to_owned(), VecDeque::from([(id, false)]))),
        }
    }

    /// Gives what need not be kept any more.
    fn confirmed(&mut self, subject: &str, id: i64) -> impl Iterator<Item = i64> + use<> {
        let mut done = Vec::new();
        if let Some(known) = self.0.get_mut(subject) {
            known.iter_mut().filter(|(sent, _)| *sent == id).for_each(|(_, is_so)| *is_so = true);
            while let Some((id, true)) = known.front() {
                done.push(*id);
                known.pop_front();
            }
            if known.is_empty() {
                self.0.remove(subject);
            }
        }
        done.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_confirmed_before_an_earlier_one_is_kept_if_it_is_of_the_same_subject() {
        let mut subjects = Subjects::default();
        for (id, subject) in [(1, "a"), (2, "b"), (3, "a"), (4, "a"), (5, "b")] {
            subjects.sent(subject, id);
        }
        let mut done = |subject, id| subjects.confirmed(subject, id).collect::<Vec<_>>();
        assert_eq!(done("b", 2), [2], "it need not wait for the first one");
        assert!(done("a", 3).is_empty());
        assert_eq!(done("b", 5), [5]);
        assert_eq!(done("a", 1), [1, 3]);
        assert_eq!(done("a", 4), [4]);
        assert!(subjects.0.is_empty());
    }

    /// As if so much time had passed.
    fn pass(unconfirmed: &Unconfirmed, time: Duration) {
        *unconfirmed.changed.lock() -= time;
    }

    #[test]
    fn one_that_is_withheld_is_late_only_when_nothing_else_is_confirmed() {
        let unconfirmed = Unconfirmed::new();
        unconfirmed.add_one();
        for _ in 0..10 {
            unconfirmed.add_one();
            pass(&unconfirmed, CONFIRMED_WITHIN / 2);
            unconfirmed.remove_one();
            assert!(!unconfirmed.are_late());
        }
        pass(&unconfirmed, 2 * CONFIRMED_WITHIN);
        assert!(unconfirmed.are_late());
        let good_until = unconfirmed.good_until().unwrap();
        assert!(good_until.elapsed() >= 2 * CONFIRMED_WITHIN, "{good_until:?}");
    }

    #[test]
    fn a_connection_whose_broker_confirms_nothing_was_never_good() {
        let unconfirmed = Unconfirmed::new();
        assert!(!unconfirmed.is_used());
        unconfirmed.add_one();
        pass(&unconfirmed, 2 * CONFIRMED_WITHIN);
        assert!(unconfirmed.is_used() && unconfirmed.are_late());
        assert_eq!(unconfirmed.good_until(), None);
    }
}
