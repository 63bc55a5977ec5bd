//! The connections that are open: how many there may be, which may go.
//!
//! ```text
//!              a place is free
//!  accepted ───────────────────▶ seated ──▶ requests, one after the other ──▶ ended
//!      │ all taken      ▲           ▲             │
//!      ▼                │           └── idle ◀────┘
//!  those idle longest   │                 │
//!  are asked to leave ──┘◀────────────────┘
//! ```
//!
//! A connection is idle while no request of it is being answered: also while
//! it is new, in its TLS handshake, or sends a request. So clients
//! that open connections and do nothing only drive out each other; where every
//! connection is at work, a new one waits for the first that ends.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::memory;

/// One in so many idle connections leaves at a time: to look for the oldest
/// costs a look at all.
const SHARE_TO_LEAVE: usize = 64;
/// So many leave enough memory behind to give it back.
const CROWD: usize = 1000;
/// When nobody could leave, somebody may after this time.
const RETRY: Duration = Duration::from_millis(50);
/// A connection may be idle for longer than it should by this part of the time.
const LOOKS_PER_LIMIT: u32 = 8;
const COMPLAIN_EVERY: Duration = Duration::from_secs(60);

/// All connections of a server.
pub(crate) struct Connections {
    most: usize,
    places: Arc<Semaphore>,
    seats: Mutex<HashMap<u64, Weak<Seat>>>,
    next: AtomicU64,
    /// The most that were open since memory was given back.
    peak: AtomicUsize,
    /// When the log was told last that all places are taken.
    complained: Mutex<Option<Instant>>,
}

/// What one connection is doing.
pub(crate) struct Seat {
    /// When it became idle: [`milliseconds`].
    idle_since: AtomicU64,
    /// Its client does not take an answer: it is not idle either.
    stalled: AtomicBool,
    /// Its client has yet to send a body, for which there is a time-out of its
    /// own: not idle, but it may have to leave for others as if it were.
    sending: AtomicBool,
    /// It has to leave for others.
    evicted: AtomicBool,
    leave: Notify,
}

/// The place of a connection, free again when dropped.
pub(crate) struct Place {
    pub(crate) seat: Arc<Seat>,
    number: u64,
    connections: Arc<Connections>,
    _permit: OwnedSemaphorePermit,
}

/// A request is being answered; it is over when dropped.
pub(crate) struct Answering<'a>(&'a Seat);

/// The body of a request is waited for until this is dropped.
pub(crate) struct Sending<'a>(&'a Seat);

/// Stands for the time of a connection that is not idle.
const BUSY: u64 = u64::MAX;

/// On a clock that only goes forward, exact to a few milliseconds: each request
/// asks, and the exact clock takes several times as long.
fn milliseconds() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE).map_or(Duration::ZERO, Duration::from);
    u64::try_from(now.as_millis()).unwrap_or(BUSY - 1)
}

// === impl Connections ===

impl Connections {
    /// At most `most` at a time.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        let most = most.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Arc::new(Self {
            most,
            places: Arc::new(Semaphore::new(most)),
            seats: Mutex::default(),
            next: AtomicU64::new(0),
            peak: AtomicUsize::new(0),
            complained: Mutex::default(),
        })
    }

    /// A place for a new connection, if need be that of an idle one.
    pub(crate) async fn place(self: &Arc<Self>) -> Place {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
                break permit;
            }
            self.complain();
            self.make_room();
            let place = Arc::clone(&self.places).acquire_owned();
            if let Ok(Ok(permit)) = timeout(RETRY, place).await {
                break permit;
            }
        };
        let seat = Arc::new(Seat {
            idle_since: AtomicU64::new(0),
            stalled: AtomicBool::new(false),
            sending: AtomicBool::new(false),
            evicted: AtomicBool::new(false),
            leave: Notify::new(),
        });
        seat.rest();
        self.peak.fetch_max(self.open(), Ordering::Relaxed);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.seats.lock().insert(number, Arc::downgrade(&seat));
        Place { seat, number, connections: Arc::clone(self), _permit: permit }
    }

    /// Asks those to leave that have been idle longest.
    pub(crate) fn make_room(&self) {
        let mut idle: Vec<(u64, Arc<Seat>)> = self
            .seats()
            .into_iter()
            .map(|seat| (seat.idle_since.load(Ordering::Relaxed), seat))
            .filter(|(since, seat)| *since != BUSY && seat.is_client_to_move())
            .collect();
        let leaving = idle.len().div_ceil(SHARE_TO_LEAVE);
        if leaving < idle.len() {
            idle.select_nth_unstable_by_key(leaving, |(since, _)| *since);
        }
        idle.iter().take(leaving).for_each(|(_, seat)| {
            seat.evicted.store(true, Ordering::Relaxed);
            seat.leave.notify_one();
        });
    }

    /// From time to time asks those to leave that have been idle for longer than
    /// `limit`; for ever. One look at all of them costs less than a timer of
    /// each, which every request would have to set anew.
    pub(crate) async fn close_idle(self: Arc<Self>, limit: Duration) {
        loop {
            tokio::time::sleep(limit / LOOKS_PER_LIMIT).await;
            let limit = u64::try_from(limit.as_millis()).unwrap_or(BUSY);
            let since = milliseconds().saturating_sub(limit);
            let is_due = |seat: &Arc<Seat>| {
                seat.idle_since.load(Ordering::Relaxed) < since && seat.is_idle()
            };
            self.seats()
                .iter()
                .filter(|seat| is_due(seat))
                .for_each(|seat| seat.leave.notify_one());
        }
    }

    /// Asks everybody to leave, and waits until all have.
    pub(crate) async fn end(&self) {
        self.seats().iter().for_each(|seat| seat.leave.notify_one());
        // Closed only if the server is gone, which is what is waited for.
        let _ = self.places.acquire_many(u32::try_from(self.most).unwrap_or(u32::MAX)).await;
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.most - self.places.available_permits().min(self.most)
    }

    /// One is about to end: the memory of a crowd goes with it.
    fn one_less(&self) {
        let (peak, open) = (self.peak.load(Ordering::Relaxed), self.open());
        if peak < CROWD || open > peak / 4 {
            return;
        }
        let first = self.peak.compare_exchange(peak, open, Ordering::Relaxed, Ordering::Relaxed);
        // Without a runtime the daemon is about to end.
        if let (Ok(_), Ok(runtime)) = (first, Handle::try_current()) {
            runtime.spawn_blocking(memory::give_back);
        }
    }

    fn complain(&self) {
        let mut last = self.complained.lock();
        if last.is_none_or(|last| last.elapsed() > COMPLAIN_EVERY) {
            let most = self.most;
            log::warn!(target: "wazo_auth.http", "all {most} connections are taken (rest_api.max_connections): those that are idle longest are closed");
            *last = Some(Instant::now());
        }
    }

    fn seats(&self) -> Vec<Arc<Seat>> {
        self.seats.lock().values().filter_map(Weak::upgrade).collect()
    }
}

// === impl Seat ===

impl Seat {
    /// Whether no request is being answered.
    fn is_idle(&self) -> bool {
        self.is_client_to_move() && !self.sending.load(Ordering::Relaxed)
    }

    /// Whether a request, or the rest of one, is waited for.
    fn is_client_to_move(&self) -> bool {
        self.idle_since.load(Ordering::Relaxed) != BUSY && !self.stalled.load(Ordering::Relaxed)
    }

    /// Whether who is asked to leave has nothing to finish before.
    pub(crate) fn may_leave_at_once(&self) -> bool {
        self.is_idle() || self.is_client_to_move() && self.evicted.load(Ordering::Relaxed)
    }

    /// Waits until the connection is to leave.
    pub(crate) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// A request has come.
    pub(crate) fn answering(&self) -> Answering<'_> {
        self.idle_since.store(BUSY, Ordering::Relaxed);
        Answering(self)
    }

    /// The client has yet to send the body of the request; over when dropped.
    pub(crate) fn waiting_for_body(&self) -> Sending<'_> {
        self.sending.store(true, Ordering::Relaxed);
        self.rest();
        Sending(self)
    }

    /// Whether the client lets its answer wait.
    pub(crate) fn stalled(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
        if !stalled && self.idle_since.load(Ordering::Relaxed) != BUSY {
            // It had no time to be idle yet.
            self.rest();
        }
    }

    /// It is idle from now on.
    pub(crate) fn rest(&self) {
        self.idle_since.store(milliseconds(), Ordering::Relaxed);
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.rest();
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.idle_since.store(BUSY, Ordering::Relaxed);
        self.0.sending.store(false, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.seats.lock().remove(&self.number);
        self.connections.one_less();
    }
}
