//! The JSON heads of the frames: what each method of a plugin and each service
//! of the daemon takes and answers.
//!
//! Unknown fields are ignored and what is new comes with a default, so that
//! either side may be the older one. Names, fields and what they mean are
//! frozen; `promise/frames.txt` has an example of each, which a test reads and
//! writes. A plugin in C reads and writes the very same; an author in Rust meets
//! these shapes only through the traits of the kinds and [`Host`](crate::Host).
//!
//! What is promised is the JSON. The Rust types are for the daemon: they get new
//! fields as the JSON does, and the promise that source which compiles against
//! 1.x compiles against all later ones does not cover them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{EmailContext, EmailTemplate, Map, host::User};

mod external_auth;
mod kinds;

pub use external_auth::{Address, Document, OAuth2Callback, Outgoing, TenantConfig, UserData};
pub use kinds::{
    Authenticate, Authenticated, BackendName, CanAuthenticate, Data, Method, OAuth2Message, OfArgs,
    PluginInfo, SafeData,
};

mod tenants;

pub use tenants::{
    ByDomainName, ByLoginOfTenant, ByTenant, ByUuidOrSlug, MaybeLdapConfig, MaybeTenant,
};

/// The names of the methods of a plugin.
pub mod method {
    /// Backend: [`VerifyPassword`](super::VerifyPassword) →
    /// [`Verified`](super::Verified).
    pub const VERIFY_PASSWORD: &str = "verify_password";
    /// Backend: [`LoginArgs`](super::LoginArgs) → [`Acl`](super::Acl).
    pub const GET_ACL: &str = "get_acl";
    /// Backend: [`LoginArgs`](super::LoginArgs) →
    /// [`MetadataReply`](super::MetadataReply).
    pub const GET_METADATA: &str = "get_metadata";
    /// Metadata: [`LoginArgs`](super::LoginArgs) →
    /// [`MetadataReply`](super::MetadataReply).
    pub const GET_TOKEN_METADATA: &str = "get_token_metadata";
    /// Backend and metadata: [`LoginArgs`](super::LoginArgs) →
    /// [`MetadataReply`](super::MetadataReply).
    pub const GET_PERSISTENT_METADATA: &str = "get_persistent_metadata";
    /// Identity provider: `{}` → [`Method`](super::Method).
    pub const GET_AUTHENTICATION_METHOD: &str = "get_authentication_method";
    /// Identity provider: [`Authenticate`](super::Authenticate) and the body of
    /// the login request → [`CanAuthenticate`](super::CanAuthenticate).
    pub const CAN_AUTHENTICATE: &str = "can_authenticate";
    /// Identity provider: [`Authenticate`](super::Authenticate) and the body of
    /// the login request → [`Authenticated`](super::Authenticated).
    pub const VERIFY_AUTH: &str = "verify_auth";
    /// Identity provider: [`OfArgs`](super::OfArgs) →
    /// [`BackendName`](super::BackendName).
    pub const GET_BACKEND: &str = "get_backend";
    /// HTTP and external authentication: `{}` → [`Items`](super::Items) of
    /// [`Route`](crate::Route).
    pub const GET_ROUTES: &str = "get_routes";
    /// HTTP and external authentication: [`HttpRequest`](crate::HttpRequest) and
    /// its body → [`HttpResponse`](crate::HttpResponse) and its body.
    pub const HANDLE: &str = "handle";
    /// External authentication: `{}` → [`PluginInfo`](super::PluginInfo).
    pub const GET_PLUGIN_INFO: &str = "get_plugin_info";
    /// External authentication: [`Data`](super::Data) →
    /// [`SafeData`](super::SafeData).
    pub const GET_SAFE_DATA: &str = "get_safe_data";
    /// External authentication: [`OAuth2Message`](super::OAuth2Message) → `{}`.
    pub const OAUTH2_CALLBACK: &str = "oauth2_callback";
    /// E-mail notification: [`EmailContext`](crate::EmailContext) → `{}`.
    pub const SEND_CONFIRMATION: &str = "send_confirmation";
    /// E-mail notification: [`EmailContext`](crate::EmailContext) → `{}`.
    pub const SEND_PASSWORD_RESET: &str = "send_password_reset";
}

/// The names of the services of the daemon.
pub mod service {
    /// `{}` → [`Platform`](crate::host::Platform).
    pub const PLATFORM_GET: &str = "platform.get";
    /// [`Credentials`](super::Credentials) → [`Verified`](super::Verified).
    pub const USERS_VERIFY_PASSWORD: &str = "users.verify_password";
    /// [`ByLogin`](super::ByLogin) → [`MaybeUser`](super::MaybeUser).
    pub const USERS_GET_BY_LOGIN: &str = "users.get_by_login";
    /// [`ByUser`](super::ByUser) → [`MaybeUser`](super::MaybeUser).
    pub const USERS_GET: &str = "users.get";
    /// [`ByLoginOfTenant`](super::ByLoginOfTenant) →
    /// [`MaybeUser`](super::MaybeUser).
    pub const USERS_GET_OF_TENANT: &str = "users.get_of_tenant";
    /// [`ByUser`](super::ByUser) → [`Acl`](super::Acl).
    pub const USERS_GET_ACL: &str = "users.get_acl";
    /// [`ByUser`](super::ByUser) → [`Items`](super::Items) of policies.
    pub const USERS_LIST_POLICIES: &str = "users.list_policies";
    /// [`ByUser`](super::ByUser) → [`Items`](super::Items) of groups.
    pub const USERS_LIST_GROUPS: &str = "users.list_groups";
    /// [`OfPurpose`](super::OfPurpose) → [`MetadataReply`](super::MetadataReply).
    pub const METADATA_GET_TOKEN_METADATA: &str = "metadata.get_token_metadata";
    /// [`OfPurpose`](super::OfPurpose) → [`MetadataReply`](super::MetadataReply).
    pub const METADATA_GET_PERSISTENT_METADATA: &str = "metadata.get_persistent_metadata";
    /// `{}` → [`TopTenant`](super::TopTenant).
    pub const TENANTS_GET_TOP: &str = "tenants.get_top";
    /// [`ByDomainName`](super::ByDomainName) → [`MaybeTenant`](super::MaybeTenant).
    pub const TENANTS_GET_BY_DOMAIN_NAME: &str = "tenants.get_by_domain_name";
    /// [`ByUuidOrSlug`](super::ByUuidOrSlug) → [`MaybeTenant`](super::MaybeTenant).
    pub const TENANTS_GET_BY_UUID_OR_SLUG: &str = "tenants.get_by_uuid_or_slug";
    /// [`ByTenant`](super::ByTenant) → [`MaybeLdapConfig`](super::MaybeLdapConfig);
    /// with the bind password for the plugins `ldap` and `ldap_user` only.
    pub const LDAP_GET: &str = "ldap.get";
    /// [`NewToken`](super::NewToken) → [`Token`](super::Token).
    pub const TOKENS_CREATE: &str = "tokens.create";
    /// [`Token`](super::Token) → `{}`.
    pub const TOKENS_DELETE: &str = "tokens.delete";
    /// [`FormatEmail`](super::FormatEmail) →
    /// [`FormattedEmail`](crate::host::FormattedEmail).
    pub const EMAILS_FORMAT: &str = "emails.format";
    /// [`ByName`](super::ByName) → [`Usable`](super::Usable): whether a backend
    /// is loaded and can be called.
    pub const BACKENDS_GET: &str = "backends.get";
    /// [`ApiRequest`](super::ApiRequest) and its body →
    /// [`ApiResponse`](super::ApiResponse) and its body.
    pub const API_REQUEST: &str = "api.request";
    /// [`RefreshTokenOf`](super::RefreshTokenOf) →
    /// [`RefreshTokenInfo`](crate::host::RefreshTokenInfo).
    pub const TOKENS_GET_REFRESH_TOKEN: &str = "tokens.get_refresh_token";
    /// [`ByName`](super::ByName) of a purpose → [`Items`](super::Items) of names.
    pub const PURPOSES_GET: &str = "purposes.get";
    /// [`UserData`](super::UserData) → `{}`. Of an external-authentication plugin,
    /// as all `external_auth.…`; the type is the name of the plugin.
    pub const EXTERNAL_AUTH_CREATE: &str = "external_auth.create";
    /// [`ByUser`](super::ByUser) → [`Document`](super::Document).
    pub const EXTERNAL_AUTH_GET: &str = "external_auth.get";
    /// [`UserData`](super::UserData) → `{}`.
    pub const EXTERNAL_AUTH_UPDATE: &str = "external_auth.update";
    /// [`UserData`](super::UserData) → `{}`.
    pub const EXTERNAL_AUTH_UPDATE_OR_CREATE: &str = "external_auth.update_or_create";
    /// [`ByUser`](super::ByUser) → `{}`.
    pub const EXTERNAL_AUTH_DELETE: &str = "external_auth.delete";
    /// [`TenantConfig`](super::TenantConfig), without a document →
    /// [`Document`](super::Document).
    pub const EXTERNAL_AUTH_GET_CONFIG: &str = "external_auth.get_config";
    /// [`TenantConfig`](super::TenantConfig) → `{}`.
    pub const EXTERNAL_AUTH_CREATE_CONFIG: &str = "external_auth.create_config";
    /// [`TenantConfig`](super::TenantConfig) → `{}`.
    pub const EXTERNAL_AUTH_UPDATE_CONFIG: &str = "external_auth.update_config";
    /// [`TenantConfig`](super::TenantConfig), without a document → `{}`.
    pub const EXTERNAL_AUTH_DELETE_CONFIG: &str = "external_auth.delete_config";
    /// `{}` → [`Address`](super::Address).
    pub const EXTERNAL_AUTH_GET_REDIRECT_URL: &str = "external_auth.get_redirect_url";
    /// [`OAuth2Callback`](super::OAuth2Callback) → `{}`.
    pub const EXTERNAL_AUTH_REGISTER_OAUTH2_CALLBACK: &str =
        "external_auth.register_oauth2_callback";
    /// [`Outgoing`](super::Outgoing) and the body →
    /// [`HttpResponse`](crate::HttpResponse) and its body.
    pub const HTTP_REQUEST: &str = "http.request";
    /// `{}` → [`LogLevel`](super::LogLevel). A plugin's logger asks once, when
    /// the plugin is made.
    pub const LOG_GET_LEVEL: &str = "log.get_level";
}

/// Room for most heads: they need not grow while they are written.
const MOST_HEADS: usize = 512;

/// The JSON head of a frame.
pub(crate) fn to_json<T: Serialize + ?Sized>(head: &T) -> serde_json::Result<String> {
    let mut json = Vec::with_capacity(MOST_HEADS);
    serde_json::to_writer(&mut json, head)?;
    String::from_utf8(json).map_err(serde::ser::Error::custom)
}

/// Takes nothing, or answers nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Empty {}

/// Takes the credentials of a login and what else is known of it.
#[derive(Serialize, Deserialize)]
pub struct VerifyPassword<'a> {
    /// The login, as typed.
    #[serde(borrow)]
    pub login: Cow<'a, str>,
    /// The password, as typed.
    #[serde(borrow)]
    pub password: Cow<'a, str>,
    /// See [`Args`](crate::Args).
    #[serde(default)]
    pub args: Cow<'a, Map>,
}

/// Takes a login that was verified and what else is known of it.
#[derive(Serialize, Deserialize)]
pub struct LoginArgs<'a> {
    /// The login.
    #[serde(borrow)]
    pub login: Cow<'a, str>,
    /// See [`Args`](crate::Args).
    #[serde(default)]
    pub args: Cow<'a, Map>,
}

/// Answers whether the credentials are right.
#[derive(Debug, Serialize, Deserialize)]
pub struct Verified {
    /// They are.
    pub verified: bool,
    /// The arguments, if the plugin changed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map>,
}

/// Answers accesses.
#[derive(Debug, Serialize, Deserialize)]
pub struct Acl {
    /// Accesses, such as `auth.users.*.read`.
    pub acl: Vec<String>,
    /// The arguments, if the plugin changed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map>,
}

/// Answers metadata.
#[derive(Debug, Serialize, Deserialize)]
pub struct MetadataReply {
    /// Any keys.
    pub metadata: Map,
    /// The arguments, if the plugin changed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map>,
}

/// Takes credentials.
#[derive(Serialize, Deserialize)]
pub struct Credentials<'a> {
    /// The login, as typed.
    #[serde(borrow)]
    pub login: Cow<'a, str>,
    /// The password, as typed.
    #[serde(borrow)]
    pub password: Cow<'a, str>,
}

/// Takes a login.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByLogin<'a> {
    /// A user name or a confirmed e-mail address.
    #[serde(borrow)]
    pub login: Cow<'a, str>,
}

/// Takes the UUID of a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByUser<'a> {
    /// The UUID of a user.
    #[serde(borrow)]
    pub user_uuid: Cow<'a, str>,
}

/// Answers a user, if there is one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct MaybeUser {
    /// The user.
    #[serde(default)]
    pub user: Option<User>,
}

/// Answers a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct Items<T> {
    /// The list.
    pub items: Vec<T>,
}

/// Takes a purpose and a login: the metadata plugins of the purpose answer.
#[derive(Serialize, Deserialize)]
pub struct OfPurpose<'a> {
    /// The purpose of a user: `user`, `internal` or `external_api`.
    #[serde(borrow)]
    pub purpose: Cow<'a, str>,
    /// The login.
    #[serde(borrow)]
    pub login: Cow<'a, str>,
    /// See [`Args`](crate::Args).
    #[serde(default)]
    pub args: Cow<'a, Map>,
}

/// Answers the tenant above all others.
#[derive(Debug, Serialize, Deserialize)]
pub struct TopTenant {
    /// Its UUID.
    pub uuid: String,
}

/// Takes what a token for the plugin's own use is to be.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewToken {
    /// Seconds until it expires.
    pub expiration: u64,
    /// What it allows.
    pub acl: Vec<String>,
}

/// A token.
#[derive(Serialize, Deserialize)]
pub struct Token {
    /// Its value; never log it.
    pub token: String,
}

/// Takes which mail is to be rendered, and for whom.
#[derive(Debug, Serialize, Deserialize)]
pub struct FormatEmail<'a> {
    /// Which mail.
    pub template: EmailTemplate,
    /// For whom.
    pub context: Cow<'a, EmailContext>,
}

/// Takes a request to the API, in the daemon's own name; the body goes beside it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ApiRequest<'a> {
    /// `GET`, say.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    /// The path below `/0.1`, encoded.
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    /// The parameters of the query, not encoded.
    #[serde(default)]
    pub query: Cow<'a, [(String, String)]>,
    /// The tenant that the request is about; none: the one above all others.
    #[serde(borrow, default)]
    pub tenant_uuid: Option<Cow<'a, str>>,
}

/// Answers a request to the API; the body goes beside it.
#[derive(Debug, Serialize, Deserialize)]
pub struct ApiResponse {
    /// The status.
    pub status: u16,
}

/// Takes a refresh token and the application that it is for.
#[derive(Serialize, Deserialize)]
pub struct RefreshTokenOf<'a> {
    /// The token; never log it.
    #[serde(borrow)]
    pub refresh_token: Cow<'a, str>,
    /// The application.
    #[serde(borrow)]
    pub client_id: Cow<'a, str>,
}

/// Takes a name.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByName<'a> {
    /// The name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
}

/// Answers whether something is there.
#[derive(Debug, Serialize, Deserialize)]
pub struct Usable {
    /// It is there, and can be called.
    pub usable: bool,
}

/// Answers which lines of a plugin somebody reads.
#[derive(Debug, Serialize, Deserialize)]
pub struct LogLevel {
    /// The least important level that is written: 0 none at all, 1 error,
    /// 2 warning, 3 information, 4 debug, 5 trace.
    pub level: u32,
}
