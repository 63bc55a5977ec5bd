//! The deadline of the call that a pool's thread is in.

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::pool::Shared;

/// The call did not return in time; the job it belonged to was abandoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call did not return in time")]
pub struct TimedOut;

/// What one thread of a pool is doing, as its pool's watcher sees it.
pub(crate) struct Desk {
    pub(crate) pool: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    deadline: Option<Instant>,
    abandoned: bool,
    /// Tells the requester; taken by whoever ends the job first.
    on_abandon: Option<Box<dyn FnOnce() + Send>>,
}

thread_local! {
    static DESK: RefCell<Option<Arc<Desk>>> = const { RefCell::new(None) };
}

/// Runs `call` under a deadline of `limit` from now.
///
/// On a thread of a [`Pool`](crate::Pool), when the deadline passes first, the
/// job is abandoned (see the crate's documentation) and this gives
/// [`TimedOut`] once `call` has returned. On any other thread there is no
/// deadline: `call` just runs.
///
/// # Errors
/// [`TimedOut`] when the job was abandoned, before or during this call.
pub fn within<T>(limit: Duration, call: impl FnOnce() -> T) -> Result<T, TimedOut> {
    let Some(desk) = current() else { return Ok(call()) };
    let outer = desk.begin(limit)?;
    // Puts the outer deadline back even when `call` unwinds.
    let ending = Ending { desk: &desk, outer };
    let result = call();
    drop(ending);
    if desk.is_abandoned() { Err(TimedOut) } else { Ok(result) }
}

/// Stops the clock of the innermost deadline while `service` runs: what the
/// host does on behalf of a plugin does not count as the plugin's time.
pub fn paused<T>(service: impl FnOnce() -> T) -> T {
    let Some(desk) = current() else { return service() };
    let left = desk.pause();
    let resuming = Resuming { desk: &desk, left };
    let result = service();
    drop(resuming);
    result
}

/// Whether the job of this thread was abandoned: nobody waits for its result
/// any more, so it must not change anything.
#[must_use]
pub fn is_abandoned() -> bool {
    current().is_some_and(|desk| desk.is_abandoned())
}

/// Makes `desk` the one of this thread.
pub(crate) fn sit_down(desk: Arc<Desk>) {
    DESK.with_borrow_mut(|current| *current = Some(desk));
}

fn current() -> Option<Arc<Desk>> {
    DESK.with_borrow(Clone::clone)
}

struct Ending<'a> {
    desk: &'a Desk,
    outer: Option<Instant>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.desk.state.lock().deadline = self.outer;
    }
}

struct Resuming<'a> {
    desk: &'a Desk,
    left: Option<Duration>,
}

impl Drop for Resuming<'_> {
    fn drop(&mut self) {
        self.desk.state.lock().deadline = self.left.map(|left| Instant::now() + left);
        if self.left.is_some() {
            self.desk.pool.watch();
        }
    }
}

// === impl Desk ===

impl Desk {
    pub(crate) fn new(pool: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { pool, state: Mutex::default() })
    }

    fn begin(&self, limit: Duration) -> Result<Option<Instant>, TimedOut> {
        let deadline = Instant::now() + limit;
        let outer = {
            let mut state = self.state.lock();
            if state.abandoned {
                return Err(TimedOut);
            }
            let outer = state.deadline;
            state.deadline = Some(outer.map_or(deadline, |outer| outer.min(deadline)));
            outer
        };
        self.pool.watch();
        Ok(outer)
    }

    fn pause(&self) -> Option<Duration> {
        let deadline = self.state.lock().deadline.take();
        deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.state.lock().abandoned
    }

    /// A job begins; `on_abandon` tells its requester that it was given up.
    pub(crate) fn take_up(&self, on_abandon: Box<dyn FnOnce() + Send>) {
        let mut state = self.state.lock();
        state.deadline = None;
        state.on_abandon = Some(on_abandon);
    }

    /// The job has ended; says whether it had been abandoned.
    pub(crate) fn put_down(&self) -> bool {
        let mut state = self.state.lock();
        state.deadline = None;
        state.on_abandon = None;
        state.abandoned
    }

    /// Gives the job up if its deadline has passed. Otherwise says whether
    /// there is a deadline to come back for.
    pub(crate) fn expire(&self, now: Instant) -> Expiry {
        let on_abandon = {
            let mut state = self.state.lock();
            match state.deadline {
                None => return Expiry::Nothing,
                Some(_) if state.abandoned => return Expiry::Nothing,
                Some(deadline) if deadline > now => return Expiry::Later,
                Some(_) => {}
            }
            state.abandoned = true;
            state.on_abandon.take()
        };
        if let Some(on_abandon) = on_abandon {
            on_abandon();
        }
        Expiry::Abandoned
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    Nothing,
    Later,
    Abandoned,
}
