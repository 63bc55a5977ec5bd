//! Numbers that say whether what was read still holds, as
//! [`version`](crate::version) has them for SQLite.
//!
//! Triggers of ours count the transactions that changed something; the sums are
//! read along with what depends on them, and again when the lease of the index is
//! renewed.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::postgresql::connection::Link;
use crate::{Error, Row};

/// What transactions that are about to write begin by asking.
pub(crate) const SELECT: &str = "SELECT sum(directory)::bigint AS directory, \
    sum(directory + refresh_tokens)::bigint AS refresh_tokens FROM wazo_auth_change";

/// What a [`parameter`] is compared with, of [`SELECT`].
pub(crate) const DIRECTORY: &str = "(directory & 4294967295)";

/// The sums, as a snapshot saw them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    directory: u64,
    refresh_tokens: u64,
}

/// The sums as they were a moment ago, as numbers that never return: above the
/// sum stands how often they were not known.
#[derive(Default)]
pub(crate) struct Versions {
    epoch: AtomicU64,
    directory: AtomicU64,
    refresh_tokens: AtomicU64,
}

const SUM_BITS: u32 = 32;
const SUM: u64 = (1 << SUM_BITS) - 1;

/// A number of [`Versions::directory`], to be compared by the server.
pub(crate) fn parameter(number: u64) -> i64 {
    (number & SUM).try_into().unwrap_or(i64::MAX)
}

// === impl Numbers ===

impl Numbers {
    /// As they are now, with what the transaction has changed.
    pub fn now(link: &mut Link) -> Result<Self, Error> {
        let mut found = Self::default();
        link.each(SELECT, &[], &mut |row| {
            found = Self::read(&row)?;
            Ok(())
        })?;
        Ok(found)
    }

    /// Of the first two columns of a row.
    pub fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self::from(&[row.int(0)?, row.int(1)?][..]))
    }

    /// Whether the directory is as it was when [`Versions::directory`] was `number`.
    pub fn is_directory_at(self, number: u64) -> bool {
        self.directory == number & SUM
    }
}

impl From<&[i64]> for Numbers {
    fn from(sums: &[i64]) -> Self {
        let sum = |position| sums.get(position).map_or(0, |sum: &i64| sum.unsigned_abs() & SUM);
        Self { directory: sum(0), refresh_tokens: sum(1) }
    }
}

// === impl Versions ===

impl Versions {
    /// Takes over what the listener or a transaction saw, whichever is newer: who
    /// reads again because of it does not find what is remembered of before, not
    /// even when the one of them comes late that saw less.
    pub fn advance(&self, numbers: Numbers) {
        self.directory.fetch_max(numbers.directory, Ordering::AcqRel);
        self.refresh_tokens.fetch_max(numbers.refresh_tokens, Ordering::AcqRel);
    }

    /// Nothing that is remembered holds any more, and the sums may be smaller ones.
    pub fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.directory.store(0, Ordering::Release);
        self.refresh_tokens.store(0, Ordering::Release);
    }

    /// The number of the directory, if the sums are known to be recent.
    pub fn directory(&self, are_recent: bool) -> u64 {
        self.number(&self.directory, are_recent)
    }

    /// The number of the refresh tokens, likewise.
    pub fn refresh_tokens(&self, are_recent: bool) -> u64 {
        self.number(&self.refresh_tokens, are_recent)
    }

    fn number(&self, sum: &AtomicU64, are_recent: bool) -> u64 {
        if are_recent {
            return self.epoch.load(Ordering::Acquire) << SUM_BITS | sum.load(Ordering::Acquire);
        }
        // Another one each time, below all that follow.
        let epoch = self.epoch.fetch_add(2, Ordering::AcqRel);
        (epoch + 1) << SUM_BITS | SUM
    }
}
