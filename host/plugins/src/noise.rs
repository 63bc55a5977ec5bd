//! How much a plugin may write to the log.

use std::time::{Duration, Instant};

/// Lines that may come at once.
const BURST: u32 = 1000;
/// Time after which one more may come.
const EACH: Duration = Duration::from_millis(2);

/// How often it is told that lines were lost.
const TELL: Duration = Duration::from_secs(1);

/// Lets lines through, so many and no more.
pub(crate) struct Noise {
    left: u32,
    since: Instant,
    /// Lines that were not let through, and not told of.
    dropped: u64,
    told: Instant,
}

// === impl Noise ===

impl Noise {
    pub(crate) fn new(now: Instant) -> Self {
        Self { left: BURST, since: now, dropped: 0, told: now }
    }

    /// Whether a line may be written; if so, how many were lost before it, as
    /// far as that is to be told now.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<u64> {
        let refilled = now.saturating_duration_since(self.since).as_millis() / EACH.as_millis();
        let refilled = u32::try_from(refilled).unwrap_or(u32::MAX);
        if refilled > 0 {
            self.left = self.left.saturating_add(refilled).min(BURST);
            self.since = now;
        }
        if self.left == 0 {
            self.dropped += 1;
            return None;
        }
        self.left -= 1;
        if self.dropped == 0 || now.saturating_duration_since(self.told) < TELL {
            return Some(0);
        }
        self.told = now;
        Some(std::mem::take(&mut self.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_what_is_lost_is_counted() {
        let begin = Instant::now();
        let mut noise = Noise::new(begin);
        let admitted = (0..10_000).filter(|_| noise.admit(begin).is_some()).count();
        assert_eq!(admitted, BURST as usize);
        assert_eq!(noise.admit(begin + EACH), Some(0));
        assert_eq!(noise.admit(begin + EACH), None);
        assert_eq!(noise.admit(begin + TELL), Some(10_001 - u64::from(BURST)));
        let late = begin + EACH * 100_000;
        assert_eq!((0..10_000).filter(|_| noise.admit(late).is_some()).count(), BURST as usize);
        let months_later = late + Duration::from_secs(200 * 24 * 60 * 60);
        assert!(noise.admit(months_later).is_some());
    }
}
