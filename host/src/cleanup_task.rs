//! The thread that ends expired tokens (tokens.md section 9).

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use wazo_auth_service::Services;

/// Runs until it is dropped.
pub(crate) struct CleanupTask {
    stop: Option<mpsc::Sender<()>>,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

// === impl CleanupTask ===

impl CleanupTask {
    /// Starts the task: a cycle now, then one per interval, from start to
    /// start. An interval of zero: no task.
    pub(crate) fn start(services: Arc<Services>, interval: Duration) -> io::Result<Option<Self>> {
        if interval.is_zero() {
            return Ok(None);
        }
        let (stop, stopped) = mpsc::channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopping);
        let thread = Builder::new().name("cleanup".to_owned()).spawn(move || {
            loop {
                let started = Instant::now();
                run_cycle(&services, &flag, interval);
                let left = interval.saturating_sub(started.elapsed());
                if !matches!(stopped.recv_timeout(left), Err(RecvTimeoutError::Timeout)) {
                    return;
                }
            }
        })?;
        Ok(Some(Self { stop: Some(stop), stopping, thread: Some(thread) }))
    }
}

impl Drop for CleanupTask {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!(target: "wazo_auth.cleanup", "the clean-up of expired tokens ended in a panic");
        }
    }
}

fn run_cycle(services: &Services, stopping: &AtomicBool, interval: Duration) {
    let started = Instant::now();
    match services.clean_up(|| !stopping.load(Ordering::Relaxed)) {
        Ok(0) => {}
        Ok(deleted) => {
            log::debug!(target: "wazo_auth.cleanup", "deleted {deleted} expired tokens");
        }
        Err(error) => log::warn!(
            target: "wazo_auth.cleanup",
            "expired tokens were not all deleted, next try in {:.0} s: {error}", interval.as_secs_f64()
        ),
    }
    let took = started.elapsed();
    if took > interval {
        log::warn!(
            target: "wazo_auth.cleanup",
            "deleting expired tokens took {:.0} s, longer than `token_cleanup_interval`", took.as_secs_f64()
        );
    }
}
