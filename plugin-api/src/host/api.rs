//! Requests to the daemon's own API, without a connection.

use std::{borrow::Cow, fmt};

use serde::de::DeserializeOwned;

use super::{Host, Page, read};
use crate::{
    ApiError, Error, Map, Result, Value,
    wire::{self, service},
};

/// A request to the daemon's API, in the daemon's own name: nothing is forbidden
/// to it, and the rules are those of the API.
///
/// ```
/// use wazo_auth_plugin_api::{ApiRequest, host::Group, prelude::*};
///
/// fn staff(host: &Host, tenant: &str) -> Result<Vec<Group>> {
///     let request = ApiRequest::new("GET", "/groups").tenant(tenant).query("search", "staff");
///     Ok(host.list(&request)?.items)
/// }
/// # let _ = staff;
/// ```
#[derive(Clone, Default)]
pub struct ApiRequest {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    tenant_uuid: Option<String>,
    body: Vec<u8>,
}

// === impl ApiRequest ===

impl ApiRequest {
    /// A request with this method, to this path below `/0.1`. What a path is made
    /// of may have to be [encoded](Self::encoded).
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into(), ..Self::default() }
    }

    /// A text as a part of a path.
    #[must_use]
    pub fn encoded(text: &str) -> String {
        text.bytes().fold(String::with_capacity(text.len()), |mut path, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
            path
        })
    }

    /// The same about a tenant: as `Wazo-Tenant` has it. The tenant above all
    /// others, unless given.
    #[must_use]
    pub fn tenant(mut self, uuid: impl Into<String>) -> Self {
        self.tenant_uuid = Some(uuid.into());
        self
    }

    /// The same with a parameter.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self
    }

    /// The same about a tenant, if there is one, with parameters.
    pub(super) fn with(self, tenant: Option<&str>, query: &[(&str, &str)]) -> Self {
        let request = match tenant {
            Some(tenant) => self.tenant(tenant),
            None => self,
        };
        query.iter().fold(request, |request, (name, value)| request.query(*name, *value))
    }
}

/// Without the body, which may hold a password.
impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

// === impl Host ===

impl Host {
    /// Makes a request to the API, and reads the answer. What it changes is
    /// committed when this returns. Not for the `new` of a plugin: by then the API
    /// is not served. Logins and routes of plugins are not to be had in this way.
    ///
    /// # Errors
    /// Answers of 400 and more, as an [`ApiError`]; a failure of
    /// the daemon.
    pub fn request<A: DeserializeOwned>(&self, request: &ApiRequest) -> Result<A> {
        read(service::API_REQUEST, &self.answer(request)?)
    }

    /// A list of the API.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn list<T: DeserializeOwned>(&self, request: &ApiRequest) -> Result<Page<T>> {
        self.request(request)
    }

    /// The same for a request whose answer is empty, or does not matter.
    ///
    /// # Errors
    /// As of [`request`](Self::request).
    pub fn perform(&self, request: &ApiRequest) -> Result<()> {
        self.answer(request).map(drop)
    }

    fn answer(&self, request: &ApiRequest) -> Result<String> {
        let head = wire::ApiRequest {
            method: Cow::Borrowed(&request.method),
            path: Cow::Borrowed(&request.path),
            query: Cow::Borrowed(&request.query),
            tenant_uuid: request.tenant_uuid.as_deref().map(Cow::Borrowed),
        };
        let frame = self.exchange(service::API_REQUEST, &head, &request.body)?;
        let wire::ApiResponse { status } = read(service::API_REQUEST, &frame.head)?;
        let body = String::from_utf8_lossy(&frame.body).into_owned();
        if status < 400 { Ok(body) } else { Err(error(status, &body)) }
    }
}

/// The error that an answer is, whichever of its shapes the API has chosen.
fn error(status: u16, body: &str) -> Error {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => value.to_string(),
    };
    let message = if body["reason"].is_array() { &body["reason"][0] } else { &body["message"] };
    let error = ApiError::new(status, text(&body["error_id"]), text(message));
    let details: Map = body["details"].as_object().cloned().unwrap_or_default();
    let error = details.into_iter().fold(error, |error, (key, value)| error.detail(key, value));
    error.resource(text(&body["resource"])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_an_error_becomes_one() {
        let read = |body: &str| {
            let error = error(404, body);
            let api = error.api().unwrap().clone();
            (api.error_id, api.message, api.resource)
        };
        let of = |id: &str, message: &str, resource: &str| {
            (id.to_owned(), message.to_owned(), resource.to_owned())
        };
        let current = r#"{"error_id": "unknown-user", "message": "No", "resource": "users"}"#;
        assert_eq!(read(current), of("unknown-user", "No", "users"));
        assert_eq!(read(r#"{"reason": ["No such policy"]}"#), of("", "No such policy", ""));
        assert_eq!(read(r#"{"message": {"a": 1}}"#), of("", r#"{"a":1}"#, ""));
        assert_eq!(read("<html>"), of("", "", ""));
    }

    #[test]
    fn a_part_of_a_path_cannot_leave_it() {
        assert_eq!(ApiRequest::encoded("a/../é?"), "a%2F..%2F%C3%A9%3F");
    }
}
