//! What a plugin answers when it has no answer.

use std::fmt;

use crate::{
    ApiError,
    abi::{Failure, kind},
    api_error,
};

/// The result of everything a plugin does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure an [`Error`] is, which decides what the daemon makes
/// of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing more precise: the request in progress is answered 500.
    Other,
    /// The plugin panicked. A plugin cannot make such an error itself.
    Panic,
    /// The plugin does not have this method: the documented default is used.
    Unsupported,
    /// The plugin's configuration is wrong.
    Config,
    /// A frame could not be read.
    Malformed,
    /// The credentials are refused: the request is answered 401.
    Unauthorized,
    /// What was asked for does not exist.
    NotFound,
    /// Too much to do at the moment.
    Busy,
    /// A server behind the plugin did not answer in time.
    TimedOut,
    /// The daemon failed while it served the plugin.
    Host,
    /// The request is answered with an [`ApiError`].
    Api,
}

/// A failure: its kind and a sentence for the person who reads the log.
///
/// Any error of the standard form becomes one of kind [`ErrorKind::Other`] by
/// `?`, with the texts of its sources. (For that reason this type is itself
/// not a `std::error::Error`.) Never put a password or a key in the text.
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// fn port(text: &str) -> Result<u16> {
///     Ok(text.parse::<u16>()?)
/// }
///
/// assert_eq!(port("http").unwrap_err().kind(), ErrorKind::Other);
/// assert_eq!(Error::unauthorized("the account is locked").kind(), ErrorKind::Unauthorized);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    text: String,
    api: Option<Box<ApiError>>,
}

// === impl ErrorKind ===

impl ErrorKind {
    /// The kind that a number on the wire stands for.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        match number {
            kind::PANIC => Self::Panic,
            kind::UNSUPPORTED => Self::Unsupported,
            kind::CONFIG => Self::Config,
            kind::MALFORMED => Self::Malformed,
            kind::UNAUTHORIZED => Self::Unauthorized,
            kind::NOT_FOUND => Self::NotFound,
            kind::BUSY => Self::Busy,
            kind::TIMED_OUT => Self::TimedOut,
            kind::HOST => Self::Host,
            kind::API => Self::Api,
            _ => Self::Other,
        }
    }

    /// The number that stands for this kind on the wire.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Other => kind::OTHER,
            Self::Panic => kind::PANIC,
            Self::Unsupported => kind::UNSUPPORTED,
            Self::Config => kind::CONFIG,
            Self::Malformed => kind::MALFORMED,
            Self::Unauthorized => kind::UNAUTHORIZED,
            Self::NotFound => kind::NOT_FOUND,
            Self::Busy => kind::BUSY,
            Self::TimedOut => kind::TIMED_OUT,
            Self::Host => kind::HOST,
            Self::Api => kind::API,
        }
    }
}

// === impl Error ===

impl Error {
    /// An error of the given kind. Of kind [`Panic`](ErrorKind::Panic) only a panic
    /// makes one, of kind [`Api`](ErrorKind::Api) only an [`ApiError`]: here they
    /// are [`Other`](ErrorKind::Other).
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        let kind = match kind {
            ErrorKind::Panic | ErrorKind::Api => ErrorKind::Other,
            kind => kind,
        };
        Self { kind, text: text.into(), api: None }
    }

    pub(crate) fn of_panic(text: String) -> Self {
        Self { kind: ErrorKind::Panic, text, api: None }
    }

    pub(crate) fn of_api(error: ApiError) -> Self {
        let (kind, text) = (ErrorKind::Api, error.message.clone());
        Self { kind, text, api: Some(Box::new(error)) }
    }

    /// Something failed: the request in progress is answered 500.
    pub fn other(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, text)
    }

    /// The credentials are refused, and the text says why: 401. A password
    /// that is simply wrong is no error but `Ok(false)`.
    pub fn unauthorized(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthorized, text)
    }

    /// What was asked for does not exist.
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, text)
    }

    /// The configuration is wrong in a way its type cannot express.
    ///
    /// ```
    /// use wazo_auth_plugin_api::Error;
    /// let error = Error::config("`url` must begin with https://");
    /// assert_eq!(error.to_string(), "config: `url` must begin with https://");
    /// ```
    pub fn config(text: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Config, format!("config: {text}"))
    }

    /// A server behind the plugin did not answer in time.
    pub fn timed_out(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::TimedOut, text)
    }

    /// Use the default that is documented for this method.
    #[must_use]
    pub fn unsupported() -> Self {
        Self::new(ErrorKind::Unsupported, "this method is not provided")
    }

    pub(crate) fn malformed(what: &str, error: &serde_json::Error) -> Self {
        // The category only: a JSON error may quote what it could not read.
        let (line, column) = (error.line(), error.column());
        let text = format!("{what} is not of the expected form (line {line}, column {column})");
        Self::new(ErrorKind::Malformed, text)
    }

    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The error with which the API is to answer, when it is one.
    #[must_use]
    pub fn api(&self) -> Option<&ApiError> {
        self.api.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self::other(text)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let number = error.kind.number();
        let json = error.api.and_then(|api| serde_json::to_string(&api).ok());
        Self { kind: number, text: json.unwrap_or(error.text).into() }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let (kind, text) = (ErrorKind::from_number(failure.kind), failure.text.into_string());
        match (kind, api_error::read(&text)) {
            (ErrorKind::Api, Some(error)) => Self::of_api(error),
            (ErrorKind::Api, None) => Self::other(text),
            (kind, _) => Self { kind, text, api: None },
        }
    }
}
