//! The end of expired tokens (tokens.md section 9): one cycle.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use wazo_auth_store::{
    self as store,
    tokens::{Cursor, Expiring},
};

use crate::Services;

/// Tokens deleted per transaction, whatever larger number is configured: a
/// check that needs the processor, or a login that needs the writer, waits for
/// one transaction at most.
const MOST_PER_TRANSACTION: u32 = 100;
/// Tokens about to expire that are looked at together.
const MOST_PER_READ: u32 = 1000;

impl Services {
    /// Deletes every expired token with its session, a few per transaction, so
    /// that the writer serves others in between. Gives how many.
    ///
    /// `rest` is told after each transaction how long it lasted, and says when
    /// it is time for the next one, or, by `false`, that there shall be none.
    ///
    /// # Errors
    /// The store's; what was deleted before stays deleted.
    pub fn clean_up(&self, rest: impl Fn(Duration) -> bool) -> Result<u64, store::Error> {
        let now = self.now_seconds();
        let mut deleted = 0;
        loop {
            let started = Instant::now();
            let (count, flow) = self.delete_expired(now)?;
            deleted += count;
            if flow.is_break() {
                break;
            }
            if !rest(started.elapsed()) {
                return Ok(deleted);
            }
        }
        self.warn_of_stray_endings(now, &rest)?;
        Ok(deleted)
    }

    fn delete_expired(&self, now: i64) -> Result<(u64, ControlFlow<()>), store::Error> {
        let batch = self.rules().token_cleanup_batch_size.clamp(1, MOST_PER_TRANSACTION);
        let expired = self.store().write(&[], move |tx| {
            let expired = store::tokens::expired(tx.conn(), now, batch)?;
            for token in &expired {
                store::sessions::delete(tx.conn(), &token.session_uuid)?;
            }
            Ok::<_, store::Error>(expired)
        })?;
        expired.iter().for_each(warn_without_tenant);
        let count = expired.len() as u64;
        let flow = if count < u64::from(batch) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        };
        Ok((count, flow))
    }

    /// Sessions that end soon have somebody to be told to; those without a
    /// tenant have not, and the log says so while they still can be looked at.
    fn warn_of_stray_endings(
        &self,
        now: i64,
        rest: &impl Fn(Duration) -> bool,
    ) -> Result<(), store::Error> {
        let interval = self.rules().token_cleanup_interval.max(0.0);
        #[allow(clippy::cast_possible_truncation, reason = "a float that is too large saturates")]
        let until = now.saturating_add(interval.ceil() as i64);
        let batch = self.rules().token_cleanup_batch_size.clamp(1, MOST_PER_READ);
        let mut after: Option<Cursor> = None;
        loop {
            let started = Instant::now();
            let (ending, next) = self.store().read(|conn| {
                store::tokens::expiring_between(conn, now, until, after.as_ref(), batch)
            })?;
            ending.iter().for_each(warn_without_tenant);
            if next.is_none() || !rest(started.elapsed()) {
                return Ok(());
            }
            after = next;
        }
    }
}

fn warn_without_tenant(ending: &Expiring) {
    if ending.metadata.get("tenant_uuid").is_none_or(serde_json::Value::is_null) {
        log::warn!(
            target: "wazo_auth.cleanup",
            "invalid session {}: no tenant_uuid found", ending.session_uuid
        );
    }
}
