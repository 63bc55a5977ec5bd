//! Until when the index is known to agree with the database.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long what a round trip has confirmed is relied on: what any daemon or
/// program has revoked is refused by all after that time.
pub(crate) const TERM: Duration = Duration::from_millis(100);

/// Taken by whoever hears of all changes, looked at by whoever answers from
/// memory.
pub(crate) struct Lease {
    began: Instant,
    /// Nanoseconds since `began`; 0: never had, or given up.
    until: AtomicU64,
    /// The same of the last one that was had, given up or not.
    last: AtomicU64,
}

// === impl Lease ===

impl Default for Lease {
    fn default() -> Self {
        Self { began: Instant::now(), until: AtomicU64::new(0), last: AtomicU64::new(0) }
    }
}

impl Lease {
    /// All that was committed before `asked` is known.
    pub fn renew(&self, asked: Instant) {
        let until = nanoseconds(asked + TERM - self.began);
        self.last.store(until, Ordering::Release);
        self.until.store(until, Ordering::Release);
    }

    /// Nothing is heard any more.
    pub fn give_up(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// Whether what memory says holds now.
    pub fn holds(&self) -> bool {
        let until = self.until.load(Ordering::Acquire);
        nanoseconds(self.began.elapsed()) < until
    }

    /// Whether what memory says held so long ago, or later.
    pub fn held_within(&self, grace: Duration) -> bool {
        let last = self.last.load(Ordering::Acquire);
        last > 0 && nanoseconds(self.began.elapsed()) < last.saturating_add(nanoseconds(grace))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}
