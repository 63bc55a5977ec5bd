//! When a process that ended may be started again.

use std::time::{Duration, Instant};

/// Ends that cost nothing: the next call is to find a fresh process.
const FREE: u32 = 2;
/// The first delay; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// After so long without an end, all is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// How often a process ended of late.
#[derive(Default)]
pub(crate) struct Backoff {
    ends: u32,
    last: Option<Instant>,
}

// === impl Backoff ===

impl Backoff {
    /// It ended by its own fault.
    pub(crate) fn failed(&mut self, now: Instant) {
        let is_old = self.last.is_none_or(|last| now.duration_since(last) > FORGOTTEN);
        self.ends = if is_old { 1 } else { self.ends.saturating_add(1) };
        self.last = Some(now);
    }

    /// How long it is not to be started yet.
    pub(crate) fn remaining(&self, now: Instant) -> Option<Duration> {
        let doublings = self.ends.checked_sub(FREE + 1)?;
        let delay = FIRST.saturating_mul(1 << doublings.min(16)).min(LONGEST);
        (self.last? + delay).checked_duration_since(now).filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_ending_is_started_ever_later() {
        let now = Instant::now();
        let mut backoff = Backoff::default();
        let mut after_end = || {
            backoff.failed(now);
            backoff.remaining(now)
        };
        assert_eq!([after_end(), after_end()], [None, None]);
        assert_eq!([after_end(), after_end()], [Some(FIRST), Some(2 * FIRST)]);
        for _ in 0..40 {
            after_end();
        }
        assert_eq!(after_end(), Some(LONGEST));
        assert_eq!(backoff.remaining(now + LONGEST), None);
        let later = now + LONGEST + FORGOTTEN;
        backoff.failed(later);
        assert_eq!(backoff.remaining(later), None);
    }
}
