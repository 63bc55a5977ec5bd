//! Slots for the calls that run in a plugin, and a bounded queue before them.
//!
//! ```text
//!             a slot is free                      returns
//!  enter ────────────────────▶ in the plugin ─────────────────▶ slot given back
//!    │ none free     ▲           │        ▲
//!    ├──▶ waiting ───┘    calls  │        │ a slot is free (no bound on the
//!    │                   the host▼        │ queue: the call is under way)
//!    ▼ queue full      slot given back ───┘
//!  Full                (deadline stands still)
//! ```
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

use parking_lot::{Condvar, Mutex};
use wazo_auth_work::paused;

/// Waiting calls per slot beyond which a call is refused.
const QUEUE_PER_SLOT: usize = 4;

/// Numbers gates; 0 is none.
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The gate whose slot this thread holds, 0 for none.
    static INSIDE: Cell<u64> = const { Cell::new(0) };
}

/// The gate of one plugin.
pub(crate) struct Gate {
    number: u64,
    slots: usize,
    /// How long a call waits for a slot, at most.
    patience: Duration,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    free: usize,
    /// New calls that wait.
    queued: usize,
    /// Calls under way that wait to go on.
    returning: usize,
}

/// All slots are taken and enough calls are waiting.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A slot; it is given back when dropped.
pub(crate) struct Slot {
    gate: Arc<Gate>,
}

// === impl Gate ===

impl Gate {
    pub(crate) fn new(slots: usize, patience: Duration) -> Arc<Self> {
        let state = State { free: slots, queued: 0, returning: 0 };
        Arc::new(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            slots,
            patience,
            state: Mutex::new(state),
            freed: Condvar::new(),
        })
    }

    /// Waits for a slot, behind those who wait already.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Slot, Full> {
        let mut state = self.state.lock();
        if state.free > state.queued + state.returning {
            state.free -= 1;
            return Ok(Slot { gate: Arc::clone(self) });
        }
        if state.queued >= self.slots * QUEUE_PER_SLOT {
            return Err(Full);
        }
        let deadline = Instant::now() + self.patience;
        state.queued += 1;
        while state.free == 0 && !self.freed.wait_until(&mut state, deadline).timed_out() {}
        state.queued -= 1;
        if state.free == 0 {
            return Err(Full);
        }
        state.free -= 1;
        Ok(Slot { gate: Arc::clone(self) })
    }

    /// Runs what the host does for the plugin, `service`, without a slot. On a
    /// thread that the plugin made itself there is none to give back.
    pub(crate) fn outside<T>(&self, service: impl FnOnce() -> T) -> T {
        if INSIDE.get() != self.number {
            return service();
        }
        INSIDE.set(0);
        self.give_back();
        let (result, returned) = paused(|| {
            let result = service();
            (result, self.go_on_before(Instant::now() + self.patience))
        });
        if !returned {
            // Every slot hangs: from here on this call's own deadline runs, so
            // that its requester is answered too.
            self.go_on();
        }
        INSIDE.set(self.number);
        result
    }

    fn go_on_before(&self, deadline: Instant) -> bool {
        let mut state = self.state.lock();
        state.returning += 1;
        while state.free == 0 && !self.freed.wait_until(&mut state, deadline).timed_out() {}
        state.returning -= 1;
        let returned = state.free > 0;
        state.free -= usize::from(returned);
        returned
    }

    fn go_on(&self) {
        let mut state = self.state.lock();
        state.returning += 1;
        self.freed.wait_while(&mut state, |state| state.free == 0);
        state.returning -= 1;
        state.free -= 1;
    }

    fn give_back(&self) {
        self.state.lock().free += 1;
        self.freed.notify_one();
    }
}

// === impl Slot ===

impl Slot {
    /// Runs a call into the plugin on this thread.
    pub(crate) fn call<T>(self, call: impl FnOnce() -> T) -> T {
        let outer = INSIDE.replace(self.gate.number);
        let result = call();
        INSIDE.set(outer);
        result
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.gate.give_back();
    }
}

#[cfg(test)]
mod tests;
