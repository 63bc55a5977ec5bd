//! Calls into a plugin that adds routes to the API.

use std::sync::Arc;

use wazo_auth_plugin_api::{
    Args, HttpRequest, HttpResponse, Route,
    wire::{Empty, Items, method},
};

use crate::{CallError, instance::Instance, reply::MAX_HEAD};

/// A plugin that adds routes to the API (contract: plugins.md section 7).
///
/// Calls block: they belong on a pool's thread, where each one runs under the
/// plugin's deadline.
pub struct HttpPlugin {
    pub(crate) instance: Arc<Instance>,
    pub(crate) routes: Vec<Route>,
}

// === impl HttpPlugin ===

impl HttpPlugin {
    /// The name by which it is enabled.
    #[must_use]
    pub fn name(&self) -> &str {
        self.instance.name()
    }

    /// Its routes; none when it could not be started.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Answers a request to one of the routes.
    ///
    /// # Errors
    /// Why there is no answer, or another one.
    pub fn handle(&self, request: &HttpRequest) -> Result<HttpResponse, CallError> {
        self.instance.handle(request)
    }
}

// === impl Instance ===

impl Instance {
    /// The routes of a plugin that has some.
    pub(crate) fn routes(&self) -> Result<Vec<Route>, CallError> {
        let reply: Option<Items<Route>> = self.call(method::GET_ROUTES, &Empty {}, &Args::new())?;
        Ok(reply.map(|reply| reply.items).unwrap_or_default())
    }

    /// Answers a request to one of the routes.
    pub(crate) fn handle(&self, request: &HttpRequest) -> Result<HttpResponse, CallError> {
        let frame = self.exchange(method::HANDLE, request, &request.body)?;
        let frame = frame.ok_or_else(|| self.failed("it does not answer requests"))?;
        let mut response: HttpResponse = self.read(&frame)?;
        if frame.body.len() > MAX_HEAD {
            let length = frame.body.len();
            return Err(
                self.bad_reply(format!("a body of {length} bytes, at most {MAX_HEAD} are read"))
            );
        }
        response.body = frame.body.into_vec();
        Ok(response)
    }
}
