//! A few background threads with a short queue before them.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::{fmt, io};

use parking_lot::{Condvar, Mutex};
use thiserror::Error;

use crate::priority;

/// All threads have work and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Too many passwords are waiting to be checked: try again in a few seconds")]
pub struct Busy;

/// Hashing panicked, which is a defect: trying again would hardly help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("A password could not be hashed, the log says why")]
pub struct HashingFailed;

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashError {
    /// All threads have work and the queue is full.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Hashing panicked.
    #[error(transparent)]
    Failed(#[from] HashingFailed),
}

/// The threads could not be started.
#[derive(Debug, Error)]
#[error("A thread for hashing passwords cannot be started, raise the limit on threads: {0}")]
pub struct StartError(#[from] io::Error);

/// The threads and their queue.
pub(crate) struct Pool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

struct Queue {
    /// Works accepted at one time: one for each thread, and those that wait.
    limit: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    running: usize,
    closed: bool,
}

type Work = Box<dyn FnOnce() + Send>;

// === impl Pool ===

impl Pool {
    /// Starts `threads` threads, before which `waiting` works may queue.
    pub(crate) fn start(threads: NonZeroUsize, waiting: usize, nice: i32) -> io::Result<Pool> {
        let limit = threads.get().saturating_add(waiting);
        let queue = Queue { limit, state: Mutex::default(), changed: Condvar::new() };
        // Made first: if a thread is refused, its drop ends the others.
        let mut pool = Pool { queue: Arc::new(queue), threads: Vec::new() };
        for number in 0..threads.get() {
            let queue = Arc::clone(&pool.queue);
            let thread = thread::Builder::new().name(format!("password-{number}"));
            pool.threads.push(thread.spawn(move || work(&queue, nice))?);
        }
        Ok(pool)
    }

    /// Has `task` run by one of the threads and waits for its result.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let queue = Arc::clone(&self.queue);
        self.queue.add(Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(task));
            // Before the answer: who has it can count on the room.
            queue.state.lock().running -= 1;
            match result {
                // The receiver waits just below.
                Ok(result) => drop(sender.send(result)),
                Err(_) => log::error!(target: "wazo_auth.password", "Hashing a password panicked"),
            }
        }))?;
        // The sender is lost only if the task panicked.
        receiver.recv().map_err(|_| HashError::Failed(HashingFailed))
    }

    pub(crate) fn unfinished(&self) -> usize {
        self.queue.state.lock().unfinished()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (threads, limit) = (self.threads.len(), self.queue.limit);
        f.debug_struct("Pool").field("threads", &threads).field("limit", &limit).finish()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.state.lock().closed = true;
        self.queue.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to end.
            let _ = thread.join();
        }
    }
}

/// The life of a thread.
fn work(queue: &Queue, nice: i32) {
    if let Err(error) = priority::move_to_background(nice) {
        log::warn!(
            target: "wazo_auth.password",
            "A thread that hashes passwords keeps the normal priority, so token checks may be slow \
             while many users log in: {error}"
        );
    }
    while let Some(work) = queue.next() {
        work();
    }
}

// === impl Queue ===

impl Queue {
    fn add(&self, work: Work) -> Result<(), Busy> {
        let mut state = self.state.lock();
        if state.unfinished() >= self.limit {
            return Err(Busy);
        }
        state.waiting.push_back(work);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// The next work, which counts as running from here on; nothing once the pool is dropped.
    fn next(&self) -> Option<Work> {
        let mut state = self.state.lock();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                state.running += 1;
                return Some(work);
            }
            if state.closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }
}

// === impl State ===

impl State {
    fn unfinished(&self) -> usize {
        self.waiting.len() + self.running
    }
}

#[cfg(test)]
mod tests;
