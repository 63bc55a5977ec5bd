//! Slots for the calls that run in a plugin, and a bounded queue before them.
//!
//! ```text
//!             a slot is free                      returns
//!  enter ────────────────────▶ in the plugin ─────────────────▶ slot given back
//!    │ none free     ▲           │        ▲
//!    ├──▶ waiting ───┘    calls  │        │ a slot is free (no bound on the
//!    │                   the host▼        │ queue: the call is under way)
//!    ▼ queue full,     slot given back ───┤
//!  Full  or every      (deadline stands   │ nobody waits for the call any more
//!        slot hangs     still)            └──▶ it goes on without a slot
//! ```
//!
//! A call that was abandoned keeps its slot until it returns. Who waits for a
//! slot waits on a worker that others need: hence a short queue, a short
//! patience, and none at all when every slot is held by an abandoned call. A
//! plugin that hangs thus holds as many workers as it has slots, and briefly
//! more. The queue may be longer before a plugin that gets on: as long as it would
//! be served within that patience.
//!
//! A slot is for the plugin's own time: while the host serves a plugin, another
//! call may use it. Otherwise plugins that call the host, which calls plugins,
//! could wait for each other for ever.

use std::{
    cell::Cell,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard};
use wazo_auth_work::{JobHandle, TimedOut, current_job, is_abandoned, paused};

/// Longest time that a call may wait for a slot. Who waits keeps a worker from
/// calls of other plugins, so that this does not grow with a plugin's timeout.
pub(crate) const MOST_PATIENCE: Duration = Duration::from_secs(1);
/// How long the host serves one call of a plugin, or its start: whoever asks for
/// ever would otherwise never come to a deadline. A service that has begun is not
/// cut short.
pub(crate) const MOST_SERVED: Duration = Duration::from_secs(10);

/// New calls that wait for a plugin that gets on, for each slot.
const MOST_QUEUED: usize = 4;

/// How often who has to wait for its slot looks up whether somebody waits for it.
const TICK: Duration = Duration::from_millis(20);

/// Numbers calls of all gates; 0 is none.
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The call that this thread is in, 0 for none.
    static INSIDE: Cell<u64> = const { Cell::new(0) };
    /// How long the host has served that call, or a start, in all; none on a
    /// thread of the plugin's own.
    static SERVED: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// The gate of one plugin.
pub(crate) struct Gate {
    slots: usize,
    /// How long a call waits for a slot, at most.
    patience: Duration,
    state: Mutex<State>,
    /// A slot is free for a new call.
    freed: Condvar,
    /// A slot is free for a call under way, before all new ones.
    back: Condvar,
}

struct State {
    /// The calls that have a slot.
    taken: Vec<Taken>,
    /// New calls that wait.
    queued: usize,
    /// Calls under way that wait to go on.
    returning: usize,
    pace: Pace,
}

/// How fast slots come free while calls wait for one.
struct Pace {
    /// Between two of them, of late; none: none has.
    interval: Option<Duration>,
    /// When the last one came free, or since when none is.
    since: Instant,
}

struct Taken {
    call: u64,
    /// Nobody waits for it, and no thread of ours is in it.
    left: bool,
    /// The job that it is part of, on a thread of a pool.
    job: Option<JobHandle>,
}

/// All slots are taken, and enough calls wait or none of them would be served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// Slots whose call was abandoned: it may never return.
    pub(crate) hung: usize,
}

/// A slot; it is given back when dropped.
pub(crate) struct Slot {
    gate: Arc<Gate>,
    call: u64,
}

/// Runs something of a plugin for which the host does not work for ever.
pub(crate) fn bounded<T>(call: impl FnOnce() -> T) -> T {
    let outer = SERVED.replace(Some(Duration::ZERO));
    let result = call();
    SERVED.set(outer);
    result
}

// === impl Gate ===

impl Gate {
    pub(crate) fn new(slots: usize, patience: Duration) -> Arc<Self> {
        let pace = Pace { interval: None, since: Instant::now() };
        let state = State { taken: Vec::with_capacity(slots), queued: 0, returning: 0, pace };
        let (freed, back) = (Condvar::new(), Condvar::new());
        Arc::new(Self { slots, patience, state: Mutex::new(state), freed, back })
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Calls that were given up and have not returned, on threads of ours.
    pub(crate) fn hung_here(&self) -> usize {
        let state = self.state.lock();
        state.taken.iter().filter(|taken| !taken.left && taken.is_hung()).count()
    }

    /// Waits for a slot, behind those who wait already.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Slot, Full> {
        let call = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.lock();
        if state.taken.len() + state.queued + state.returning >= self.slots {
            let hung = state.hung();
            let has_room = state.queued < self.slots
                || state.queued < MOST_QUEUED * self.slots && state.is_served_within(self.patience);
            if !has_room || hung == self.slots {
                return Err(Full { hung });
            }
            state.queued += 1;
            let free = self.wait_anew(&mut state, Instant::now() + self.patience);
            state.queued -= 1;
            if !free {
                return Err(Full { hung: state.hung() });
            }
        }
        state.take(call, self.slots);
        drop(state);
        Ok(Slot { gate: Arc::clone(self), call })
    }

    /// Runs what the host does for the plugin, `service`, without a slot. On a
    /// thread that the plugin made itself there is none to give back.
    ///
    /// # Errors
    /// [`TimedOut`] when the call was abandoned already, or asked for too much:
    /// then `service` is not run; and when it was abandoned while it waited for a
    /// slot.
    pub(crate) fn outside<T>(&self, service: impl FnOnce() -> T) -> Result<T, TimedOut> {
        let (call, served) = (INSIDE.get(), SERVED.get());
        if served.is_some_and(|served| served > MOST_SERVED) {
            return Err(TimedOut);
        }
        let (result, returned) = paused(|| {
            let given_back = self.give_back(call);
            let began = Instant::now();
            INSIDE.set(if given_back { 0 } else { call });
            let result = service();
            INSIDE.set(call);
            SERVED.set(served.map(|served| served + began.elapsed()));
            let goes_on = || self.go_on_before(call, Instant::now() + self.patience);
            (result, !given_back || goes_on())
        })?;
        if !returned {
            // The slots are held for long: from here on this call's own
            // deadline runs, so that its requester is answered too.
            self.go_on(call)?;
        }
        Ok(result)
    }

    fn go_on_before(&self, call: u64, deadline: Instant) -> bool {
        let mut state = self.state.lock();
        state.returning += 1;
        // With every slot hung there is nothing to be patient for.
        let free = state.hung() < self.slots && self.wait(&mut state, deadline);
        state.returning -= 1;
        if free {
            state.take(call, self.slots);
        } else {
            // It is not before new calls any more.
            self.tell(&state);
        }
        free
    }

    /// A call that nobody waits for any more has no use for a slot: those who
    /// hold them may wait for its end.
    fn go_on(&self, call: u64) -> Result<(), TimedOut> {
        let mut state = self.state.lock();
        state.returning += 1;
        let gone_on = loop {
            if self.wait(&mut state, Instant::now() + TICK) {
                state.take(call, self.slots);
                break Ok(());
            }
            if is_abandoned() {
                break Err(TimedOut);
            }
        };
        state.returning -= 1;
        if gone_on.is_err() {
            self.tell(&state);
        }
        gone_on
    }

    /// Waits until a slot is free for a call under way; says whether one is.
    fn wait(&self, state: &mut MutexGuard<'_, State>, deadline: Instant) -> bool {
        let none_free = |state: &mut State| state.taken.len() >= self.slots;
        self.back.wait_while_until(state, none_free, deadline);
        // One may have come free at the very moment that patience ended.
        !none_free(state)
    }

    /// Waits until a slot is free for a new call, which none under way waits for; says
    /// whether one is.
    fn wait_anew(&self, state: &mut MutexGuard<'_, State>, deadline: Instant) -> bool {
        let none_free = |state: &mut State| state.taken.len() + state.returning >= self.slots;
        self.freed.wait_while_until(state, none_free, deadline);
        !none_free(state)
    }

    /// Says whether the call had a slot here.
    fn give_back(&self, call: u64) -> bool {
        let mut state = self.state.lock();
        let given = state.give_back(call);
        if given {
            self.tell(&state);
        }
        given
    }

    /// Wakes whoever may use a slot that may be free.
    fn tell(&self, state: &State) {
        if state.returning > 0 {
            self.back.notify_one();
        }
        if state.taken.len() + state.returning < self.slots {
            self.freed.notify_one();
        }
    }
}

// === impl State ===

impl State {
    /// Slots that may never come back.
    fn hung(&self) -> usize {
        self.taken.iter().filter(|taken| taken.is_hung()).count()
    }

    /// Takes one of so many slots.
    fn take(&mut self, call: u64, slots: usize) {
        self.taken.push(Taken { call, left: false, job: current_job() });
        if self.taken.len() == slots && self.queued + self.returning == 0 {
            self.pace.since = Instant::now();
        }
    }

    fn give_back(&mut self, call: u64) -> bool {
        let Some(place) = self.taken.iter().position(|taken| taken.call == call) else {
            return false;
        };
        self.taken.swap_remove(place);
        if self.queued + self.returning > 0 {
            self.pace.note(Instant::now());
        }
        true
    }

    /// Whether one more in the queue would have its slot in time, if it goes on like
    /// this.
    fn is_served_within(&self, patience: Duration) -> bool {
        let Some(interval) = self.pace.interval else { return false };
        let interval = interval.max(self.pace.since.elapsed());
        let before = u32::try_from(self.queued + self.returning).unwrap_or(u32::MAX);
        interval.saturating_mul(before.saturating_add(1)) <= patience
    }
}

// === impl Pace ===

impl Pace {
    /// One has come free, for which others wait.
    fn note(&mut self, now: Instant) {
        let passed = now.duration_since(self.since);
        self.interval = Some(self.interval.map_or(passed, |before| (before * 7 + passed) / 8));
        self.since = now;
    }
}

// === impl Taken ===

impl Taken {
    fn is_hung(&self) -> bool {
        self.left || self.job.as_ref().is_some_and(JobHandle::is_abandoned)
    }
}

// === impl Slot ===

impl Slot {
    /// Runs a call into the plugin on this thread, and gives the slot back.
    pub(crate) fn call<T>(self, call: impl FnOnce() -> T) -> T {
        self.run(call)
    }

    /// Runs a call into the plugin on this thread.
    pub(crate) fn run<T>(&self, call: impl FnOnce() -> T) -> T {
        let outer = INSIDE.replace(self.call);
        let result = bounded(call);
        INSIDE.set(outer);
        result
    }

    /// This thread goes on without waiting for the call, which runs in another
    /// process: the slot hangs until it is dropped.
    pub(crate) fn leave(&self) {
        let mut state = self.gate.state.lock();
        if let Some(taken) = state.taken.iter_mut().find(|taken| taken.call == self.call) {
            (taken.left, taken.job) = (true, None);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.gate.give_back(self.call);
    }
}

#[cfg(test)]
mod tests;
