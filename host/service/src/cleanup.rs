//! The end of expired tokens (tokens.md section 9): one cycle.

use std::ops::ControlFlow;

use wazo_auth_store::{
    self as store,
    tokens::{Cursor, Expiring},
};

use crate::Services;

impl Services {
    /// Deletes every expired token with its session, a batch per transaction,
    /// so that the writer serves others in between. Gives how many.
    ///
    /// `go_on` is asked between batches; the daemon says no when it stops.
    ///
    /// # Errors
    /// The store's; what was deleted before stays deleted.
    pub fn clean_up(&self, go_on: impl Fn() -> bool) -> Result<u64, store::Error> {
        let now = self.now_seconds();
        let mut deleted = 0;
        while go_on() {
            let (count, flow) = self.delete_expired(now)?;
            deleted += count;
            if flow.is_break() {
                break;
            }
        }
        self.warn_of_stray_endings(now, &go_on)?;
        Ok(deleted)
    }

    fn delete_expired(&self, now: i64) -> Result<(u64, ControlFlow<()>), store::Error> {
        let batch = self.rules().token_cleanup_batch_size.max(1);
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
        go_on: &impl Fn() -> bool,
    ) -> Result<(), store::Error> {
        let interval = self.rules().token_cleanup_interval.max(0.0);
        #[allow(clippy::cast_possible_truncation, reason = "a float that is too large saturates")]
        let until = now.saturating_add(interval.ceil() as i64);
        let batch = self.rules().token_cleanup_batch_size.max(1);
        let mut after: Option<Cursor> = None;
        while go_on() {
            let (ending, next) = self.store().read(|conn| {
                store::tokens::expiring_between(conn, now, until, after.as_ref(), batch)
            })?;
            ending.iter().for_each(warn_without_tenant);
            if next.is_none() {
                break;
            }
            after = next;
        }
        Ok(())
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
