//! A number that says whether what was read of the users, and of what they may
//! do, still holds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The tables that every login writes: what is remembered of the others does not
/// depend on them.
pub(crate) const ISSUED: [&str; 3] = ["auth_token", "auth_session", "auth_refresh_token"];

/// Grows with every transaction that changes another table, before that
/// transaction is answered; and when another program changed the database.
#[derive(Default)]
pub(crate) struct Version {
    number: AtomicU64,
    touched: AtomicBool,
}

// === impl Version ===

impl Version {
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// In a transaction of the writer: whether nothing was changed since the
    /// number was this one, not even by what is not committed yet.
    pub fn is_still(&self, number: u64) -> bool {
        self.number() == number && !self.touched.load(Ordering::Relaxed)
    }

    /// Notes a change that is not committed yet.
    pub fn touch(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }

    /// Tells the readers, once what was noted is committed.
    pub fn publish(&self) {
        if self.touched.swap(false, Ordering::Relaxed) {
            self.number.fetch_add(1, Ordering::AcqRel);
        }
    }
}
