//! What requests leave behind for the clean-up to see: whether they come, and how
//! many tokens they make.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Marked by every request, at the cost of one look at what all processors share
/// and hardly anybody writes.
#[derive(Debug, Default)]
pub struct Activity {
    is_asked: AtomicBool,
    tokens_made: AtomicU64,
}

// === impl Activity ===

impl Activity {
    /// A request has come.
    pub fn mark(&self) {
        if !self.is_asked.load(Ordering::Relaxed) {
            self.is_asked.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a request has come since the last time this was asked.
    #[must_use]
    pub fn take(&self) -> bool {
        self.is_asked.swap(false, Ordering::Relaxed)
    }

    /// How many tokens were made since the start.
    #[must_use]
    pub fn tokens_made(&self) -> u64 {
        self.tokens_made.load(Ordering::Relaxed)
    }

    pub(crate) fn count_token(&self) {
        self.tokens_made.fetch_add(1, Ordering::Relaxed);
    }
}
