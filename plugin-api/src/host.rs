//! What the daemon does for a plugin.

use std::{borrow::Cow, fmt, sync::Arc};

use abi_stable::std_types::{RResult, RSlice, RStr, RString};
use log::LevelFilter;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Args, EmailContext, EmailTemplate, Error, ErrorKind, HttpResponse, Map, Result, Value,
    abi::{Frame, HostBox},
    wire::{self, service},
};

mod api;
mod external_auth;
mod nouns;
mod outgoing;
mod tenants;
mod token_renewer;
mod types;

pub use api::ApiRequest;
pub use external_auth::{ExternalAuthDocuments, OAuth2Callback};
pub use outgoing::OutgoingRequest;
pub use tenants::LdapConfig;
pub use token_renewer::TokenRenewer;
pub use types::{
    Email, FormattedEmail, Group, Page, Platform, Policy, RefreshToken, RefreshTokenInfo, Session,
    Tenant, User,
};

/// The daemon, as a plugin sees it: cheap to clone, usable from any thread.
///
/// The time that the daemon spends here does not count against the deadline of
/// the call in progress. Hold no lock meanwhile: another call of the plugin may
/// take the place of this one, and would wait for the lock while this one waits
/// for its place.
///
/// An operator may bound what a plugin is served: with `plugins.<name>.accesses`, and
/// in a process of its own without that key, a plugin has what its kind needs and
/// what these accesses cover. Anything else fails as an [`ApiError`](crate::ApiError)
/// of status 403, `missing-plugin-access`, whose detail `access` says what to grant:
/// tell those who install the plugin which ones it needs.
///
/// ```
/// use wazo_auth_plugin_api::prelude::*;
///
/// fn is_admin(host: &Host, login: &str) -> Result<bool> {
///     let Some(user) = host.user_by_login(login)? else { return Ok(false) };
///     Ok(host.user_groups(&user.uuid)?.iter().any(|group| group.slug == "admins"))
/// }
///
/// let host = MockHost::new()
///     .answer("users.get_by_login", json!({"user": {"uuid": "u1", "tenant_uuid": "t1"}}))
///     .answer("users.list_groups", json!({"items": [
///         {"uuid": "g1", "name": "Admins", "slug": "admins", "tenant_uuid": "t1"},
///     ]}));
/// assert!(is_admin(&host.handle(), "wile")?);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Host(Arc<HostBox>);

/// The part of [`wire::MaybeUser`] that says who somebody is: every token asks.
#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow, default)]
    user: Option<Identity<'a>>,
}

#[derive(Deserialize)]
struct Identity<'a> {
    #[serde(borrow)]
    uuid: Cow<'a, str>,
    #[serde(borrow)]
    tenant_uuid: Cow<'a, str>,
}

// === impl Host ===

impl Host {
    /// The typed view of a host object.
    #[doc(hidden)]
    #[must_use]
    pub fn new(object: HostBox) -> Self {
        Self(Arc::new(object))
    }

    /// The identity of the platform and the version of the daemon.
    ///
    /// # Errors
    /// A failure of the daemon, as of all methods here.
    pub fn platform(&self) -> Result<Platform> {
        self.call(service::PLATFORM_GET, &wire::Empty {})
    }

    /// Whether the password is that of the enabled user who has the login,
    /// by the daemon's own records. Takes the same time for a login that
    /// nobody has.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn verify_user_password(&self, login: &str, password: &str) -> Result<bool> {
        let request = wire::Credentials { login: login.into(), password: password.into() };
        let reply: wire::Verified = self.call(service::USERS_VERIFY_PASSWORD, &request)?;
        Ok(reply.verified)
    }

    /// The enabled user who has the login: a confirmed e-mail address or else
    /// a user name, in any case.
    ///
    /// # Errors
    /// A failure of the daemon; a login that nobody has is none.
    pub fn user_by_login(&self, login: &str) -> Result<Option<User>> {
        let request = wire::ByLogin { login: login.into() };
        let reply: wire::MaybeUser = self.call(service::USERS_GET_BY_LOGIN, &request)?;
        Ok(reply.user)
    }

    /// The user of a UUID.
    ///
    /// # Errors
    /// A failure of the daemon; a UUID that nobody has is none.
    pub fn user(&self, user_uuid: &str) -> Result<Option<User>> {
        let reply: wire::MaybeUser = self.of_user(service::USERS_GET, user_uuid)?;
        Ok(reply.user)
    }

    /// What a user's own and groups' policies allow.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn user_acl(&self, user_uuid: &str) -> Result<Vec<String>> {
        let reply: wire::Acl = self.of_user(service::USERS_GET_ACL, user_uuid)?;
        Ok(reply.acl)
    }

    /// The policies that a user has directly.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn user_policies(&self, user_uuid: &str) -> Result<Vec<Policy>> {
        let reply: wire::Items<Policy> = self.of_user(service::USERS_LIST_POLICIES, user_uuid)?;
        Ok(reply.items)
    }

    /// The groups that a user is in.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn user_groups(&self, user_uuid: &str) -> Result<Vec<Group>> {
        let reply: wire::Items<Group> = self.of_user(service::USERS_LIST_GROUPS, user_uuid)?;
        Ok(reply.items)
    }

    /// What the metadata plugins of a purpose say of a login.
    ///
    /// # Errors
    /// A failure of the daemon or of one of these plugins.
    pub fn token_metadata(&self, purpose: &str, login: &str, args: &Args) -> Result<Map> {
        self.of_purpose(service::METADATA_GET_TOKEN_METADATA, purpose, login, args)
    }

    /// What the metadata plugins of a purpose keep with a refresh token.
    ///
    /// # Errors
    /// A failure of the daemon or of one of these plugins.
    pub fn persistent_metadata(&self, purpose: &str, login: &str, args: &Args) -> Result<Map> {
        self.of_purpose(service::METADATA_GET_PERSISTENT_METADATA, purpose, login, args)
    }

    /// The UUID of the tenant above all others.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn top_tenant(&self) -> Result<String> {
        let reply: wire::TopTenant = self.call(service::TENANTS_GET_TOP, &wire::Empty {})?;
        Ok(reply.uuid)
    }

    /// Makes a token for the plugin's own requests to the daemon, valid for
    /// `expiration` seconds. It is committed when this returns.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn create_token(&self, expiration: u64, acl: &[&str]) -> Result<String> {
        let acl = acl.iter().map(|&access| access.to_owned()).collect();
        let request = wire::NewToken { expiration, acl };
        let reply: wire::Token = self.call(service::TOKENS_CREATE, &request)?;
        Ok(reply.token)
    }

    /// Ends a token that [`create_token`](Self::create_token) made.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn delete_token(&self, token: &str) -> Result<()> {
        let request = wire::Token { token: token.to_owned() };
        let _: wire::Empty = self.call(service::TOKENS_DELETE, &request)?;
        Ok(())
    }

    /// A mail, rendered from the operator's templates.
    ///
    /// # Errors
    /// A template that cannot be used; a failure of the daemon.
    pub fn format_email(
        &self,
        template: EmailTemplate,
        context: &EmailContext,
    ) -> Result<FormattedEmail> {
        let request = wire::FormatEmail { template, context: Cow::Borrowed(context) };
        self.call(service::EMAILS_FORMAT, &request)
    }

    /// Whether a backend of this name is loaded and can be called: for the
    /// `new` of an [`IdentityProvider`](crate::IdentityProvider) that needs it.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn has_backend(&self, name: &str) -> Result<bool> {
        let reply: wire::Usable =
            self.call(service::BACKENDS_GET, &wire::ByName { name: name.into() })?;
        Ok(reply.usable)
    }

    /// What is kept for an external-authentication plugin; other kinds have
    /// nothing there, and are refused.
    #[must_use]
    pub fn external_auth(&self) -> ExternalAuthDocuments<'_> {
        ExternalAuthDocuments(self)
    }

    /// Sends a request to another service, and waits for its whole answer: at
    /// most ten seconds, 1 MiB. Answers of any status are answers; redirections
    /// are not followed.
    ///
    /// Only `https://` addresses are taken, whose certificate the system trusts,
    /// unless the daemon's variable `OAUTHLIB_INSECURE_TRANSPORT` is set.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] when there was no answer in time;
    /// [`ErrorKind::Busy`] when too many requests of the plugin wait for theirs;
    /// [`ErrorKind::Host`] when there is none for another reason.
    pub fn send(&self, request: &OutgoingRequest) -> Result<HttpResponse> {
        request.send(self)
    }

    /// The metadata that a backend gives by default: `auth_id` null,
    /// `username` the login, `xivo_uuid`, `pbx_user_uuid` null.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn base_metadata(&self, login: &str) -> Result<Map> {
        let keys = [
            ("auth_id", Value::Null),
            ("username", login.into()),
            ("xivo_uuid", self.platform()?.xivo_uuid.into()),
            ("pbx_user_uuid", Value::Null),
        ];
        Ok(keys.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
    }

    /// The metadata of the user who has the login: `uuid`, `tenant_uuid`,
    /// `auth_id` (the UUID again), `pbx_user_uuid` null, `xivo_uuid`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when nobody has it; a failure of the daemon.
    pub fn user_metadata(&self, login: &str) -> Result<Map> {
        let request = wire::ByLogin { login: login.into() };
        let reply = self.ask(service::USERS_GET_BY_LOGIN, &request)?;
        let Identified { user } = read(service::USERS_GET_BY_LOGIN, &reply)?;
        let user = user.ok_or_else(|| Error::not_found("no enabled user has this login"))?;
        let keys = [
            ("auth_id", (&*user.uuid).into()),
            ("uuid", (&*user.uuid).into()),
            ("tenant_uuid", (&*user.tenant_uuid).into()),
            ("xivo_uuid", self.platform()?.xivo_uuid.into()),
            ("pbx_user_uuid", Value::Null),
        ];
        Ok(keys.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
    }

    /// Any service, those of a newer daemon too: `request` and answer in the
    /// service's own JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Host`] when the daemon does not have the service or fails
    /// in it; the service's own errors.
    pub fn call<Q: Serialize, A: DeserializeOwned>(&self, service: &str, request: &Q) -> Result<A> {
        read(service, &self.ask(service, request)?)
    }

    /// The head of a service's answer.
    fn ask<Q: Serialize>(&self, service: &str, request: &Q) -> Result<RString> {
        Ok(self.exchange(service, request, &[])?.head)
    }

    fn exchange<Q: Serialize>(&self, service: &str, request: &Q, body: &[u8]) -> Result<Frame> {
        let head = wire::to_json(request)?;
        let reply = self.0.call(RStr::from(service), RStr::from(&*head), RSlice::from(body));
        match reply {
            RResult::ROk(frame) => Ok(frame),
            RResult::RErr(failure) => Err(match Error::from(failure) {
                // Not to be taken for "this plugin lacks the method".
                error if error.kind() == ErrorKind::Unsupported => {
                    Error::new(ErrorKind::Host, format!("this daemon has no service `{service}`"))
                }
                error => error,
            }),
        }
    }

    /// Which lines of this plugin the daemon writes; a daemon that does not
    /// say so writes what is usual.
    pub(crate) fn log_level(&self) -> LevelFilter {
        let reply: Result<wire::LogLevel> = self.call(service::LOG_GET_LEVEL, &wire::Empty {});
        let level = reply.ok().and_then(|reply| usize::try_from(reply.level).ok());
        level.and_then(|level| LevelFilter::iter().nth(level)).unwrap_or(LevelFilter::Info)
    }

    pub(crate) fn log(&self, level: log::Level, target: &str, text: &str) {
        self.0.log(level as u32, RStr::from(target), RStr::from(text));
    }

    fn of_user<A: DeserializeOwned>(&self, service: &str, user_uuid: &str) -> Result<A> {
        self.call(service, &wire::ByUser { user_uuid: user_uuid.into() })
    }

    fn of_purpose(&self, service: &str, purpose: &str, login: &str, args: &Args) -> Result<Map> {
        let request = wire::OfPurpose {
            purpose: purpose.into(),
            login: login.into(),
            args: Cow::Borrowed(args.as_map()),
        };
        let reply: wire::MetadataReply = self.call(service, &request)?;
        Ok(reply.metadata)
    }
}

fn read<'a, A: Deserialize<'a>>(service: &str, reply: &'a str) -> Result<A> {
    serde_json::from_str(reply)
        .map_err(|error| Error::malformed(&format!("the answer of {service}"), &error))
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}
