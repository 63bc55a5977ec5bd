//! What requests leave behind for the clean-up to see: whether they come, and how
//! many tokens they make.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Marked by every request, at the cost of one look at what all processors share
/// and hardly anybody writes.
#[derive(Debug, Default)]
pub struct Activity {
    is_asked: Apart<AtomicBool>,
    tokens_made: Apart<AtomicU64>,
}

/// Alone in what a processor takes from another one at once: what every login writes
/// must not be taken with what every token check reads.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Apart<T>(T);

// === impl Activity ===

impl Activity {
    /// A request has come.
    pub fn mark(&self) {
        if !self.is_asked.0.load(Ordering::Relaxed) {
            self.is_asked.0.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a request has come since the last time this was asked.
    #[must_use]
    pub fn take(&self) -> bool {
        self.is_asked.0.swap(false, Ordering::Relaxed)
    }

    /// How many tokens were made since the start.
    #[must_use]
    pub fn tokens_made(&self) -> u64 {
        self.tokens_made.0.load(Ordering::Relaxed)
    }

    pub(crate) fn count_token(&self) {
        self.tokens_made.0.fetch_add(1, Ordering::Relaxed);
    }
}
