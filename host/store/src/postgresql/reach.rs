//! Whether the server answers, so that not everybody finds out by waiting.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Error;

/// How long an answer may take while nobody gets one.
const SILENCE: Duration = Duration::from_secs(4);
/// How often somebody tries while the server does not answer: less often than the
/// listener does, whom nobody waits for.
const TRIAL: Duration = Duration::from_secs(10);

/// What all connections of a store have found out.
pub(crate) struct Reach {
    began: Instant,
    /// Milliseconds since `began` of the last answer to the listener, who asks all
    /// the time; 0: nobody listens.
    heard: AtomicU64,
    is_away: AtomicBool,
    /// Whether the log has been told.
    is_told: AtomicBool,
    /// How often it went away.
    outages: AtomicU64,
    /// The last time that somebody tried while it was away.
    tried: Mutex<Option<Instant>>,
}

// === impl Reach ===

impl Default for Reach {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            heard: AtomicU64::new(0),
            is_away: AtomicBool::new(false),
            is_told: AtomicBool::new(false),
            outages: AtomicU64::new(0),
            tried: Mutex::default(),
        }
    }
}

impl Reach {
    /// Refuses at once while the server does not answer. Should nobody else have
    /// tried for a while, the caller is to.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub fn check(&self) -> Result<(), Error> {
        if !self.is_away() {
            return Ok(());
        }
        let mut tried = self.tried.lock();
        if tried.is_some_and(|tried| tried.elapsed() < TRIAL) {
            return Err(
                self.known(Error::Unavailable { detail: "it was just tried in vain".into() })
            );
        }
        *tried = Some(Instant::now());
        Ok(())
    }

    /// Somebody could not connect, or was not answered.
    pub fn failed(&self) {
        let mut tried = self.tried.lock();
        *tried = Some(Instant::now());
        if !self.is_away.swap(true, Ordering::AcqRel) {
            self.outages.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Somebody was answered.
    pub fn succeeded(&self) {
        if self.is_away() {
            self.is_away.store(false, Ordering::Release);
        }
    }

    /// The listener was answered.
    pub fn heard(&self) {
        self.succeeded();
        self.heard.store(self.milliseconds(), Ordering::Release);
    }

    /// The log is told that the database cannot be reached, or that it can again.
    pub fn tell(&self, is_away: bool) {
        self.is_told.store(is_away, Ordering::Release);
    }

    /// The error of somebody who could not reach it, as everybody's whom that
    /// concerns where the log has been told.
    pub fn known(&self, error: Error) -> Error {
        match error {
            Error::Unavailable { detail } | Error::Tls { detail }
                if self.is_told.load(Ordering::Acquire) =>
            {
                Error::Away { detail }
            }
            error => error,
        }
    }

    /// Whether whoever tried last was not answered.
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Acquire)
    }

    /// How often it went away: what was connected before may have missed something.
    pub fn outages(&self) -> u64 {
        self.outages.load(Ordering::Acquire)
    }

    /// Whether whoever has asked at `asked` had better not wait any longer: the
    /// listener, who asks all the time, gets no answers either.
    pub fn is_silent_since(&self, asked: Instant) -> bool {
        let heard = self.heard.load(Ordering::Acquire);
        let is_silent = heard > 0 && self.milliseconds() > heard + milliseconds(SILENCE);
        is_silent && asked.elapsed() > SILENCE
    }

    /// Never 0.
    fn milliseconds(&self) -> u64 {
        milliseconds(self.began.elapsed()).max(1)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
