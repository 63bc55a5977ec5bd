//! The capability to say who sent a login request.

use std::{fmt, sync::OnceLock};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{Args, Error, Host, Result, Value};

/// Authenticates login requests of some form: all those that carry a private
/// field, say, or that name a domain.
///
/// The providers of `idp_plugins` are asked in the order of their priority
/// whether a request is theirs; the first whose it is decides alone. The
/// login that it gives must be one of a user whose authentication method is
/// [`authentication_method`](Self::authentication_method).
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// /// Logs in who knows the word of the day.
/// struct Password2Go {
///     word: String,
/// }
///
/// #[derive(Deserialize)]
/// #[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
/// struct Config {
///     word: String,
/// }
///
/// impl IdentityProvider for Password2Go {
///     type Config = Config;
///
///     fn new(config: Config, _host: Host) -> Result<Self> {
///         Ok(Self { word: config.word })
///     }
///
///     fn authentication_method(&self) -> &str {
///         "word_of_the_day"
///     }
///
///     fn can_authenticate(&self, args: &Args, request: &LoginRequest) -> Result<bool> {
///         Ok(args.login().is_some() && request.field("word_of_the_day").is_some())
///     }
///
///     fn verify_auth(&self, args: &mut Args, request: &LoginRequest) -> Result<Identity> {
///         let word = request.field("word_of_the_day").and_then(Value::as_str);
///         if word != Some(&*self.word) {
///             return Err(Error::unauthorized("that was yesterday's word"));
///         }
///         Ok(Identity::new("wazo_user", args.login().unwrap_or_default()))
///     }
/// }
///
/// let config = json!({"word": "anvil"});
/// let provider = testing::identity_provider::<Password2Go>(config, MockHost::new())?;
/// assert_eq!(provider.authentication_method()?, "word_of_the_day");
///
/// let mut args = Args::from_value(json!({"login": "wile"}));
/// let request = LoginRequest::of_json(&json!({"word_of_the_day": "anvil"}));
/// assert!(provider.can_authenticate(&args, &request)?);
/// assert_eq!(provider.verify_auth(&mut args, &request)?.login, "wile");
/// # Ok::<(), Error>(())
/// ```
pub trait IdentityProvider: Sized + Send + Sync + 'static {
    /// Its block of the daemon's configuration (`plugins.<name>.config`);
    /// [`NoConfig`](crate::NoConfig) when there is nothing to configure.
    type Config: DeserializeOwned;

    /// Makes the provider, once, when the daemon starts and all backends are
    /// loaded ([`Host::has_backend`]). On an error the daemon starts without
    /// it, and its method is unknown.
    ///
    /// # Errors
    /// Whatever prevents the provider from ever working.
    fn new(config: Self::Config, host: Host) -> Result<Self>;

    /// The method of the users who log in by it. Asked once; an empty one
    /// makes the daemon go without the provider.
    fn authentication_method(&self) -> &str;

    /// Whether the request is for this provider. It is asked of every login:
    /// it must be quick and change nothing.
    ///
    /// # Errors
    /// They are logged, and mean no.
    fn can_authenticate(&self, args: &Args, request: &LoginRequest) -> Result<bool>;

    /// Says who sent the request. What is written to `args` is there in the
    /// backend's calls of this login.
    ///
    /// # Errors
    /// [`Error::unauthorized`] refuses the login. An
    /// [`ApiError`](crate::ApiError) is the answer to the request; anything
    /// else is answered 500.
    fn verify_auth(&self, args: &mut Args, request: &LoginRequest) -> Result<Identity>;

    /// The backend of a user of this method who logs in by a refresh token;
    /// `args` has its `login`. By default there is none: such users cannot.
    ///
    /// # Errors
    /// What prevents an answer: the request is answered 500.
    fn get_backend(&self, args: &Args) -> Result<String> {
        let _ = args;
        Err(Error::unsupported())
    }
}

/// Who sent a request, and which backend knows more of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The name of a backend: it gives metadata and accesses of the token.
    pub backend: String,
    /// A login of a user of the service.
    pub login: String,
}

/// A login request as it came, beside the validated fields that [`Args`] hold:
/// passwords and tokens are in it.
#[derive(Clone, Default)]
pub struct LoginRequest {
    /// What crossed the border of the headers; most providers never look.
    unread: Option<Box<RawValue>>,
    headers: OnceLock<Vec<(String, String)>>,
    body: Vec<u8>,
    /// The same, read when it is first asked for.
    json: OnceLock<Value>,
}

// === impl Identity ===

impl Identity {
    /// A login that a backend knows.
    pub fn new(backend: impl Into<String>, login: impl Into<String>) -> Self {
        Self { backend: backend.into(), login: login.into() }
    }
}

// === impl LoginRequest ===

impl LoginRequest {
    /// A request with these headers and this body.
    #[must_use]
    pub fn new(headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Self { headers: headers.into(), body, ..Self::default() }
    }

    /// A request whose headers are read when they are asked for.
    pub(crate) fn unread(headers: Option<&RawValue>, body: &[u8]) -> Self {
        let unread = headers.map(ToOwned::to_owned);
        Self { unread, body: body.to_owned(), ..Self::default() }
    }

    /// A request with a JSON body.
    #[must_use]
    pub fn of_json(body: &Value) -> Self {
        Self::new(Vec::new(), body.to_string().into_bytes())
    }

    /// The body as it came.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON, null when it is none.
    #[must_use]
    pub fn json(&self) -> &Value {
        self.json.get_or_init(|| serde_json::from_slice(&self.body).unwrap_or_default())
    }

    /// A field of the body, those too that the service does not know.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.json().get(name)
    }

    /// All headers, with names in small letters.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        self.headers.get_or_init(|| {
            let text = self.unread.as_ref().map(|text| text.get());
            text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        })
    }

    /// The first header of a name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers().iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }
}

/// Names only: the values hold passwords.
impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers().iter().map(|(name, _)| name).collect();
        f.debug_struct("LoginRequest").field("headers", &headers).finish_non_exhaustive()
    }
}
