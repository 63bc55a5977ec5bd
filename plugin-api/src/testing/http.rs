use super::Tested;
use crate::{
    HttpRequest, HttpResponse, Result, Route,
    wire::{Empty, Items, method},
};

/// An HTTP plugin behind the border.
pub struct TestedHttp(pub(super) Tested);

// === impl TestedHttp ===

impl TestedHttp {
    /// See [`HttpRoutes::routes`](crate::HttpRoutes::routes).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn routes(&self) -> Result<Vec<Route>> {
        self.0.routes()
    }

    /// See [`HttpRoutes::handle`](crate::HttpRoutes::handle).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        self.0.handle(request)
    }
}

// === impl Tested ===

impl Tested {
    pub(super) fn routes(&self) -> Result<Vec<Route>> {
        let reply: Items<Route> = self.call(method::GET_ROUTES, &Empty {})?;
        Ok(reply.items)
    }

    pub(super) fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        let frame = self.frame(method::HANDLE, request, &request.body)?;
        let mut response: HttpResponse = serde_json::from_str(&frame.head)?;
        response.body = frame.body.into_vec();
        Ok(response)
    }
}
