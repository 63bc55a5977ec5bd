//! What became of the calls of a plugin, and whether it may be called.
//!
//! ```text
//!          five faults in a row, nothing else between        the time is over
//!  called ───────────────────────────────────────▶ quarantined ─────────▶ on trial
//!    ▲                                                   ▲                   │ one call
//!    │ it answers                                        │ a fault: for      │ is let in
//!    └───────────────────────────────────────────────────┼─ twice as long ◀──┤
//!                                                        └───────────────────┘
//! ```
//!
//! A fault is a panic or the end of its process. Whatever a plugin answers, a
//! failure too, shows that it works; a time-out shows nothing, as it may be the
//! server behind the plugin that does not answer. Whoever can bring about a fault
//! by what he types should not be able to lock out others for long: hence several
//! in a row, and a short time.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Faults in a row that are one too many.
const FAULTS: u32 = 5;
/// The first time; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

/// The health of one plugin.
pub(crate) struct Health {
    name: String,
    /// The daemon cannot do without it: it is never quarantined.
    is_vital: bool,
    calls: AtomicU64,
    panics: AtomicU64,
    time_outs: AtomicU64,
    crashes: AtomicU64,
    /// Whether there were faults since it last answered.
    is_suspect: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_a_row: u32,
    quarantine: Option<Quarantine>,
    last_error: Option<String>,
}

struct Quarantine {
    until: Instant,
    length: Duration,
    /// One call was let in to see.
    on_trial: bool,
}

/// What is known of the calls of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) calls: u64,
    pub(crate) panics: u64,
    pub(crate) time_outs: u64,
    pub(crate) crashes: u64,
    pub(crate) last_error: Option<String>,
    /// How long it is not called.
    pub(crate) quarantined_for: Option<Duration>,
}

// === impl Health ===

impl Health {
    pub(crate) fn new(name: &str, is_vital: bool) -> Self {
        Self {
            name: name.to_owned(),
            is_vital,
            calls: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            time_outs: AtomicU64::new(0),
            crashes: AtomicU64::new(0),
            is_suspect: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Whether it is called at present; if not, for how long it is not.
    pub(crate) fn check(&self) -> Result<(), Duration> {
        if !self.is_suspect.load(Ordering::Relaxed) {
            return Ok(());
        }
        let remaining = self.state.lock().quarantined_at(Instant::now());
        remaining.map_or(Ok(()), Err)
    }

    /// Begins a call, unless it is not to be called: then for how long.
    pub(crate) fn admit(&self) -> Result<(), Duration> {
        self.admit_at(Instant::now)
    }

    fn admit_at(&self, now: impl FnOnce() -> Instant) -> Result<(), Duration> {
        if self.is_suspect.load(Ordering::Relaxed) {
            let mut state = self.state.lock();
            let now = now();
            if let Some(remaining) = state.quarantined_at(now) {
                return Err(remaining);
            }
            if let Some(quarantine) = &mut state.quarantine {
                // This call is the trial; others wait for what comes of it, or
                // for as long again if nothing does.
                quarantine.until = now + quarantine.length;
                quarantine.on_trial = true;
            }
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// It answered.
    pub(crate) fn answered(&self) {
        if self.is_suspect.load(Ordering::Relaxed) {
            let mut state = self.state.lock();
            state.in_a_row = 0;
            if state.quarantine.take().is_some() {
                log::warn!(target: "wazo_auth.plugins",
                    "plugin `{}` answers again: its quarantine is over", self.name);
            }
            self.is_suspect.store(false, Ordering::Relaxed);
        }
    }

    /// It answered that it failed.
    pub(crate) fn failed(&self, text: &str) {
        self.answered();
        self.state.lock().last_error = Some(text.to_owned());
    }

    pub(crate) fn timed_out(&self, text: &str) {
        self.time_outs.fetch_add(1, Ordering::Relaxed);
        self.state.lock().last_error = Some(text.to_owned());
    }

    pub(crate) fn panicked(&self, text: &str) {
        self.panics.fetch_add(1, Ordering::Relaxed);
        self.fault(text, Instant::now());
    }

    /// Its process ended, or cannot be started again.
    pub(crate) fn crashed(&self, text: &str) {
        self.crashes.fetch_add(1, Ordering::Relaxed);
        self.fault(text, Instant::now());
    }

    pub(crate) fn figures(&self) -> Figures {
        let state = self.state.lock();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            calls: count(&self.calls),
            panics: count(&self.panics),
            time_outs: count(&self.time_outs),
            crashes: count(&self.crashes),
            last_error: state.last_error.clone(),
            quarantined_for: state.quarantined_at(Instant::now()),
        }
    }

    fn fault(&self, text: &str, now: Instant) {
        let mut state = self.state.lock();
        state.last_error = Some(text.to_owned());
        if self.is_vital {
            return;
        }
        self.is_suspect.store(true, Ordering::Relaxed);
        state.in_a_row = state.in_a_row.saturating_add(1);
        let length = match &state.quarantine {
            Some(before) if before.on_trial => (2 * before.length).min(LONGEST),
            // Of a call that was under way.
            Some(_) => return,
            None if state.in_a_row >= FAULTS => FIRST,
            None => return,
        };
        state.quarantine = Some(Quarantine { until: now + length, length, on_trial: false });
        log::error!(target: "wazo_auth.plugins",
            "plugin `{}` is quarantined: it is not called for {} s, as it failed {} times in a \
             row, the last time because {text}", self.name, length.as_secs(), state.in_a_row);
    }
}

// === impl State ===

impl State {
    /// How long it is not called. Once its time is over, it is.
    fn quarantined_at(&self, now: Instant) -> Option<Duration> {
        let remaining = self.quarantine.as_ref()?.until.saturating_duration_since(now);
        Some(remaining).filter(|remaining| !remaining.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_in_a_row_quarantine_and_an_answer_ends_it() {
        let (health, now) = (Health::new("acme", false), Instant::now());
        for _ in 1..FAULTS {
            health.fault("it panicked", now);
            assert_eq!(health.admit_at(|| now), Ok(()));
        }
        health.fault("it panicked", now);
        assert_eq!(health.admit_at(|| now), Err(FIRST));
        // One is let in, and no second one meanwhile.
        assert_eq!(health.admit_at(|| now + FIRST), Ok(()));
        assert_eq!(health.admit_at(|| now + FIRST), Err(FIRST));
        health.fault("it panicked", now + FIRST);
        assert_eq!(health.admit_at(|| now + FIRST), Err(2 * FIRST));
        assert_eq!(health.admit_at(|| now + 3 * FIRST), Ok(()));
        health.answered();
        assert_eq!(health.admit_at(|| now + 3 * FIRST), Ok(()));
        assert_eq!(health.figures().quarantined_for, None);
    }

    #[test]
    fn answers_between_faults_and_time_outs_do_not_quarantine() {
        let (health, now) = (Health::new("acme", false), Instant::now());
        for _ in 0..10 * FAULTS {
            health.fault("it panicked", now);
            health.failed("it has no idea");
            health.timed_out("it did not answer in time");
        }
        assert_eq!(health.admit_at(|| now), Ok(()));
        let vital = Health::new("wazo_user", true);
        (0..10 * FAULTS).for_each(|_| vital.fault("it panicked", now));
        assert_eq!(vital.admit_at(|| now), Ok(()));
    }

    #[test]
    fn once_its_time_is_over_it_is_not_said_to_be_quarantined() {
        let (health, now) = (Health::new("acme", false), Instant::now());
        (0..FAULTS).for_each(|_| health.fault("it panicked", now));
        assert!(health.check().is_err() && health.figures().quarantined_for.is_some());
        health.state.lock().quarantine.as_mut().unwrap().until = now;
        assert_eq!((health.check(), health.figures().quarantined_for), (Ok(()), None));
        assert_eq!(health.figures().calls, 0, "to ask is no call");
    }

    #[test]
    fn a_trial_without_a_result_is_followed_by_another() {
        let (health, now) = (Health::new("acme", false), Instant::now());
        (0..FAULTS).for_each(|_| health.fault("it panicked", now));
        assert_eq!(health.admit_at(|| now + FIRST), Ok(()));
        health.timed_out("it did not answer in time");
        assert_eq!(health.admit_at(|| now + 2 * FIRST), Ok(()));
    }
}
