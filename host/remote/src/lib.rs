//! Other services: requests to them, and messages awaited from them.
//!
//! Nothing is begun before it is needed: no thread, no connection, and the
//! certificates that the system trusts are not read.

mod consent;
mod request;
mod trust;

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use rustls::ClientConfig;
use tokio::runtime::Runtime;

pub use consent::{Awaited, LostConsent, NotAwaited};
pub use request::{Answer, NoAnswer, Request};

/// The way to other services.
pub struct Remote {
    allows_http: bool,
    agent: OnceLock<ureq::Agent>,
    tls: OnceLock<Result<Arc<ClientConfig>, rustls::Error>>,
    /// Where messages are awaited; none once that has ended.
    waits: Mutex<Waits>,
    /// The messages that are awaited.
    awaited: Arc<Mutex<consent::Waiting>>,
}

enum Waits {
    NotYet,
    On(Runtime),
    Ended,
}

// === impl Remote ===

impl Remote {
    /// Begins nothing. `allows_http`: requests may go to `http://` addresses,
    /// unsealed.
    #[must_use]
    pub fn new(allows_http: bool) -> Self {
        Self {
            allows_http,
            agent: OnceLock::new(),
            tls: OnceLock::new(),
            waits: Mutex::new(Waits::NotYet),
            awaited: Arc::default(),
        }
    }

    /// Ends all waits at once, and begins no more.
    pub fn stop(&self) {
        let waits = std::mem::replace(&mut *self.waits.lock(), Waits::Ended);
        if let Waits::On(runtime) = waits {
            runtime.shutdown_background();
        }
    }
}
