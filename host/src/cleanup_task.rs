//! The thread that ends expired tokens (tokens.md section 9).

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use wazo_auth_service::{Services, cleanup::Worked};

use pace::Pace;

mod pace;

/// Runs until it is dropped.
pub(crate) struct CleanupTask {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What one thread does.
struct Cleaner {
    services: Arc<Services>,
    stopped: Receiver<()>,
    interval: Duration,
    pace: Pace,
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
        // A server has a processor and a disk of its own.
        let pace = if services.knows_all_tokens() { Pace::gentle() } else { Pace::brisk() };
        let cleaner = Cleaner { services, stopped, interval, pace };
        let thread = Builder::new().name("cleanup".to_owned()).spawn(|| cleaner.run())?;
        Ok(Some(Self { stop: Some(stop), thread: Some(thread) }))
    }
}

impl Drop for CleanupTask {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!(target: "wazo_auth.cleanup", "the clean-up of expired tokens ended in a panic");
        }
    }
}

// === impl Cleaner ===

impl Cleaner {
    fn run(mut self) {
        loop {
            let started = Instant::now();
            self.run_cycle();
            let idle = self.interval.saturating_sub(started.elapsed());
            if !wait(&self.services, &self.stopped, &mut self.pace, idle) {
                return;
            }
            self.pace.save(idle);
        }
    }

    fn run_cycle(&mut self) {
        let started = Instant::now();
        self.pace.begin(self.services.activity().tokens_made());
        let services = Arc::clone(&self.services);
        match services.clean_up(|worked| self.rest(worked)) {
            Ok(0) => {}
            Ok(deleted) => {
                log::debug!(target: "wazo_auth.cleanup", "deleted {deleted} expired tokens");
            }
            Err(error) => log::warn!(
                target: "wazo_auth.cleanup",
                "expired tokens were not all deleted, next try in {:.0} s: {error}", self.interval.as_secs_f64()
            ),
        }
        let took = started.elapsed();
        if took > self.interval {
            log::warn!(
                target: "wazo_auth.cleanup",
                "deleting expired tokens took {:.0} s, longer than `token_cleanup_interval`", took.as_secs_f64()
            );
        }
    }

    /// After a transaction: leaves processor and disk to requests, for longer when
    /// they come. Whether to go on then.
    fn rest(&mut self, worked: Worked) -> bool {
        let started = Instant::now();
        let Self { services, stopped, pace, .. } = self;
        let goes_on = pace.rest(worked.took, |pace, time| wait(services, stopped, pace, time));
        // To tell of those that end soon is no sign of too many that have ended.
        if goes_on && let Some(deleted) = worked.deleted {
            let made = self.services.activity().tokens_made();
            self.pace.adapt(worked.took + started.elapsed(), deleted, made);
        }
        goes_on
    }
}

/// Waits; whether to go on then.
fn wait(services: &Services, stopped: &Receiver<()>, pace: &mut Pace, time: Duration) -> bool {
    let waited = stopped.recv_timeout(time);
    pace.hear(services.activity().take(), time);
    waited == Err(RecvTimeoutError::Timeout)
}
