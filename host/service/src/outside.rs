//! The way to other services, and requests of plugins to them.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
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
    requests: Requests,
}

/// Requests of plugins that are under way. Each keeps a worker for as long as another
/// service takes to answer, which may be long: one that hangs is not to be the trouble
/// of others.
struct Requests {
    /// How many workers all of them may keep.
    most: usize,
    of: Mutex<HashMap<String, usize>>,
}

/// A request that is under way, until it is dropped.
struct UnderWay<'a> {
    requests: &'a Requests,
    plugin: &'a str,
}

// === impl Outside ===

impl Outside {
    /// The way by `remote`, with the two templates of the configuration; at most so many
    /// requests of plugins are under way at a time.
    #[must_use]
    pub fn new(
        remote: Remote,
        ws_url_template: String,
        redirect_url_template: String,
        requests: usize,
    ) -> Self {
        let callbacks = Pool::new("consents", CALLBACKS, WAITING_CALLBACKS);
        let requests = Requests { most: requests, of: Mutex::default() };
        Self { remote, ws_url_template, redirect_url_template, callbacks, requests }
    }
}

// === impl Requests ===

impl Requests {
    /// Counts a request of `plugin`, unless that has as many under way as it leaves to
    /// others: the first one gets half of them, another one half of the rest, and so on.
    fn begin<'a>(&'a self, plugin: &'a str) -> Option<UnderWay<'a>> {
        let mut of = self.of.lock();
        let free = self.most.saturating_sub(of.values().sum());
        let own = of.get(plugin).copied().unwrap_or_default();
        if own >= free {
            return None;
        }
        of.insert(plugin.to_owned(), own + 1);
        Some(UnderWay { requests: self, plugin })
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut of = self.requests.of.lock();
        match of.get_mut(self.plugin) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(of.remove(self.plugin)),
        }
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
        plugin: &str,
        head: &wire::Outgoing<'_>,
        body: &[u8],
    ) -> Result<HttpResponse, HostFailure> {
        let (method, url, headers) = (&*head.method, &*head.url, &*head.headers);
        let outside =
            self.outside().map_err(|error| HostFailure::new(ErrorKind::Busy, error.to_string()))?;
        let _under_way = outside.requests.begin(plugin).ok_or_else(|| {
            let text = "too many of its requests to other services wait for an answer";
            HostFailure::new(ErrorKind::Busy, text)
        })?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_whose_service_hangs_leaves_workers_to_others() {
        let requests = Requests { most: 18, of: Mutex::default() };
        let all =
            |plugin| std::iter::from_fn(|| requests.begin(plugin)).take(100).collect::<Vec<_>>();
        let mut under_way = all("google");
        assert_eq!(under_way.len(), 9);
        let others = all("microsoft");
        assert_eq!(others.len(), 5);
        assert_eq!(all("acme").len(), 2);
        assert!(requests.begin("google").is_none());
        drop(others);
        under_way.truncate(8);
        assert!(requests.begin("google").is_some(), "one has ended");
        drop(under_way);
        assert!(requests.of.lock().is_empty());
        let alone = Requests { most: 1, of: Mutex::default() };
        assert!(alone.begin("google").is_some());
    }
}
