//! Numbers that say whether what was read of the users, of what they may do, and
//! of refresh tokens still holds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The tables that every login writes: what is remembered of the others does not
/// depend on them.
pub(crate) const ISSUED: [&str; 4] =
    ["auth_token", "auth_session", REFRESH_TOKENS, "wazo_auth_event"];
/// What is found there is remembered until something is removed or changed there.
pub(crate) const REFRESH_TOKENS: &str = "auth_refresh_token";

#[derive(Default)]
pub(crate) struct Version {
    /// Of everything but tokens, sessions and refresh tokens.
    rows: Counter,
    /// Of the refresh tokens that there were, and all the rows above.
    refresh_tokens: Counter,
}

/// Grows with every transaction that changes what it counts, before that
/// transaction is answered; and when another program changed the database.
#[derive(Default)]
struct Counter {
    number: AtomicU64,
    touched: AtomicBool,
}

// === impl Version ===

impl Version {
    pub fn number(&self) -> u64 {
        self.rows.number()
    }

    pub fn of_refresh_tokens(&self) -> u64 {
        self.refresh_tokens.number()
    }

    /// In a transaction of the writer: whether nothing was changed since the
    /// number was this one, not even by what is not committed yet.
    pub fn is_still(&self, number: u64) -> bool {
        self.number() == number && !self.rows.touched.load(Ordering::Relaxed)
    }

    /// Notes a change that is not committed yet.
    pub fn touch(&self) {
        self.rows.touch();
        self.refresh_tokens.touch();
    }

    /// Notes that a refresh token is removed or changed, which is not committed
    /// yet.
    pub fn touch_refresh_tokens(&self) {
        self.refresh_tokens.touch();
    }

    /// Tells the readers, once what was noted is committed.
    pub fn publish(&self) {
        self.rows.publish();
        self.refresh_tokens.publish();
    }
}

// === impl Counter ===

impl Counter {
    fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    fn touch(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }

    fn publish(&self) {
        if self.touched.swap(false, Ordering::Relaxed) {
            self.number.fetch_add(1, Ordering::AcqRel);
        }
    }
}
