//! An error as the API answers it, on its way through a plugin.

use serde::{Deserialize, Serialize};

use crate::{Error, Map, Value};

/// An error with which the request in progress is answered: a status between
/// 400 and 599 and the fields of the API's error objects (contract: http.md).
///
/// The services of the [`Host`](crate::Host) fail with one where the API itself
/// would, and `?` passes it on to the caller of the API. A plugin makes its own:
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// fn find(id: &str) -> Result<Map> {
///     Err(ApiError::new(404, "unknown-thing", format!("No such thing: \"{id}\""))
///         .resource("things")
///         .detail("id", id)
///         .into())
/// }
///
/// let error = find("7").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Api);
/// assert_eq!(error.text(), "No such thing: \"7\"");
/// assert_eq!(error.api().unwrap().status, 404);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ApiError {
    /// The status of the answer.
    pub status: u16,
    /// What went wrong, for programs: `unknown-user`. Without one, the message is
    /// all that is answered.
    #[serde(default)]
    pub error_id: String,
    /// What went wrong, for people; no secrets.
    #[serde(default)]
    pub message: String,
    /// The noun that it is about: `users`.
    #[serde(default)]
    pub resource: String,
    /// More for programs.
    #[serde(default)]
    pub details: Map,
}

// === impl ApiError ===

impl ApiError {
    /// An error about no resource in particular.
    pub fn new(status: u16, error_id: impl Into<String>, message: impl Into<String>) -> Self {
        let (error_id, message) = (error_id.into(), message.into());
        Self { status, error_id, message, resource: String::new(), details: Map::new() }
    }

    /// Names the noun that it is about.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = resource.into();
        self
    }

    /// Adds a detail.
    #[must_use]
    pub fn detail(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.details.insert(key.into(), value.into());
        self
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::of_api(error)
    }
}

/// Reads what [`Error`] wrote into the text of a failure of kind
/// [`ErrorKind::Api`](crate::ErrorKind::Api).
pub(crate) fn read(text: &str) -> Option<ApiError> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ErrorKind,
        abi::{Failure, kind},
    };

    #[test]
    fn it_crosses_the_border_whole() {
        let error = ApiError::new(409, "conflict", "already set").detail("type", "foo");
        let failure = Failure::from(Error::from(error.clone()));
        let back = Error::from(failure);
        assert_eq!((back.kind(), back.text()), (ErrorKind::Api, "already set"));
        assert_eq!(back.api(), Some(&error));
    }

    #[test]
    fn a_panic_is_no_error_that_a_plugin_makes() {
        for kind in [ErrorKind::Panic, ErrorKind::Api] {
            assert_eq!(Error::new(kind, "it says so").kind(), ErrorKind::Other);
        }
        let failure = Failure { kind: kind::PANIC, text: "a literal".into() };
        assert_eq!(Error::from(failure).kind(), ErrorKind::Panic);
    }

    #[test]
    fn what_is_no_api_error_is_an_ordinary_one() {
        let failure = Failure { kind: kind::API, text: "{".into() };
        assert_eq!(Error::from(failure).kind(), ErrorKind::Other);
    }
}
