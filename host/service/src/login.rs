//! Logins: from credentials or a refresh token to an access token (tokens.md
//! section 4).
//!
//! ```text
//!   choose a provider ─▶ verify ─▶ user and method ─▶ metadata, ACL ─▶ write
//!   (provider.rs,
//!    verify.rs)                                       (this file)      (write.rs)
//! ```

mod foreign;
mod provider;
mod tenant;
mod verify;
mod write;

use std::{borrow::Cow, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use wazo_auth_password::{Busy, HashingFailed};
pub use wazo_auth_plugins::LoginRequest as RawRequest;
use wazo_auth_plugins::{Args, CallError};
use wazo_auth_store as store;

use crate::{NotReady, Services, metadata::MetadataError, tokens::TokenView, users::VerifyError};
use verify::Verified;
use write::{Attempt, Plan};

/// Login and password, both non-empty.
#[derive(Clone)]
pub struct Credentials {
    /// As typed.
    pub login: String,
    /// As typed; never logged, never stored.
    pub password: String,
}

/// A validated request for a token.
#[derive(Clone)]
pub struct LoginRequest {
    /// From the `Authorization` header.
    pub credentials: Option<Credentials>,
    /// The `backend` field.
    pub backend: String,
    /// Lifetime in seconds.
    pub expiration: i64,
    /// Whether a refresh token is wanted.
    pub offline: bool,
    /// The `client_id` field.
    pub client_id: Option<String>,
    /// The `refresh_token` field.
    pub refresh_token: Option<String>,
    /// All validated body fields, as plugins see them.
    pub fields: Map<String, Value>,
    /// Whether the session is a mobile one.
    pub mobile: bool,
    /// `User-Agent` of the request.
    pub user_agent: String,
    /// Address of the client.
    pub remote_addr: String,
    /// The request as it came, for identity providers; empty when there are
    /// none.
    pub raw: RawRequest,
}

/// What a successful login gives.
#[derive(Debug, Clone)]
pub struct LoginAnswer {
    /// The token.
    pub token: TokenView,
    /// The refresh token of an offline login.
    pub refresh_token: Option<Uuid>,
    /// How many sessions the mobile rules ended.
    pub sessions_revoked: u64,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// Refused; the reason is for the log alone.
    #[error("{0}")]
    Refused(String),
    /// The session cap is reached.
    #[error("User {auth_id} has exceeded the maximum number of active sessions")]
    TooManySessions {
        /// Who has too many.
        auth_id: String,
        /// The login, for the log.
        login: String,
    },
    /// Somebody whom only a backend knows asked for a refresh token.
    #[error("a refresh token is for users of this service; `{0}` is known to its backend only")]
    OfflineForeigner(String),
    /// Too many passwords wait to be hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Hashing the password failed.
    #[error(transparent)]
    Hashing(#[from] HashingFailed),
    /// A plugin failed.
    #[error(transparent)]
    Plugin(#[from] CallError),
    /// A plugin answered something that no token can be made of.
    #[error("plugin `{plugin}`: {problem}")]
    BadMetadata {
        /// The backend.
        plugin: String,
        /// What is wrong with its answer.
        problem: String,
    },
    /// Plugins are still being loaded.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<VerifyError> for LoginError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Busy(busy) => Self::Busy(busy),
            VerifyError::Hashing(failed) => Self::Hashing(failed),
            VerifyError::Store(error) => Self::Store(error),
        }
    }
}

impl Services {
    /// Logs somebody in. One line in the log says how it went, with the login
    /// and without a secret.
    ///
    /// # Errors
    /// [`LoginError`].
    pub fn create_token(&self, request: &LoginRequest) -> Result<LoginAnswer, LoginError> {
        let result = self.log_in(request);
        let (from, agent) = (&request.remote_addr, quotable(&request.user_agent));
        match &result {
            Ok((login, answer)) => log::info!(
                target: "wazo_auth.login",
                "Successful login: {} got token {} from {from} using agent \"{agent}\"",
                quotable(login),
                redacted(&answer.token.token.to_string())
            ),
            Err(LoginError::TooManySessions { login, .. }) => log::info!(
                target: "wazo_auth.login",
                "Failed login: too many sessions of login {} from {from} using agent \"{agent}\"",
                quotable(login)
            ),
            Err(reason @ (LoginError::Refused(_) | LoginError::OfflineForeigner(_))) => log::info!(
                target: "wazo_auth.login",
                "Failed login: {} from {from} using agent \"{agent}\"",
                quotable(&reason.to_string())
            ),
            Err(error) => {
                let login = request.credentials.as_ref().map_or("", |known| &*known.login);
                let level = match error {
                    LoginError::Store(error) => error.level(),
                    _ => log::Level::Error,
                };
                log::log!(
                    target: "wazo_auth.login",
                    level,
                    "login of \"{}\" from {from} not completed: {error}", quotable(login)
                );
            }
        }
        result.map(|(_, answer)| answer)
    }

    /// A login is refused by what was true when it came, not by what this daemon
    /// has yet to hear. With a password, hearing takes no time worth speaking of.
    fn log_in(&self, request: &LoginRequest) -> Result<(String, LoginAnswer), LoginError> {
        let by_password = request.refresh_token.is_none();
        if by_password {
            self.store().catch_up();
        }
        let known = self.store().version();
        let result = self.attempt_login(request);
        if by_password || !matches!(result, Err(LoginError::Refused(_))) {
            return result;
        }
        self.store().catch_up();
        match self.store().version() == known {
            true => result,
            false => self.attempt_login(request),
        }
    }

    fn attempt_login(&self, request: &LoginRequest) -> Result<(String, LoginAnswer), LoginError> {
        // Before anything is read.
        let verified_at = self.store().version();
        let mut args = arguments(request);
        let verified = self.verify(request, &mut args)?;
        let issued_at = self.context().now();
        let attempt = |is_last| {
            let attempt = Attempt { verified_at, claimed_at: self.store().version(), is_last };
            let mut args = args.clone();
            let claims = self.claims(request, &verified, &mut args)?;
            let plan = Plan::new(self, request, &verified, &args, claims, issued_at, attempt)?;
            self.write_login(plan)
        };
        let answer = match attempt(false)? {
            Some(answer) => Some(answer),
            None => attempt(true)?,
        };
        let overtaken = || LoginError::Refused("the user changed during the login".to_owned());
        Ok((verified.login.clone(), answer.ok_or_else(overtaken)?))
    }

    /// What the backend says of a verified login: metadata and accesses.
    fn claims(
        &self,
        request: &LoginRequest,
        verified: &Verified,
        args: &mut Args,
    ) -> Result<Claims, LoginError> {
        let (backend, login) = (self.backend(&verified.backend)?, &verified.login);
        let gone = |error| gone_meanwhile(error, login);
        let metadata = backend.get_metadata(login, args).map_err(gone)?;
        let mut metadata = match metadata {
            Some(metadata) => metadata,
            None => self.default_metadata(verified, args)?,
        };
        args.insert("acl", Value::from(self.default_policy_acl(&request.backend)?));
        let acl = backend.get_acl(login, args).map_err(gone)?;
        let mut acl = match acl {
            Some(acl) => Arc::from(acl),
            None => self.default_acl(verified, args)?,
        };
        let mut persistent = verified.stored_metadata.clone().unwrap_or_default();
        if request.offline {
            persistent = backend.get_persistent_metadata(login, args).map_err(gone)?;
        }
        if let Some(foreign) = &verified.foreign {
            let mut within = acl.to_vec();
            foreign.confine(&verified.backend, &mut metadata, &mut within)?;
            acl = within.into();
        }
        // What is stored with the refresh token lies under what is fresh.
        let kept = persistent.clone();
        persistent.extend(metadata);
        let claims = Claims::new(&verified.backend, persistent, kept, acl)?;
        claims.check_owner(verified)?;
        Ok(claims)
    }

    /// The metadata of somebody whose backend says nothing of it: a user's by
    /// purpose; of somebody whom only the backend knows, the login.
    fn default_metadata(
        &self,
        verified: &Verified,
        args: &Args,
    ) -> Result<Map<String, Value>, LoginError> {
        let (backend, login) = (&verified.backend, &verified.login);
        let bad = |problem: String| LoginError::BadMetadata { plugin: backend.clone(), problem };
        match &verified.user {
            Some(user) => {
                let found = self.token_metadata(&user.purpose, login, args);
                found.map_err(|error| match error {
                    MetadataError::Call(error) => gone_meanwhile(error, login),
                    error => bad(error.to_string()),
                })
            }
            None => Ok(Map::from_iter([
                ("auth_id".to_owned(), Value::from(foreign::default_auth_id(backend, login))),
                ("username".to_owned(), Value::from(&**login)),
                ("xivo_uuid".to_owned(), json!(self.context().environment().xivo_uuid)),
                ("pbx_user_uuid".to_owned(), Value::Null),
            ])),
        }
    }

    /// The accesses of somebody whose backend says nothing of them: the default
    /// policy's and, of a user, those of its groups and policies.
    fn default_acl(&self, verified: &Verified, args: &Args) -> Result<Arc<[String]>, LoginError> {
        let mut acl = args.acl();
        if let Some(user) = &verified.user {
            let own = self.directory().acl(self.store(), user.uuid)?;
            if acl.is_empty() {
                return Ok(own);
            }
            acl.extend_from_slice(&own);
        }
        Ok(acl.into())
    }

    /// The accesses of the configured policy that every user token gets
    /// (acl.md section 5).
    fn default_policy_acl(&self, backend: &str) -> Result<Vec<String>, LoginError> {
        let rules = self.rules();
        let name = rules.backend_policies.get(backend).or(rules.default_user_policy.as_ref());
        let Some(name) = name.filter(|name| !name.is_empty()).cloned() else {
            return Ok(Vec::new());
        };
        let acl = self.store().read(|conn| store::policies::acl_of_name(conn, &name))?;
        Ok(acl.unwrap_or_else(|| {
            log::info!(
                target: "wazo_auth.login",
                "no policy is named \"{name}\" (see `default_user_policy`): nothing added to the token"
            );
            Vec::new()
        }))
    }
}

/// A backend that does not find its user any more: the user went, or was
/// disabled, while the login was under way.
fn gone_meanwhile(error: CallError, login: &str) -> LoginError {
    match error {
        CallError::NotFound { .. } => {
            LoginError::Refused(format!("user of login {login} is not there any more"))
        }
        error => LoginError::Plugin(error),
    }
}

/// The validated arguments that all plugin calls of one login share.
fn arguments(request: &LoginRequest) -> Args {
    let mut args = Args::from(request.fields.clone());
    if let Some(credentials) = &request.credentials {
        args.insert("login", Value::from(&*credentials.login));
        args.insert("password", Value::from(&*credentials.password));
    }
    args.insert("mobile", Value::from(request.mobile));
    args.insert("user_agent", Value::from(&*request.user_agent));
    args.insert("remote_addr", Value::from(&*request.remote_addr));
    args
}

/// What a token is made of, as its backend has it.
pub(crate) struct Claims {
    auth_id: String,
    xivo_uuid: Option<String>,
    pbx_user_uuid: Option<String>,
    tenant_uuid: Option<Uuid>,
    purpose: Option<String>,
    metadata: Map<String, Value>,
    /// The part to store with a refresh token.
    persistent: Map<String, Value>,
    acl: Arc<[String]>,
}

impl Claims {
    fn new(
        plugin: &str,
        metadata: Map<String, Value>,
        persistent: Map<String, Value>,
        acl: Arc<[String]>,
    ) -> Result<Self, LoginError> {
        let bad = |problem: String| LoginError::BadMetadata { plugin: plugin.to_owned(), problem };
        let text = |key: &str| metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        let auth_id = text("auth_id").filter(|id| !id.is_empty());
        let auth_id = auth_id.ok_or_else(|| bad("its metadata has no `auth_id`".to_owned()))?;
        if !metadata.contains_key("xivo_uuid") {
            return Err(bad("its metadata has no `xivo_uuid`".to_owned()));
        }
        let tenant_uuid = text("tenant_uuid")
            .map(|tenant| Uuid::parse_str(&tenant))
            .transpose()
            .map_err(|_| bad("its metadata has a `tenant_uuid` that is no UUID".to_owned()))?;
        Ok(Self {
            auth_id,
            xivo_uuid: text("xivo_uuid"),
            pbx_user_uuid: text("pbx_user_uuid"),
            tenant_uuid,
            purpose: text("purpose"),
            metadata,
            persistent,
            acl,
        })
    }
}

impl Claims {
    /// Refuses claims about anybody but the user whose secret was right: the
    /// login may mean somebody else since, or the backend may be wrong.
    fn check_owner(&self, verified: &Verified) -> Result<(), LoginError> {
        let Some(user) = &verified.user else { return Ok(()) };
        let is_user = |text: &str| Uuid::parse_str(text).is_ok_and(|uuid| uuid == user.uuid);
        let uuid = self.metadata.get("uuid").and_then(Value::as_str);
        if is_user(&self.auth_id) && uuid.is_none_or(is_user) {
            return Ok(());
        }
        let Verified { backend, login, .. } = verified;
        Err(LoginError::Refused(format!(
            "backend `{backend}` speaks of another user than the one of login {login}"
        )))
    }
}

/// A text that stands in a line of the log: its own quotes must not look like
/// those of the line.
fn quotable(text: &str) -> Cow<'_, str> {
    if text.contains('"') { Cow::Owned(text.replace('"', "\\\"")) } else { Cow::Borrowed(text) }
}

/// A token as a log may show it: its hyphens and last eight characters.
#[must_use]
pub fn redacted(secret: &str) -> String {
    let hidden = secret.chars().count().saturating_sub(8);
    let redact = |(i, c): (usize, char)| if c == '-' || i >= hidden { c } else { 'X' };
    secret.chars().enumerate().map(redact).collect()
}

/// The instant `seconds` after `from`; the farthest there is beyond.
fn later(from: Timestamp, seconds: i64) -> Timestamp {
    from.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
