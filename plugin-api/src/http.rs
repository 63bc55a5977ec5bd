//! The capability to add routes to the API.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{ApiError, Host, Map, Result};

/// Adds routes to the API, each with the access that its callers need.
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// struct Greetings;
///
/// impl HttpRoutes for Greetings {
///     type Config = NoConfig;
///
///     fn new(_config: NoConfig, _host: Host) -> Result<Self> {
///         Ok(Self)
///     }
///
///     fn routes(&self) -> Vec<Route> {
///         vec![Route::new("GET", "/greetings/{name}", "auth.greetings.{name}.read")]
///     }
///
///     fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
///         let name = request.parameter("name");
///         HttpResponse::json(200, &json!({"greeting": format!("Hello {name}")}))
///     }
/// }
///
/// let plugin = testing::http::<Greetings>(json!({}), MockHost::new())?;
/// let request = HttpRequest::new("GET", "/greetings/{name}").with_parameter("name", "Wile");
/// let response = plugin.handle(&request)?;
/// assert_eq!((response.status, &*response.body), (200, &br#"{"greeting":"Hello Wile"}"#[..]));
/// # Ok::<(), Error>(())
/// ```
pub trait HttpRoutes: Sized + Send + Sync + 'static {
    /// Its block of the daemon's configuration (`plugins.<name>.config`);
    /// [`NoConfig`](crate::NoConfig) when there is nothing to configure.
    type Config: DeserializeOwned;

    /// Makes the plugin, once, when the daemon starts. On an error the daemon
    /// starts without its routes.
    ///
    /// # Errors
    /// Whatever prevents the plugin from ever working.
    fn new(config: Self::Config, host: Host) -> Result<Self>;

    /// The routes, below `/0.1`; asked once. One that the daemon has itself
    /// is refused.
    fn routes(&self) -> Vec<Route>;

    /// Answers a request to one of the routes, of a caller whose token grants
    /// the route's access.
    ///
    /// # Errors
    /// An [`ApiError`] is the answer;
    /// [`Unauthorized`](crate::ErrorKind::Unauthorized) is answered 401,
    /// [`Busy`](crate::ErrorKind::Busy) 503, anything else 500.
    fn handle(&self, request: &HttpRequest) -> Result<HttpResponse>;
}

/// A method and a path that a plugin answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Route {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`. `HEAD` comes with `GET`.
    pub method: String,
    /// The path; `{name}`, alone between slashes, stands for any text without one,
    /// `{…_uuid}` for a UUID only. At most three of them.
    pub path: String,
    /// The access that the caller's token must grant; `{name}` stands for what
    /// it stands for in the path, with `_` for each dot.
    #[serde(default)]
    pub access: Option<String>,
    /// Whether anybody may call it, without a token.
    #[serde(default)]
    pub public: bool,
}

/// A request to a route of a plugin.
#[derive(Clone, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HttpRequest {
    /// The method.
    pub method: String,
    /// The path of the [`Route`], as it was given.
    pub route: String,
    /// The path of the request.
    #[serde(default)]
    pub path: String,
    /// What the names of the route's path stand for.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The parameters of the query, in order.
    #[serde(default)]
    pub query: Vec<(String, String)>,
    /// The headers, with names in small letters, without those that hold
    /// credentials.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The tenant that the caller works in: its own, or the one of
    /// `Wazo-Tenant`, which the caller's tenant reaches. None on a public
    /// route.
    #[serde(default)]
    pub tenant_uuid: Option<String>,
    /// The caller's token. None on a public route.
    #[serde(default)]
    pub token: Option<TokenInfo>,
    /// The address the request came from.
    #[serde(default)]
    pub remote_addr: String,
    /// The body, as it came.
    #[serde(skip)]
    pub body: Vec<u8>,
}

/// What is known of the caller's token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TokenInfo {
    /// Whose it is: of a user, the UUID.
    #[serde(default)]
    pub auth_id: Option<String>,
    /// Its session.
    #[serde(default)]
    pub session_uuid: Option<String>,
    /// Its metadata.
    #[serde(default)]
    pub metadata: Map,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HttpResponse {
    /// The status, from 200 to 599.
    pub status: u16,
    /// Headers; those that say how the connection is used are the daemon's.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(skip)]
    pub body: Vec<u8>,
}

// === impl Route ===

impl Route {
    /// A route for callers whose token grants `access`.
    pub fn new(
        method: impl Into<String>,
        path: impl Into<String>,
        access: impl Into<String>,
    ) -> Self {
        let access = Some(access.into());
        Self { method: method.into(), path: path.into(), access, public: false }
    }

    /// A route for anybody, without a token.
    pub fn public(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into(), access: None, public: true }
    }
}

// === impl HttpRequest ===

impl HttpRequest {
    /// A request to a route, for tests.
    pub fn new(method: impl Into<String>, route: impl Into<String>) -> Self {
        Self { method: method.into(), route: route.into(), ..Self::default() }
    }

    /// The same with a value for a name of the path.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// What a name of the path stands for; empty when the path has no such
    /// name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The first value of a parameter of the query.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name)?;
        Some(&found.1)
    }

    /// The first header of a name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// An [`ApiError`] of status 400 that says where it does not fit.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // Not the error's own text: it may quote a secret.
            let (line, column) = (error.line(), error.column());
            let message =
                format!("The body is not of the expected form (line {line}, column {column})");
            ApiError::new(400, "invalid-data", message).into()
        })
    }
}

/// Without values: some are secrets.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

// === impl HttpResponse ===

impl HttpResponse {
    /// An answer without a body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// The usual answer to `DELETE`: 204.
    #[must_use]
    pub fn no_content() -> Self {
        Self::new(204)
    }

    /// An answer in JSON.
    ///
    /// # Errors
    /// When `body` cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(status: u16, body: &T) -> Result<Self> {
        let body = serde_json::to_vec(body)?;
        Ok(Self { body, ..Self::new(status).with_header("content-type", "application/json") })
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
}
