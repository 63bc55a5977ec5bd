//! Requests of a plugin to other services.

use std::{borrow::Cow, fmt};

use crate::{
    Host, HttpResponse, Result,
    wire::{self, service},
};

/// A request that the daemon sends for a plugin: see [`Host::send`].
#[derive(Clone)]
pub struct OutgoingRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

// === impl OutgoingRequest ===

impl OutgoingRequest {
    /// A request without a body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let (method, url) = (method.into(), url.into());
        Self { method, url, headers: Vec::new(), body: Vec::new() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn send(&self, host: &Host) -> Result<HttpResponse> {
        let head = wire::Outgoing {
            method: Cow::Borrowed(&self.method),
            url: Cow::Borrowed(&self.url),
            headers: Cow::Borrowed(&self.headers),
        };
        let frame = host.exchange(service::HTTP_REQUEST, &head, &self.body)?;
        let mut response: HttpResponse = super::read(service::HTTP_REQUEST, &frame.head)?;
        response.body = frame.body.into_vec();
        Ok(response)
    }
}

/// Without values: some are secrets.
impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest").field("method", &self.method).finish_non_exhaustive()
    }
}
