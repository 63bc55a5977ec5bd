//! The way of events from the transaction that wrote them to whoever publishes
//! them.
//!
//! ```text
//!   closure ─▶ rows, an announcement ─▶ reserve ─▶ COMMIT ─▶ fill ─▶ take ─▶ broker
//!   a joint transaction ─▶ reserve ─▶ rows, COMMIT ─▶ hold ─▶ fill ─▶ …
//! ```
//!
//! A place is reserved *before* the commit: whoever saw what a transaction did
//! gets a later place than it, so that a session is never told to be gone before
//! it is told to be there, whichever thread is faster.
//!
//! While nobody takes (the broker is away, or too slow), nothing is kept here:
//! the rows are in the table, and are read from there later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use uuid::Uuid;

use crate::events::Event;

/// Events that wait in memory, at most.
const MOST: usize = 10_000;

/// Events of this daemon that are committed and not sent.
pub struct Outbox {
    daemon: Uuid,
    queue: Mutex<Queue>,
    /// Called when there may be something to take.
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Queue {
    places: VecDeque<Content>,
    /// The number of the first of `places`.
    first: u64,
    /// Events in `places`.
    events: usize,
    /// Whether what is committed is kept here.
    is_open: bool,
    /// Somebody waited too long: nobody does any more, until all is sent.
    is_stalled: bool,
}

enum Content {
    Reserved,
    Nothing,
    Events(Vec<Event>, Receipt),
}

/// What there is to send.
pub enum Taken {
    /// The events of one transaction, and whom to tell once they are sent.
    Events(Vec<Event>, Receipt),
    /// Nothing at the moment.
    Nothing,
    /// It was closed: what is to be sent stands in the table.
    Closed,
}

/// Says when the events of one request are sent.
#[derive(Clone, Default)]
pub struct Receipt(Arc<Slip>);

#[derive(Default)]
struct Slip {
    state: Mutex<Sent>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Sent {
    /// Nothing was handed over.
    #[default]
    Nothing,
    Waiting,
    Done,
}

/// The events of one transaction on their way.
pub(crate) struct Announcement {
    outbox: Arc<Outbox>,
    events: Vec<Event>,
    receipt: Receipt,
}

/// A place in the queue, for what is about to be committed. Dropped, it is given up.
pub(crate) struct Place {
    outbox: Arc<Outbox>,
    number: u64,
    content: Option<(Vec<Event>, Receipt)>,
    is_open: bool,
}

// === impl Outbox ===

impl Outbox {
    /// An outbox that keeps nothing yet. `daemon`: this run of the daemon.
    #[must_use]
    pub fn new(daemon: Uuid, wake: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { daemon, queue: Mutex::default(), wake: Box::new(wake) })
    }

    /// Who writes these events.
    #[must_use]
    pub fn daemon(&self) -> &Uuid {
        &self.daemon
    }

    /// Keeps from now on what is committed.
    pub fn open(&self) {
        let mut queue = self.queue.lock();
        (queue.is_open, queue.is_stalled) = (true, false);
    }

    /// Keeps nothing any more, and nobody waits for it.
    pub fn close(&self) {
        self.queue.lock().close();
    }

    /// The oldest that is to be sent.
    pub fn take(&self) -> Taken {
        let mut queue = self.queue.lock();
        loop {
            match queue.places.front() {
                None if queue.is_open => {
                    queue.is_stalled = false;
                    return Taken::Nothing;
                }
                _ if !queue.is_open => return Taken::Closed,
                None | Some(Content::Reserved) => return Taken::Nothing,
                Some(Content::Nothing | Content::Events(..)) => {}
            }
            queue.first += 1;
            if let Some(Content::Events(events, receipt)) = queue.places.pop_front() {
                queue.events -= events.len();
                return Taken::Events(events, receipt);
            }
        }
    }

    /// A number that is greater than those of all places there are.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.queue.lock().end()
    }

    /// Whether all places before `end` were taken.
    #[must_use]
    pub fn is_past(&self, end: u64) -> bool {
        self.queue.lock().first >= end
    }

    /// Waits until the events of `receipt` are sent, if they are going to be. Once
    /// somebody waited longer than `limit`, nobody waits until all is sent.
    pub fn wait(&self, receipt: &Receipt, limit: Duration) {
        if self.queue.lock().is_stalled {
            return;
        }
        if !receipt.wait(limit) {
            self.queue.lock().is_stalled = true;
        }
    }

    fn reserve(&self) -> u64 {
        let mut queue = self.queue.lock();
        let number = queue.end();
        queue.places.push_back(Content::Reserved);
        number
    }

    fn fill(&self, number: u64, content: Content) {
        let mut queue = self.queue.lock();
        let content = match content {
            Content::Events(_, receipt) if !queue.is_open => {
                receipt.done();
                Content::Nothing
            }
            content => content,
        };
        if let Content::Events(events, _) = &content {
            queue.events += events.len();
        }
        let index = usize::try_from(number - queue.first).ok();
        if let Some(place) = index.and_then(|index| queue.places.get_mut(index)) {
            *place = content;
        }
        if queue.is_open && queue.events > MOST {
            queue.close();
        }
        if !queue.is_open {
            queue.forget_nothings();
        }
        drop(queue);
        (self.wake)();
    }
}

// === impl Queue ===

impl Queue {
    fn end(&self) -> u64 {
        self.first + self.places.len() as u64
    }

    fn close(&mut self) {
        self.is_open = false;
        self.is_stalled = false;
        self.events = 0;
        for place in &mut self.places {
            if let Content::Events(_, receipt) = place {
                receipt.done();
                *place = Content::Nothing;
            }
        }
        self.forget_nothings();
    }

    /// While nobody takes.
    fn forget_nothings(&mut self) {
        while matches!(self.places.front(), Some(Content::Nothing)) {
            self.places.pop_front();
            self.first += 1;
        }
    }
}

// === impl Receipt ===

impl Receipt {
    /// Says that they are sent, or are not going to be before long.
    pub fn done(&self) {
        *self.0.state.lock() = Sent::Done;
        self.0.changed.notify_all();
    }

    /// False when it took too long.
    fn wait(&self, limit: Duration) -> bool {
        let mut state = self.0.state.lock();
        let waited =
            self.0.changed.wait_while_for(&mut state, |sent| *sent == Sent::Waiting, limit);
        !waited.timed_out()
    }
}

// === impl Announcement ===

impl Announcement {
    pub fn new(outbox: &Arc<Outbox>, events: Vec<Event>, receipt: &Receipt) -> Self {
        Self { outbox: Arc::clone(outbox), events, receipt: receipt.clone() }
    }

    /// To be called when all that its transaction has to do is to commit.
    pub fn reserve(self) -> Place {
        let Self { outbox, events, receipt } = self;
        let mut place = Place::reserve(&outbox);
        place.hold(events, receipt);
        place
    }
}

// === impl Place ===

impl Place {
    /// Before the commit, for what is only known after it.
    pub fn reserve(outbox: &Arc<Outbox>) -> Self {
        let number = outbox.reserve();
        Self { outbox: Arc::clone(outbox), number, content: None, is_open: true }
    }

    /// What it is for.
    pub fn hold(&mut self, events: Vec<Event>, receipt: Receipt) {
        self.content = Some((events, receipt));
    }

    /// To be called once the transaction is committed.
    pub fn fill(mut self) {
        if let Some((events, receipt)) = self.content.take() {
            self.is_open = false;
            *receipt.0.state.lock() = Sent::Waiting;
            self.outbox.fill(self.number, Content::Events(events, receipt));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_open {
            self.outbox.fill(self.number, Content::Nothing);
        }
    }
}

#[cfg(test)]
mod tests;
