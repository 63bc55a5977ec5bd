//! One transaction for what several threads ask at the same moment.
//!
//! ```text
//!   join ──▶ fewer than two under way ───────▶ Lead ──┐
//!     │                                        ▲     │ its end
//!     └────▶ waits ─▶ the first of those who ──┘◀────┘
//!              └────▶ Done by another one
//! ```
//!
//! Most of what a short transaction costs a server, it costs once: so those that come
//! while others are at it go together, and as they are more, there are more of them
//! in one. Nobody waits for others to come.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::{Error, Outbox, Place, Row};

/// Transactions under way at once: while one waits for the disk, another one works.
const UNDER_WAY: usize = 2;
/// In one transaction, at most.
const MOST: usize = 32;
/// Bytes of their records together, unless one alone is longer.
const MOST_BYTES: usize = 1024 * 1024;

/// What waits, and what is under way.
#[derive(Default)]
pub(crate) struct Together {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Entry>,
    /// The subjects of each transaction under way.
    under_way: Vec<(u64, Vec<Box<str>>)>,
    /// Numbers transactions.
    next: u64,
}

/// What one thread asks.
pub(crate) struct Asked {
    /// The statement: only who asks the same goes together.
    pub sql: &'static str,
    /// Two of the same subject are not under way together.
    pub subject: Box<str>,
    /// What is to be locked for it, if anything.
    pub lock: Option<i32>,
    /// A JSON object.
    pub record: String,
    /// Where a place is to be reserved before the commit, if anywhere.
    pub outbox: Option<Arc<Outbox>>,
}

/// What was committed for it.
pub(crate) struct Done {
    pub row: Row,
    pub place: Option<Place>,
}

/// What it came to; nothing where it has to be done alone.
type Outcome = Option<Result<Done, Error>>;

/// How a thread goes on.
pub(crate) enum Joined<'a> {
    /// With what others ask, too.
    Lead(Led<'a>),
    /// Another thread has done it.
    Done(Outcome),
}

struct Entry {
    asked: Asked,
    seat: Arc<Seat>,
}

/// Where a thread waits.
#[derive(Default)]
struct Seat {
    next: Mutex<Option<Next>>,
    changed: Condvar,
}

enum Next {
    Lead(u64, Vec<Entry>),
    Done(Outcome),
}

/// A transaction under way, until it is dropped.
pub(crate) struct Turn<'a> {
    together: &'a Together,
    number: u64,
}

/// What one thread does for several, itself among them.
pub(crate) struct Led<'a> {
    entries: Vec<Entry>,
    own: Arc<Seat>,
    turn: Turn<'a>,
}

// === impl Together ===

impl Together {
    /// Waits for the turn of what is asked.
    pub fn join(&self, asked: Asked) -> Joined<'_> {
        let seat = Arc::new(Seat::default());
        let mut state = self.state.lock();
        state.waiting.push(Entry { asked, seat: Arc::clone(&seat) });
        state.begin();
        drop(state);
        match seat.wait() {
            Next::Done(done) => Joined::Done(done),
            Next::Lead(number, entries) => {
                let turn = Turn { together: self, number };
                Joined::Lead(Led { entries, own: seat, turn })
            }
        }
    }

    fn end(&self, number: u64) {
        let mut state = self.state.lock();
        state.under_way.retain(|(other, _)| *other != number);
        state.begin();
    }
}

// === impl State ===

impl State {
    /// Has the first of those who wait lead them, as long as there is room.
    fn begin(&mut self) {
        while self.under_way.len() < UNDER_WAY {
            let (entries, subjects) = self.gather();
            let Some(first) = entries.first() else { return };
            let (seat, number) = (Arc::clone(&first.seat), self.next);
            self.next += 1;
            self.under_way.push((number, subjects));
            seat.set(Next::Lead(number, entries));
        }
    }

    /// Those who wait for the same, up to so many, but for those of whose subject one is
    /// at it.
    fn gather(&mut self) -> (Vec<Entry>, Vec<Box<str>>) {
        let (mut gathered, mut subjects, mut left) = (Vec::<Entry>::new(), Vec::new(), Vec::new());
        let mut bytes = 0_usize;
        for entry in std::mem::take(&mut self.waiting) {
            let subject = &entry.asked.subject;
            let is_busy = subjects.contains(subject)
                || self.under_way.iter().any(|(_, subjects)| subjects.contains(subject));
            let is_other = gathered.first().is_some_and(|first| first.asked.sql != entry.asked.sql);
            let more = bytes.saturating_add(entry.asked.record.len());
            let is_full = gathered.len() == MOST || (bytes > 0 && more > MOST_BYTES);
            if is_busy || is_other || is_full {
                left.push(entry);
            } else {
                bytes = more;
                subjects.push(subject.clone());
                gathered.push(entry);
            }
        }
        self.waiting = left;
        (gathered, subjects)
    }
}

// === impl Seat ===

impl Seat {
    fn set(&self, next: Next) {
        *self.next.lock() = Some(next);
        self.changed.notify_one();
    }

    fn wait(&self) -> Next {
        let mut next = self.next.lock();
        loop {
            if let Some(next) = next.take() {
                return next;
            }
            self.changed.wait(&mut next);
        }
    }
}

// === impl Turn ===

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.together.end(self.number);
    }
}

// === impl Led ===

impl Led<'_> {
    /// The statement.
    pub fn sql(&self) -> &'static str {
        self.entries.first().map_or("", |entry| entry.asked.sql)
    }

    /// What is asked, in the order that the answers have to have.
    pub fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.entries.iter().map(|entry| &entry.asked)
    }

    /// Tells everybody, and this thread as well: nothing to who has to go on alone, and
    /// so to all when it failed for a reason that may be that of one. An outage is that of
    /// those who wait, too.
    pub fn finish(mut self, done: Result<Vec<Option<Done>>, Error>) -> Outcome {
        let mut entries = std::mem::take(&mut self.entries);
        let mut outcomes: Vec<Outcome> = match done {
            Ok(done) => done.into_iter().map(|done| done.map(Ok)).collect(),
            Err(error) if may_be_the_fault_of_one(&error) => Vec::new(),
            Err(error) => {
                entries.append(&mut self.turn.together.state.lock().waiting);
                entries.iter().map(|_| Some(Err(error.clone()))).collect()
            }
        };
        outcomes.resize_with(entries.len(), || None);
        let mut own = None;
        for (entry, outcome) in entries.into_iter().zip(outcomes) {
            if Arc::ptr_eq(&entry.seat, &self.own) {
                own = outcome;
            } else {
                entry.seat.set(Next::Done(outcome));
            }
        }
        own
    }
}

/// Whether the others may succeed without the one that failed: a lock may be one that
/// only it needs. What cannot be reached may have written all or nothing.
fn may_be_the_fault_of_one(error: &Error) -> bool {
    !error.is_outage() || matches!(error, Error::Conflict | Error::Busy | Error::Full)
}

impl Drop for Led<'_> {
    /// What is left of a panic.
    fn drop(&mut self) {
        for entry in self.entries.drain(..) {
            entry.seat.set(Next::Done(Some(Err(Error::Panicked))));
        }
    }
}

#[cfg(test)]
mod tests;
