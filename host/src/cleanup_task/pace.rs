//! How much of the time the clean-up takes for itself.
//!
//! A transaction holds the writer, a processor and the disk for some milliseconds,
//! and whoever asks meanwhile waits longer. So that this is one request of
//! hundreds, a transaction is followed by a rest many times as long; unless
//!
//! * little has expired: time that was not used is saved up for it,
//! * nobody asks: then ten million tokens take an hour, and not days,
//! * more tokens are made than are deleted: the table would grow for ever.

use std::time::{Duration, Instant};

/// A rest is at least so many times as long as the transaction before it.
const BRISK: u32 = 2;
/// The same while requests come.
const GENTLE: u32 = 150;
/// However long a transaction lasted: one that waited for another program tells
/// nothing about the next one.
const LONGEST_REST: Duration = Duration::from_secs(3);
/// Most that is saved up.
const MOST_SAVED: Duration = Duration::from_millis(400);
/// A request is heard for so long, several of them for longer: those who ask
/// every few seconds do not keep the clean-up from its work.
const HEARD: Duration = Duration::from_secs(1);
const LONGEST_HEARD: Duration = Duration::from_secs(5);
/// How often a rest looks whether requests come.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is seen whether as many tokens are deleted as are made.
const WINDOW: Duration = Duration::from_secs(10);

/// See the module.
pub(super) struct Pace {
    gentlest: u32,
    /// A rest is so many times as long as the transaction before it.
    rests: u32,
    /// Time to work that was not used.
    saved: Duration,
    /// For how long requests will have been heard.
    heard: Duration,
    window: Window,
}

/// What happened since it was last seen whether the pace is right.
#[derive(Default)]
struct Window {
    passed: Duration,
    deleted: u64,
    /// Tokens that were made before.
    made: u64,
}

// === impl Pace ===

impl Pace {
    /// That of a database on the daemon's own disk.
    pub fn gentle() -> Self {
        Self::new(GENTLE)
    }

    /// That of a server.
    pub fn brisk() -> Self {
        Self::new(BRISK)
    }

    fn new(gentlest: u32) -> Self {
        let (saved, window) = (Duration::ZERO, Window::default());
        // At the start nobody knows who will ask.
        Self { gentlest, rests: gentlest, saved, heard: LONGEST_HEARD, window }
    }

    /// How long the rest after a transaction has to be at least, and while
    /// requests come.
    fn rests_after(&mut self, worked: Duration) -> (Duration, Duration) {
        let least = worked.saturating_mul(BRISK.min(self.rests)).min(LONGEST_REST);
        if self.saved >= worked {
            self.saved -= worked;
            return (least, least);
        }
        (least, worked.saturating_mul(self.rests).min(LONGEST_REST))
    }

    /// Rests after a transaction that took so long: at least as long as has to be,
    /// longer while requests come. Whether to go on then.
    ///
    /// `wait` waits and [hears](Self::hear), and says whether to go on; it is asked
    /// even where there is no time to rest.
    pub fn rest(
        &mut self,
        worked: Duration,
        mut wait: impl FnMut(&mut Self, Duration) -> bool,
    ) -> bool {
        let (least, most) = self.rests_after(worked);
        let started = Instant::now();
        let mut next = least;
        loop {
            if !wait(self, next) {
                return false;
            }
            next = LOOK.min(most.saturating_sub(started.elapsed()));
            if next.is_zero() || self.is_quiet() {
                return true;
            }
        }
    }

    /// It had nothing to do for so long: whatever pace it needed, a gentler one is
    /// tried next.
    pub fn save(&mut self, idle: Duration) {
        self.saved = (self.saved + idle / GENTLE).min(MOST_SAVED);
        if !idle.is_zero() {
            self.rest_longer();
        }
    }

    fn rest_longer(&mut self) {
        self.rests = self.rests.saturating_mul(2).clamp(1, self.gentlest);
    }

    /// Whether requests came in the time that has passed.
    pub fn hear(&mut self, is_asked: bool, passed: Duration) {
        self.heard = self.heard.saturating_sub(passed);
        if is_asked {
            self.heard = (self.heard + HEARD).min(LONGEST_HEARD);
        }
    }

    /// Whether hardly anybody asks.
    pub fn is_quiet(&self) -> bool {
        self.heard.is_zero()
    }

    /// A cycle begins; so many tokens were made since the start.
    pub fn begin(&mut self, made: u64) {
        self.window = Window { made, ..Window::default() };
    }

    /// So many tokens were deleted in the time that has passed, and so many were
    /// made since the start.
    pub fn adapt(&mut self, passed: Duration, deleted: u32, made: u64) {
        let window = &mut self.window;
        window.passed += passed;
        window.deleted += u64::from(deleted);
        if window.passed < WINDOW {
            return;
        }
        let newly_made = made.saturating_sub(window.made);
        if window.deleted < 2 * newly_made {
            self.rests /= 2;
        } else if window.deleted >= 4 * newly_made {
            self.rest_longer();
        }
        self.begin(made);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: Duration = Duration::from_millis(10);

    fn rests(pace: &mut Pace) -> u32 {
        let (_, most) = pace.rests_after(TRANSACTION);
        u32::try_from(most.as_millis() / TRANSACTION.as_millis()).unwrap()
    }

    #[test]
    fn it_leaves_nearly_all_time_to_requests() {
        let mut pace = Pace::gentle();
        assert!(!pace.is_quiet());
        assert_eq!(rests(&mut pace), GENTLE);
        assert_eq!(pace.rests_after(Duration::from_secs(100)).1, LONGEST_REST);
    }

    #[test]
    fn what_was_not_used_is_saved_up() {
        let mut pace = Pace::gentle();
        pace.save(2 * GENTLE * TRANSACTION);
        assert_eq!([(); 3].map(|()| rests(&mut pace)), [BRISK, BRISK, GENTLE]);
        pace.save(Duration::from_secs(1_000_000));
        assert_eq!(pace.saved, MOST_SAVED);
    }

    #[test]
    fn who_asks_now_and_then_does_not_disturb_it() {
        let mut pace = Pace::gentle();
        let mut quiet = |asked_every: u32| {
            let looks = (1..=600).filter(|look| {
                pace.hear(look % asked_every == 0, Duration::from_millis(100));
                pace.is_quiet()
            });
            looks.count()
        };
        assert!(quiet(100) > 450, "a request every ten seconds");
        assert_eq!(quiet(2), 0, "five a second");
        assert!((500..590).contains(&quiet(u32::MAX)), "nobody asks any more");
    }

    #[test]
    fn it_is_gentle_again_once_it_has_nothing_to_do() {
        let mut pace = Pace::gentle();
        pace.rests = 0;
        // All that had expired is deleted within a moment, in each of some cycles.
        for _ in 0..10 {
            pace.begin(0);
            pace.adapt(Duration::from_millis(20), 10, 0);
            pace.save(Duration::ZERO);
            assert_eq!(pace.rests, 0, "a cycle that took all of its time");
        }
        for _ in 0..10 {
            pace.begin(0);
            pace.adapt(Duration::from_millis(20), 10, 0);
            pace.save(Duration::from_secs(50));
        }
        assert_eq!(pace.rests, GENTLE);
    }

    #[test]
    fn the_end_is_noticed_however_short_the_rests_are() {
        let mut pace = Pace::gentle();
        for rests in [0, GENTLE] {
            pace.rests = rests;
            let mut asked = 0;
            assert!(!pace.rest(TRANSACTION, |_, _| {
                asked += 1;
                false
            }));
            assert_eq!(asked, 1, "with {rests} times the transaction");
        }
    }

    #[test]
    fn more_tokens_than_it_deletes_make_it_rest_less() {
        let mut pace = Pace::gentle();
        let mut made = 0;
        let mut window = |deleted, newly_made| {
            made += newly_made;
            pace.adapt(WINDOW / 2, 0, made);
            pace.adapt(WINDOW / 2, deleted, made);
            rests(&mut pace)
        };
        assert_eq!(window(500, 100), GENTLE);
        assert_eq!(window(500, 400), GENTLE / 2);
        assert_eq!(window(1000, 400), GENTLE / 2, "enough, and not too much");
        let fastest = (0..10).map(|_| window(1000, 4000)).last();
        assert_eq!(fastest, Some(0));
        assert_eq!((0..10).map(|_| window(10_000, 400)).last(), Some(GENTLE));
    }
}
