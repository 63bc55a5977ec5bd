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

use wazo_auth_service::Services;

/// After each transaction, so many times as long as it lasted: what else the
/// daemon has to do finds processor and disk free most of the time.
const RESTS: u32 = 2;
/// However long a transaction lasted: one that waited for another program tells
/// nothing about the next one.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Runs until it is dropped.
pub(crate) struct CleanupTask {
    stop: Option<mpsc::Sender<()>>,
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
        let thread = Builder::new().name("cleanup".to_owned()).spawn(move || {
            let mut pace = Pace::new(interval);
            loop {
                let started = Instant::now();
                run_cycle(&services, &stopped, &pace);
                pace.adapt(started.elapsed());
                if !rest(&stopped, interval.saturating_sub(started.elapsed())) {
                    return;
                }
            }
        })?;
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

/// How long is rested after a transaction.
struct Pace {
    interval: Duration,
    rests: u32,
    /// How long the last cycle took.
    last: Duration,
}

// === impl Pace ===

impl Pace {
    fn new(interval: Duration) -> Self {
        Self { interval, rests: RESTS, last: Duration::MAX }
    }

    fn rest_after(&self, worked: Duration) -> Duration {
        worked.saturating_mul(self.rests).min(LONGEST_REST)
    }

    /// A cycle deletes what had expired when it began. One that takes longer
    /// than the one before, and than the interval, finds more each time, and
    /// would never catch up: the next one rests less, in the end not at all.
    fn adapt(&mut self, took: Duration) {
        if took <= self.interval {
            self.rests = RESTS;
        } else if took > self.last {
            self.rests /= 2;
        }
        self.last = took;
    }
}

/// Waits; whether to go on then.
fn rest(stopped: &Receiver<()>, duration: Duration) -> bool {
    matches!(stopped.recv_timeout(duration), Err(RecvTimeoutError::Timeout))
}

fn run_cycle(services: &Services, stopped: &Receiver<()>, pace: &Pace) {
    let started = Instant::now();
    match services.clean_up(|worked| rest(stopped, pace.rest_after(worked))) {
        Ok(0) => {}
        Ok(deleted) => {
            log::debug!(target: "wazo_auth.cleanup", "deleted {deleted} expired tokens");
        }
        Err(error) => log::warn!(
            target: "wazo_auth.cleanup",
            "expired tokens were not all deleted, next try in {:.0} s: {error}", pace.interval.as_secs_f64()
        ),
    }
    let took = started.elapsed();
    if took > pace.interval {
        log::warn!(
            target: "wazo_auth.cleanup",
            "deleting expired tokens took {:.0} s, longer than `token_cleanup_interval`", took.as_secs_f64()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_up_that_is_outrun_rests_less_until_it_has_caught_up() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(60 * second);
        let mut rests = |took| {
            pace.adapt(took);
            pace.rest_after(second / 100)
        };
        let usual = RESTS * second / 100;
        assert_eq!(rests(3000 * second), usual, "much was left over; it may never be so again");
        assert_eq!(rests(2000 * second), usual, "it catches up");
        assert!(rests(2100 * second) < usual, "more expires than is deleted");
        assert_eq!(rests(2200 * second), Duration::ZERO);
        assert_eq!(rests(2000 * second), Duration::ZERO);
        assert_eq!(rests(10 * second), usual);
        assert_eq!(pace.rest_after(100 * second), LONGEST_REST);
    }
}
