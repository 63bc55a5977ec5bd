//! The workers that plugins may hold together.
//!
//! The gate of a plugin bounds what that one plugin holds; several slow ones
//! could still hold every worker between them. So calls of all plugins but the
//! daemon's own count together, and one too many is refused: some workers are
//! always left for logins that need no such plugin.
//!
//! What counts is a worker, not a call: a call inside another one is on the
//! same worker, and a call that was abandoned holds none any more.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use wazo_auth_work::{JobHandle, current_job};

thread_local! {
    /// Whether this thread is counted already.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// The share of all plugins that count.
pub(crate) struct Share {
    workers: usize,
    state: Mutex<Vec<(u64, JobHandle)>>,
    next: AtomicU64,
}

/// A worker of the share; it is given back when dropped.
pub(crate) struct Turn {
    share: Arc<Share>,
    call: Option<u64>,
}

/// The share is used up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsedUp {
    /// How many workers it has.
    pub(crate) workers: usize,
}

// === impl Share ===

impl Share {
    /// A share of so many workers.
    pub(crate) fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self { workers, state: Mutex::default(), next: AtomicU64::new(0) })
    }

    /// Counts this worker until the turn ends. A thread of no pool is no
    /// worker.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Turn, UsedUp> {
        let share = Arc::clone(self);
        let Some(job) = current_job().filter(|_| !COUNTED.get()) else {
            return Ok(Turn { share, call: None });
        };
        let mut held = self.state.lock();
        if held.len() >= self.workers {
            let working = held.iter().filter(|(_, job)| !job.is_abandoned()).count();
            if working >= self.workers {
                return Err(UsedUp { workers: self.workers });
            }
        }
        let call = self.next.fetch_add(1, Ordering::Relaxed);
        held.push((call, job));
        COUNTED.set(true);
        drop(held);
        Ok(Turn { share, call: Some(call) })
    }
}

// === impl Turn ===

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(call) = self.call {
            self.share.state.lock().retain(|(held, _)| *held != call);
            COUNTED.set(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use wazo_auth_work::{Lost, Pool, within};

    use super::*;

    const NEVER: Duration = Duration::from_secs(20);

    /// Runs `job` on a worker and gives its result.
    fn run<T: Send + 'static>(
        pool: &Pool,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let (tell, told) = mpsc::channel();
        pool.submit(job, move |result| tell.send(result).unwrap()).unwrap();
        told.recv_timeout(NEVER).unwrap()
    }

    #[test]
    fn a_worker_counts_once_and_until_its_turn_ends() {
        let (pool, share) = (Pool::new("test", 2, 2), Share::new(1));
        let (first, second) = (Arc::clone(&share), Arc::clone(&share));
        let (release, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        let holds = move || {
            let turn = first.enter().ok().unwrap();
            drop(first.enter().ok().unwrap());
            begun.send(()).unwrap();
            wait.recv_timeout(NEVER).unwrap();
            drop(turn);
        };
        let (ended, has_ended) = mpsc::channel();
        pool.submit(holds, move |result| ended.send(result).unwrap()).unwrap();
        has_begun.recv_timeout(NEVER).unwrap();
        assert_eq!(run(&pool, move || second.enter().err()), Ok(Some(UsedUp { workers: 1 })));
        assert!(share.enter().is_ok(), "this thread is no worker");
        release.send(()).unwrap();
        has_ended.recv_timeout(NEVER).unwrap().unwrap();
        assert_eq!(run(&pool, move || share.enter().is_ok()), Ok(true));
    }

    #[test]
    fn who_was_given_up_holds_no_worker() {
        let (pool, share) = (Pool::new("test", 1, 2), Share::new(1));
        let hangs = Arc::clone(&share);
        let (release, wait) = mpsc::channel::<()>();
        let job = move || {
            let _turn = hangs.enter().ok().unwrap();
            let _ = within(Duration::from_millis(10), || wait.recv_timeout(NEVER));
        };
        assert_eq!(run(&pool, job), Err(Lost::TimedOut));
        assert_eq!(run(&pool, move || share.enter().is_ok()), Ok(true));
        drop(release);
    }
}
