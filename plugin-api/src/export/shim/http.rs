use std::mem;

use super::{Dispatch, Reply, read, write};
use crate::{
    Error, Host, HttpRequest, HttpResponse, HttpRoutes, Result,
    wire::{Items, method},
};

pub(crate) struct HttpShim<T>(pub(crate) T);

// === impl HttpShim ===

impl<T: HttpRoutes> Dispatch for HttpShim<T> {
    fn dispatch(&self, _host: &Host, method: &str, head: &str, body: &[u8]) -> Result<Reply> {
        match method {
            method::GET_ROUTES => write(&Items { items: self.0.routes() }),
            method::HANDLE => handle(head, body, |request| self.0.handle(request)),
            _ => Err(Error::unsupported()),
        }
    }
}

/// Runs `f` with a request; the bodies go beside the heads.
pub(super) fn handle(
    head: &str,
    body: &[u8],
    f: impl FnOnce(&HttpRequest) -> Result<HttpResponse>,
) -> Result<Reply> {
    let mut request: HttpRequest = read(head)?;
    request.body = body.to_owned();
    let mut response = f(&request)?;
    let body = mem::take(&mut response.body);
    Ok(Reply { body, ..write(&response)? })
}
