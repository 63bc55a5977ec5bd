//! A pool of threads with a bounded queue.

use std::{
    collections::{HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::deadline::{self, Desk, Expiry};

/// How late a passed deadline may be noticed.
const WATCH_INTERVAL: Duration = Duration::from_millis(20);

/// The queue of the pool is full: refuse now rather than answer too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much work is waiting already")]
pub struct Full;

/// Why a job has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// A call inside it did not return in time.
    #[error("a call did not return in time")]
    TimedOut,
    /// It panicked; the panic hook has told the log.
    #[error("the work ended in a panic")]
    Panicked,
}

/// Threads that run blocking jobs, made when first needed and then kept.
pub struct Pool {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    name: String,
    threads: usize,
    queue: usize,
    state: Mutex<State>,
    work: Condvar,
    /// A job is over, or was given up.
    over: Condvar,
    desks: Mutex<Vec<Arc<Desk>>>,
    watching: AtomicBool,
    watch: Mutex<bool>,
    watch_wanted: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Queued>,
    /// How many jobs of an owner run, given up or not.
    held: HashMap<Owner, usize>,
    threads: usize,
    idle: usize,
    /// Jobs that have begun and are neither answered nor given up.
    running: usize,
    closed: bool,
}

type Job = Box<dyn FnOnce(&Desk) + Send>;
/// Whose jobs must leave threads to those of others.
type Owner = Arc<str>;

struct Queued {
    owner: Option<Owner>,
    job: Job,
}

/// A job of an owner that runs.
struct Holding<'a> {
    shared: &'a Shared,
    owner: Owner,
}

/// Says, however the watcher ends, that there is none any more.
struct Watching<'a>(&'a AtomicBool);

// === impl Pool ===

impl Pool {
    /// A pool of at most `threads` threads (named after `name`) before which at
    /// most `queue` jobs may wait: it holds `threads + queue` jobs, whether or
    /// not its threads have started already.
    #[must_use]
    pub fn new(name: &str, threads: usize, queue: usize) -> Arc<Self> {
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            threads: threads.max(1),
            queue,
            state: Mutex::default(),
            work: Condvar::new(),
            over: Condvar::new(),
            desks: Mutex::default(),
            watching: AtomicBool::new(false),
            watch: Mutex::new(false),
            watch_wanted: Condvar::new(),
        });
        Arc::new(Self { shared })
    }

    /// Queues `job`; `done` is told its result, once, on one of the pool's
    /// threads.
    ///
    /// # Errors
    /// [`Full`] when it holds as many jobs as it may; `done` is then dropped.
    pub fn submit<T, J, D>(&self, job: J, done: D) -> Result<(), Full>
    where
        T: Send + 'static,
        J: FnOnce() -> T + Send + 'static,
        D: FnOnce(Result<T, Lost>) + Send + 'static,
    {
        self.shared.push(None, Box::new(move |desk| run(desk, job, done)))
    }

    /// The same for a job of `owner`, whose jobs may all take long at the same time,
    /// while those of others must go on: no owner runs more jobs than it leaves
    /// threads free, and no more of its jobs wait than there is room left. The first
    /// one thus gets half of the threads, another one half of the rest, and so on.
    ///
    /// # Errors
    /// [`Full`] when it holds as many jobs as it may; `done` is then dropped.
    pub fn submit_for<T, J, D>(&self, owner: &str, job: J, done: D) -> Result<(), Full>
    where
        T: Send + 'static,
        J: FnOnce() -> T + Send + 'static,
        D: FnOnce(Result<T, Lost>) + Send + 'static,
    {
        let (shared, owner) = (Arc::clone(&self.shared), Owner::from(owner));
        let held = Arc::clone(&owner);
        let job = move || {
            // Until it is over: one that was given up still does what it did.
            let _holding = Holding { shared: &shared, owner: held };
            job()
        };
        self.shared.push(Some(owner), Box::new(move |desk| run(desk, job, done)))
    }

    /// Waits until no job waits or runs, but no longer than `patience`; gives how many
    /// still do.
    #[must_use]
    pub fn wait_until_idle(&self, patience: Duration) -> usize {
        let until = Instant::now() + patience;
        let mut state = self.shared.state.lock();
        while state.running + state.jobs.len() > 0 {
            if self.shared.over.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.running + state.jobs.len()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.work.notify_all();
        *self.shared.watch.lock() = true;
        self.shared.watch_wanted.notify_all();
    }
}

/// Runs one job; whoever comes first, this or the watcher, tells `done`.
fn run<T, J, D>(desk: &Desk, job: J, done: D)
where
    J: FnOnce() -> T,
    D: FnOnce(Result<T, Lost>) + Send + 'static,
{
    let done = Arc::new(Mutex::new(Some(done)));
    let given_up = Arc::clone(&done);
    desk.take_up(Box::new(move || {
        let done = given_up.lock().take();
        if let Some(done) = done {
            done(Err(Lost::TimedOut));
        }
    }));
    let result = catch_unwind(AssertUnwindSafe(job)).map_err(|payload| {
        // A payload's own destructor may panic; there is no one left to tell.
        std::mem::forget(payload);
        Lost::Panicked
    });
    if desk.put_down() {
        // Given up: the watcher has told, or is about to.
        return;
    }
    // Before the answer: who has it can count on the room.
    desk.pool.state.lock().running -= 1;
    desk.pool.over.notify_all();
    let done = done.lock().take();
    if let Some(done) = done {
        done(result);
    }
}

/// Runs what may panic on a thread that must go on. The panic hook has told
/// the log.
fn contain(work: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
        std::mem::forget(payload);
    }
}

// === impl Watching ===

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

// === impl Holding ===

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if let Some(held) = state.held.get_mut(&self.owner) {
            *held -= 1;
            if *held == 0 {
                state.held.remove(&self.owner);
            }
        }
        drop(state);
        // The thread of one that was given up looks for no other job.
        self.shared.work.notify_one();
    }
}

// === impl State ===

impl State {
    /// The first job whose turn it is, of a pool of so many threads.
    fn next(&mut self, threads: usize) -> Option<Queued> {
        let free = threads.saturating_sub(self.running);
        let held = |owner: &Owner| self.held.get(owner).copied().unwrap_or_default();
        let is_next =
            |queued: &Queued| queued.owner.as_ref().is_none_or(|owner| held(owner) < free);
        let place = self.jobs.iter().position(is_next)?;
        self.jobs.remove(place)
    }

    fn waiting(&self, owner: &Owner) -> usize {
        self.jobs.iter().filter(|queued| queued.owner.as_ref() == Some(owner)).count()
    }
}

// === impl Shared ===

impl Shared {
    fn push(self: &Arc<Self>, owner: Option<Owner>, job: Job) -> Result<(), Full> {
        let mut state = self.state.lock();
        let most = self.threads.saturating_add(self.queue);
        let room = most.saturating_sub(state.running + state.jobs.len());
        let waiting = owner.as_ref().map_or(0, |owner| state.waiting(owner));
        if waiting >= room {
            return Err(Full);
        }
        state.jobs.push_back(Queued { owner, job });
        if state.idle < state.jobs.len() && state.threads < self.threads {
            self.hire(&mut state);
        }
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    fn hire(self: &Arc<Self>, state: &mut State) {
        let shared = Arc::clone(self);
        let builder = std::thread::Builder::new().name(self.name.clone());
        match builder.spawn(move || shared.work_until_closed()) {
            Ok(_) => state.threads += 1,
            // The threads there are go on; with none at all the job waits for
            // the next attempt.
            Err(error) => {
                log::error!(target: "wazo_auth.work", "cannot start a thread of pool {}: {error}", self.name)
            }
        }
    }

    fn work_until_closed(self: Arc<Self>) {
        let desk = Desk::new(Arc::clone(&self));
        self.desks.lock().push(Arc::clone(&desk));
        deadline::sit_down(Arc::clone(&desk));
        while let Some(job) = self.next_job() {
            // The job's own panics are caught further in; its `done` is not ours.
            contain(|| job(&desk));
            if desk.is_abandoned() {
                break;
            }
        }
        self.desks.lock().retain(|other| !Arc::ptr_eq(other, &desk));
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(Queued { owner, job }) = state.next(self.threads) {
                state.running += 1;
                if let Some(owner) = owner {
                    *state.held.entry(owner).or_default() += 1;
                }
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            self.work.wait(&mut state);
            state.idle -= 1;
        }
    }

    /// A thread's call has got a deadline: make sure that somebody looks.
    pub(crate) fn watch(self: &Arc<Self>) {
        if self.watching.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = Arc::clone(self);
        let name = format!("{}-watch", self.name);
        if let Err(error) =
            std::thread::Builder::new().name(name).spawn(move || shared.keep_watch())
        {
            self.watching.store(false, Ordering::Release);
            log::error!(target: "wazo_auth.work", "cannot watch the deadlines of pool {}: {error}", self.name);
        }
    }

    /// Looks at the deadlines until none is left, then waits for nothing.
    fn keep_watch(self: Arc<Self>) {
        let watching = Watching(&self.watching);
        let mut quiet = 0;
        // A second of quiet keeps this thread from coming and going with every
        // request.
        while quiet < 50 {
            let mut closed = self.watch.lock();
            if *closed && quiet > 0 {
                return;
            }
            self.watch_wanted.wait_for(&mut closed, WATCH_INTERVAL);
            drop(closed);
            quiet = if self.expire_deadlines() { 0 } else { quiet + 1 };
        }
        drop(watching);
        // A call that began between the last look and the line above found a
        // watcher; look once more so that it has one.
        if self.expire_deadlines() {
            self.watch();
        }
    }

    /// Gives up what is too late; says whether any deadline is still to come.
    fn expire_deadlines(self: &Arc<Self>) -> bool {
        let now = Instant::now();
        let desks = self.desks.lock().clone();
        let mut later = false;
        for desk in desks {
            match desk.expire(now) {
                Expiry::Nothing => {}
                Expiry::Later => later = true,
                Expiry::Abandoned(tell) => {
                    self.replace_a_thread();
                    if let Some(tell) = tell {
                        contain(tell);
                    }
                }
            }
        }
        later
    }

    fn replace_a_thread(self: &Arc<Self>) {
        let mut state = self.state.lock();
        state.threads -= 1;
        state.running -= 1;
        self.over.notify_all();
        if !state.jobs.is_empty() {
            self.hire(&mut state);
        }
    }
}
