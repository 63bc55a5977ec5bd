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
    /// The innermost one; none while it is paused.
    deadline: Option<Instant>,
    /// How long the clock has stood still in all, for the outer deadlines.
    stopped: Duration,
    abandoned: bool,
    /// Tells the requester; taken by whoever ends the job first.
    on_abandon: Option<OnAbandon>,
}

pub(crate) type OnAbandon = Box<dyn FnOnce() + Send>;

thread_local! {
    static DESK: RefCell<Option<Arc<Desk>>> = const { RefCell::new(None) };
}

/// The job of a thread, for other threads to look at while it runs.
#[derive(Clone)]
pub struct JobHandle(Arc<Desk>);

/// Runs `call` under a deadline of `limit` from now.
///
/// On a thread of a [`Pool`](crate::Pool), when the deadline passes first, the
/// job is abandoned (see the crate's documentation) and this gives
/// [`TimedOut`] once `call` has returned. On any other thread there is no
/// deadline: `call` just runs.
///
/// Inside another such call the earlier of the two deadlines counts; the outer
/// one is back when this returns.
///
/// # Errors
/// [`TimedOut`] when the job was abandoned, before or during this call.
pub fn within<T>(limit: Duration, call: impl FnOnce() -> T) -> Result<T, TimedOut> {
    let Some(desk) = current() else { return Ok(call()) };
    // Puts the outer deadline back even when `call` unwinds.
    let ending = desk.begin(limit)?;
    let result = call();
    drop(ending);
    if desk.is_abandoned() { Err(TimedOut) } else { Ok(result) }
}

/// Stops the clock of all deadlines while `service` runs: what the host does
/// on behalf of a plugin does not count as the time of that plugin, nor of one
/// further out that is waiting for it. A call [`within`] a deadline inside
/// `service` has a clock of its own.
///
/// The job cannot be abandoned meanwhile, unless by such an inner call: what
/// `service` changes is waited for.
///
/// # Errors
/// [`TimedOut`] when the job was abandoned before; `service` is not run.
pub fn paused<T>(service: impl FnOnce() -> T) -> Result<T, TimedOut> {
    let Some(desk) = current() else { return Ok(service()) };
    let resuming = desk.pause()?;
    let result = service();
    drop(resuming);
    Ok(result)
}

/// Whether the job of this thread was abandoned: nobody waits for its result
/// any more, so it must not change anything.
///
/// It may be a moment later: to change something, ask [`paused`].
#[must_use]
pub fn is_abandoned() -> bool {
    current().is_some_and(|desk| desk.is_abandoned())
}

/// The job of this thread; none on a thread of no pool.
#[must_use]
pub fn current_job() -> Option<JobHandle> {
    current().map(JobHandle)
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
    /// Of the clock, when the call began.
    stopped: Duration,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut state = self.desk.state.lock();
        state.deadline = later(self.outer, state.stopped.saturating_sub(self.stopped));
    }
}

struct Resuming<'a> {
    desk: &'a Desk,
    deadline: Option<Instant>,
    since: Instant,
    /// Of the clock, at that time: pauses further in are part of this one.
    stopped: Duration,
}

impl Drop for Resuming<'_> {
    fn drop(&mut self) {
        let lasted = self.since.elapsed();
        let deadline = later(self.deadline, lasted);
        {
            let mut state = self.desk.state.lock();
            state.deadline = deadline;
            state.stopped = self.stopped.saturating_add(lasted);
        }
        if deadline.is_some() {
            self.desk.pool.watch();
        }
    }
}

/// A deadline put off. Beyond what the clock can tell, there is none.
fn later(deadline: Option<Instant>, by: Duration) -> Option<Instant> {
    deadline.and_then(|deadline| deadline.checked_add(by))
}

// === impl JobHandle ===

impl JobHandle {
    /// Whether it was abandoned. Of use only while the job runs: the thread
    /// goes on to others.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }
}

// === impl Desk ===

impl Desk {
    pub(crate) fn new(pool: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { pool, state: Mutex::default() })
    }

    fn begin(&self, limit: Duration) -> Result<Ending<'_>, TimedOut> {
        let deadline = Instant::now().checked_add(limit);
        let ending = {
            let mut state = self.state.lock();
            if state.abandoned {
                return Err(TimedOut);
            }
            let (outer, stopped) = (state.deadline, state.stopped);
            state.deadline = outer.into_iter().chain(deadline).min();
            Ending { desk: self, outer, stopped }
        };
        self.pool.watch();
        Ok(ending)
    }

    /// Under one lock: whoever gets past this is not abandoned meanwhile.
    fn pause(&self) -> Result<Resuming<'_>, TimedOut> {
        let mut state = self.state.lock();
        if state.abandoned {
            return Err(TimedOut);
        }
        let (deadline, stopped) = (state.deadline.take(), state.stopped);
        Ok(Resuming { desk: self, deadline, since: Instant::now(), stopped })
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.state.lock().abandoned
    }

    /// A job begins; `on_abandon` tells its requester that it was given up.
    pub(crate) fn take_up(&self, on_abandon: OnAbandon) {
        let mut state = self.state.lock();
        state.deadline = None;
        state.stopped = Duration::ZERO;
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
        let mut state = self.state.lock();
        match state.deadline {
            Some(deadline) if !state.abandoned && deadline <= now => {
                state.abandoned = true;
                Expiry::Abandoned(state.on_abandon.take())
            }
            Some(_) if !state.abandoned => Expiry::Later,
            _ => Expiry::Nothing,
        }
    }
}

pub(crate) enum Expiry {
    Nothing,
    Later,
    /// The job was given up; what is inside tells its requester.
    Abandoned(Option<OnAbandon>),
}
