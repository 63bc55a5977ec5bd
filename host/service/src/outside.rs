//! The way to other services, and requests of plugins to them.

use std::sync::Arc;

use wazo_auth_plugins::{ErrorKind, HostFailure, HttpResponse, wire};
use wazo_auth_remote::{NoAnswer, Remote, Request};
use wazo_auth_work::Pool;

use crate::{NotReady, Services};

/// Calls of plugins that run at a time because a user has consented.
const CALLBACKS: usize = 2;
/// Those that may wait.
const WAITING_CALLBACKS: usize = 1000;

/// The way to other services, and where the relay of consents is.
pub struct Outside {
    pub(crate) remote: Remote,
    /// `oauth2_synchronization_ws_url_template`
    pub(crate) ws_url_template: String,
    /// `oauth2_synchronization_redirect_url_template`
    pub(crate) redirect_url_template: String,
    pub(crate) callbacks: Arc<Pool>,
}

// === impl Outside ===

impl Outside {
    /// The way by `remote`, with the two templates of the configuration.
    #[must_use]
    pub fn new(remote: Remote, ws_url_template: String, redirect_url_template: String) -> Self {
        let callbacks = Pool::new("consents", CALLBACKS, WAITING_CALLBACKS);
        Self { remote, ws_url_template, redirect_url_template, callbacks }
    }
}

impl Services {
    /// Opens the way to other services; done once, at start.
    pub fn set_outside(&self, outside: Outside) {
        if self.outside.set(outside).is_err() {
            log::error!(target: "wazo_auth.service", "the way to other services was opened twice; the first one stays");
        }
    }

    pub(crate) fn outside(&self) -> Result<&Outside, NotReady> {
        self.outside.get().ok_or(NotReady)
    }

    /// Ends what is awaited from other services; nothing is awaited from then on.
    pub fn close_outside(&self) {
        if let Some(outside) = self.outside.get() {
            outside.remote.stop();
        }
    }

    /// Sends a request for a plugin.
    pub(crate) fn send(
        &self,
        head: &wire::Outgoing<'_>,
        body: &[u8],
    ) -> Result<HttpResponse, HostFailure> {
        let (method, url, headers) = (&*head.method, &*head.url, &*head.headers);
        let outside =
            self.outside().map_err(|error| HostFailure::new(ErrorKind::Busy, error.to_string()))?;
        let answer = outside.remote.send(&Request { method, url, headers, body });
        let answer = answer.map_err(|error| {
            let kind = match error {
                NoAnswer::TimedOut { .. } => ErrorKind::TimedOut,
                _ => ErrorKind::Host,
            };
            HostFailure::new(kind, error.to_string())
        })?;
        let mut response = HttpResponse::new(answer.status).with_body(answer.body);
        response.headers = answer.headers;
        Ok(response)
    }
}
