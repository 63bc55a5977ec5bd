//! The end of expired tokens (tokens.md section 9): one cycle.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use wazo_auth_events::{Event, Told};
use wazo_auth_store::{
    self as store, Change, Conn,
    tokens::{Cursor, Expiring},
};

use crate::Services;

/// What a transaction is to take: a check that needs the processor, or a login
/// that needs the writer, waits for one of them at most.
const TRANSACTION: Duration = Duration::from_millis(10);
/// Tokens deleted by the first one. The next ones delete as many as fit.
const FIRST: u32 = 50;
/// Tokens about to expire that are looked at together.
const MOST_PER_READ: u32 = 1000;
/// The same when the bus is told of each, which takes a row.
const MOST_PER_WRITE: u32 = 200;

/// What one transaction of the clean-up was.
#[derive(Debug, Clone, Copy)]
pub struct Worked {
    /// How long it lasted.
    pub took: Duration,
    /// How many tokens it deleted; none when it told of those that end soon.
    pub deleted: Option<u32>,
}

impl Services {
    /// Deletes every expired token with its session, a few per transaction, so
    /// that the writer serves others in between, and tells the bus of them and of
    /// those that expire next. Gives how many were deleted.
    ///
    /// Of several daemons on one database, one does so
    /// ([`Store::leads`](store::Store::leads)).
    ///
    /// `rest` is told of each transaction, and returns when it is time for the next
    /// one, or, with `false`, when there shall be none.
    ///
    /// # Errors
    /// The store's; what was deleted before stays deleted.
    pub fn clean_up(&self, mut rest: impl FnMut(Worked) -> bool) -> Result<u64, store::Error> {
        self.forget_leftovers();
        if !self.store().leads() {
            return Ok(0);
        }
        let mut rest = |took, deleted| rest(Worked { took, deleted }) && self.store().leads();
        let now = self.now_seconds();
        let most = self.rules().token_cleanup_batch_size.max(1);
        let (mut deleted, mut batch) = (0, FIRST.min(most));
        loop {
            let started = Instant::now();
            let count = self.delete_expired(now, batch)?;
            deleted += u64::from(count);
            if count < batch {
                break;
            }
            let took = started.elapsed();
            if !rest(took, Some(count)) {
                return Ok(deleted);
            }
            batch = next_batch(batch, took).min(most);
        }
        self.tell_of_endings(now, |took| rest(took, None))?;
        Ok(deleted)
    }

    /// Deletes up to `batch` tokens; gives how many.
    fn delete_expired(&self, now: i64, batch: u32) -> Result<u32, store::Error> {
        let expired = self.write_and_tell_later(Change::Sessions(None), move |tx, told| {
            let expired = store::tokens::expired(tx.conn(), now, batch)?;
            for token in &expired {
                let deleted = store::sessions::delete(tx.conn(), &token.session_uuid)?;
                if let Some(tenant_uuid) = tenant(token).filter(|_| deleted) {
                    told.push(|| Event::SessionDeleted {
                        uuid: token.session_uuid,
                        tenant_uuid: tenant_uuid.to_owned(),
                        auth_id: Some(token.auth_id.clone()),
                    });
                }
                // A check that waits for this processor need not wait longer.
                std::thread::yield_now();
            }
            Ok::<_, store::Error>(expired)
        })?;
        expired.iter().for_each(warn_without_tenant);
        Ok(u32::try_from(expired.len()).unwrap_or(u32::MAX))
    }

    /// Tells the bus of sessions that end before the next cycle, each once. Those
    /// without a tenant have nobody to be told to, and the log says so while they
    /// still can be looked at.
    fn tell_of_endings(
        &self,
        now: i64,
        mut rest: impl FnMut(Duration) -> bool,
    ) -> Result<(), store::Error> {
        let interval = self.rules().token_cleanup_interval.max(0.0);
        #[allow(clippy::cast_possible_truncation, reason = "a float that is too large saturates")]
        let until = now.saturating_add(interval.ceil() as i64);
        let from = now.max(self.told_until.load(Ordering::Relaxed));
        let most = if self.events().are_on() { MOST_PER_WRITE } else { MOST_PER_READ };
        let batch = self.rules().token_cleanup_batch_size.clamp(1, most);
        let mut after: Option<Cursor> = None;
        loop {
            let started = Instant::now();
            let page = move |conn: &mut dyn Conn| {
                store::tokens::expiring_between(conn, from, until, after.as_ref(), batch)
            };
            let (ending, next) = if self.events().are_on() {
                // Read where it is written. Where writes are serial, none of them is gone
                // before it ends soon; with a server, one that is deleted at this very
                // moment may be told of once more.
                self.write_and_tell_later(Change::Sessions(None), move |tx, told| {
                    let page = page(tx.conn())?;
                    page.0.iter().for_each(|ending| tell_of_ending(told, ending));
                    Ok::<_, store::Error>(page)
                })?
            } else {
                self.store().read(page)?
            };
            ending.iter().for_each(warn_without_tenant);
            if next.is_none() {
                self.told_until.store(until, Ordering::Relaxed);
                return Ok(());
            }
            if !rest(started.elapsed()) {
                return Ok(());
            }
            after = next;
        }
    }
}

/// How many tokens the next transaction deletes, after one of `batch` took so
/// long: at most twice as many, at least half.
fn next_batch(batch: u32, took: Duration) -> u32 {
    let fitting = TRANSACTION.as_micros() * u128::from(batch) / took.as_micros().max(1);
    let fitting = u32::try_from(fitting).unwrap_or(u32::MAX);
    fitting.clamp(batch.div_ceil(2), batch.saturating_mul(2))
}

fn tell_of_ending(told: &mut Told, ending: &Expiring) {
    if let Some(tenant_uuid) = tenant(ending) {
        told.push(|| Event::SessionExpireSoon {
            uuid: ending.session_uuid,
            tenant_uuid: tenant_uuid.to_owned(),
            auth_id: ending.auth_id.clone(),
        });
    }
}

/// The tenant in the metadata of a token.
fn tenant(ending: &Expiring) -> Option<&str> {
    ending.metadata.get("tenant_uuid").and_then(serde_json::Value::as_str)
}

fn warn_without_tenant(ending: &Expiring) {
    if tenant(ending).is_none() {
        log::warn!(
            target: "wazo_auth.cleanup",
            "invalid session {}: no tenant_uuid found", ending.session_uuid
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_deletes_as_many_as_the_time_is_for() {
        let millis = Duration::from_millis;
        assert_eq!(next_batch(100, millis(10)), 100);
        assert_eq!(next_batch(100, millis(8)), 125);
        assert_eq!(next_batch(100, millis(12)), 83);
        assert_eq!(next_batch(100, millis(1)), 200);
        assert_eq!(next_batch(100, millis(1000)), 50);
        assert_eq!(next_batch(1, millis(1000)), 1);
        assert_eq!(next_batch(u32::MAX, Duration::ZERO), u32::MAX);
    }
}
