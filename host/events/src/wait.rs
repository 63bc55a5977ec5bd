//! How long an event waits for an older one of another daemon.

use std::time::Duration;

use tokio::time::Instant;
use wazo_auth_store::Error;

use crate::rows::Rows;

/// How often it is looked whether the other daemon is no more, or has no connection.
const OVERCOME: Duration = Duration::from_secs(1);
/// How long anything waits for a row of a daemon that runs and says that it can send.
const CLAIM: Duration = Duration::from_secs(60);

/// How long something has waited for another daemon.
pub(crate) struct Wait {
    pub since: Instant,
    tried: Instant,
}

// === impl Wait ===

impl Wait {
    pub fn begin() -> Self {
        let now = Instant::now();
        Self { since: now, tried: now }
    }

    /// Takes over what `id` waits for, when it is time to.
    pub async fn overcome(&mut self, rows: &Rows, id: i64) -> Result<(), Error> {
        if self.tried.elapsed() >= OVERCOME {
            self.tried = Instant::now();
            if rows.take_over().await? == 0 && self.since.elapsed() >= CLAIM {
                rows.claim(id).await?;
            }
        }
        Ok(())
    }
}
