//! Every refusal and its answer. The contract knows four shapes of error
//! bodies (http.md section 3); only this file does.

use std::borrow::Cow;

use deunicode::deunicode;
use http::{
    HeaderValue, StatusCode,
    header::{ALLOW, RETRY_AFTER},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use wazo_auth_plugins::{ApiError, CallError};
use wazo_auth_service::{
    NotReady,
    external_auth::ExternalAuthError,
    groups::GroupError,
    idp::IdpError,
    ldap_config::LdapConfigError,
    login::LoginError,
    mails::{MailError, TemplateError},
    missing::Missing,
    policies::PolicyError,
    refresh_tokens::DeleteError,
    tenants::{ScopeError, TenantError},
    tokens::{CheckError, ReadError},
    users::{ConfirmationError, RETRY_AFTER as HASHING_RETRY_AFTER, RegistrationError, UserError},
};
use wazo_auth_store as store;

use crate::{fields::FieldError, reply::Reply};

/// A request that is not answered with what it asked for.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    /// Boxed: an error is rare, a result is not.
    shape: Box<Shape>,
    /// Seconds after which another try makes sense.
    retry_after: Option<u64>,
    allow: Option<String>,
    /// Whether it may be due to what memory does not know: the database had
    /// better be asked.
    pub(crate) may_be_overtaken: bool,
}

#[derive(Debug)]
enum Shape {
    /// Shape A, legacy.
    Reason(String),
    /// Shape B, current.
    Identified {
        id: Cow<'static, str>,
        message: Value,
        details: Value,
        resource: Option<Cow<'static, str>>,
    },
    /// Shape C.
    Message(String),
}

const SECONDS_TO_RECOVER: u64 = 1;

// === impl Error ===

impl Error {
    pub(crate) fn reason(status: StatusCode, reason: impl Into<String>) -> Self {
        Self::new(status, Shape::Reason(reason.into()))
    }

    pub(crate) fn message(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, Shape::Message(message.into()))
    }

    pub(crate) fn identified(
        status: StatusCode,
        id: &'static str,
        message: impl Into<Value>,
        details: Value,
        resource: Option<&'static str>,
    ) -> Self {
        let (id, resource) = (id.into(), resource.map(Cow::Borrowed));
        Self::new(status, Shape::Identified { id, message: message.into(), details, resource })
    }

    fn new(status: StatusCode, shape: Shape) -> Self {
        let (shape, may_be_overtaken) = (Box::new(shape), false);
        Self { status, shape, retry_after: None, allow: None, may_be_overtaken }
    }

    /// The status of its answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Memory cannot tell at this moment, and the database was not asked.
    pub(crate) fn not_known_now() -> Self {
        let error = Self::unavailable("The database cannot serve this now.", SECONDS_TO_RECOVER);
        Self { may_be_overtaken: true, ..error }
    }

    /// Not now: the caller should come back.
    pub(crate) fn unavailable(message: impl Into<String>, retry_after: u64) -> Self {
        let error = Self::message(StatusCode::SERVICE_UNAVAILABLE, message);
        Self { retry_after: Some(retry_after), ..error }
    }

    pub(crate) fn internal() -> Self {
        Self::message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }

    pub(crate) fn unreadable_body() -> Self {
        let text = "The browser (or proxy) sent a request that this server could not understand.";
        Self::message(StatusCode::BAD_REQUEST, text)
    }

    pub(crate) fn wrong_method(allow: String) -> Self {
        let text = "The method is not allowed for the requested URL.";
        let error = Self::message(StatusCode::METHOD_NOT_ALLOWED, text);
        Self { allow: Some(allow), ..error }
    }

    pub(crate) fn body_too_large(max: usize) -> Self {
        let text = format!("The body is larger than the {max} bytes that are accepted.");
        Self::message(StatusCode::PAYLOAD_TOO_LARGE, text)
    }

    pub(crate) fn address_too_long(max: usize) -> Self {
        let text = format!("The address is longer than the {max} bytes that are accepted.");
        Self::message(StatusCode::URI_TOO_LONG, text)
    }

    pub(crate) fn body_too_slow() -> Self {
        Self::message(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.")
    }

    /// `X-Auth-Token` is missing, unknown or expired.
    pub(crate) fn missing_token(given: &str, required: &str) -> Self {
        let details = json!({"invalid_token": given, "reason": "not_found_or_expired",
                             "required_access": required});
        Self { may_be_overtaken: true, ..Self::unauthorized(details) }
    }

    /// The token is good, its accesses are not enough.
    pub(crate) fn missing_access(given: &str, required: &str, tenant: Option<&str>) -> Self {
        let details = json!({"invalid_token": given, "reason": "missing_permission_or_invalid_tenant",
                             "required_access": required, "tenant_uuid": tenant});
        Self::unauthorized(details)
    }

    /// The caller may not hand out an access that it does not hold.
    pub(crate) fn access_not_held(token: &str, access: &str) -> Self {
        let mut details = Map::new();
        details.insert("invalid_token".to_owned(), json!(token));
        if !access.is_empty() {
            details.insert("required_access".to_owned(), json!(access));
        }
        Self::unauthorized(Value::Object(details))
    }

    /// The token does not do here, whatever the reason.
    pub(crate) fn invalid_token(given: &str) -> Self {
        Self::unauthorized(json!({"invalid_token": given}))
    }

    fn unauthorized(details: Value) -> Self {
        Self::identified(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", details, None)
    }

    pub(crate) fn unknown_user(uuid: &str) -> Self {
        Self::identified(
            StatusCode::NOT_FOUND,
            "unknown-user",
            format!("No such user: \"{uuid}\""),
            json!({"uuid": uuid}),
            Some("users"),
        )
    }

    fn conflict(field: &str, message: &str) -> Self {
        let mut details = Map::new();
        details.insert(field.to_owned(), json!({"constraint_id": "unique", "message": message}));
        Self::identified(
            StatusCode::CONFLICT,
            "conflict",
            "Conflict detected",
            Value::Object(details),
            Some("users"),
        )
    }

    /// The first offending field of a body, in shape B.
    pub(crate) fn invalid_data(error: FieldError, resource: &'static str) -> Self {
        let message = error.descriptor.get("message").cloned().unwrap_or_default();
        let descriptor = match error.within {
            Some(within) => json!({&*within: error.descriptor}),
            None => error.descriptor,
        };
        let details = json!({error.field: descriptor});
        Self::identified(StatusCode::BAD_REQUEST, "invalid-data", message, details, Some(resource))
    }

    /// The first offending field of a policy, in shape A.
    pub(crate) fn invalid_field(error: &FieldError) -> Self {
        let text = format!("Invalid value supplied for field: {}", error.field);
        Self::reason(StatusCode::BAD_REQUEST, text)
    }

    /// The offending fields of a token request, in shape A.
    pub(crate) fn invalid_token_request(error: FieldError) -> Self {
        let mut map = Map::new();
        map.insert(error.field, error.descriptor);
        Self::reason(StatusCode::BAD_REQUEST, Value::Object(map).to_string())
    }

    /// What is wrong with a change of the configuration.
    pub(crate) fn invalid_patch(problem: String) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self::identified(status, "invalid-data", problem, json!({}), Some("config"))
    }

    /// What is wrong with a request for another password.
    pub(crate) fn invalid_reset(error: FieldError) -> Self {
        let message = error.descriptor.get("message").cloned().unwrap_or_default();
        let message = if error.field == "_schema" { json!([message]) } else { message };
        Self::identified(StatusCode::BAD_REQUEST, "invalid-data", message, json!({}), Some("reset"))
    }

    /// A request for a mail names nobody, or more than once.
    pub(crate) fn not_one_login() -> Self {
        let message = json!(["\"username\" or \"email\" or \"login\" should be used"]);
        Self::identified(StatusCode::BAD_REQUEST, "invalid-data", message, json!({}), Some("reset"))
    }

    /// What is wrong with addresses: `message` is the whole map.
    pub(crate) fn invalid_emails(errors: Value) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self::identified(status, "invalid-data", errors, json!({}), Some("emails"))
    }

    /// What is wrong with a list of users (sic): `message` is the whole map.
    pub(crate) fn invalid_idp_users(errors: Value) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self::identified(status, "invalid-list-param", errors, json!({}), Some("users"))
    }

    /// Offending parameters of a list: `message` is the whole map.
    pub(crate) fn invalid_list_params(errors: Vec<FieldError>) -> Self {
        let mut map = Map::new();
        for error in errors {
            let wrapped = if error.bare { error.descriptor } else { json!([error.descriptor]) };
            map.insert(error.field, wrapped);
        }
        Self::identified(
            StatusCode::BAD_REQUEST,
            "invalid-list-param",
            Value::Object(map),
            json!({}),
            Some("users"),
        )
    }

    /// The answer.
    pub(crate) fn into_reply(self, now: Timestamp) -> Reply {
        #[allow(clippy::cast_precision_loss, reason = "microseconds since 1970 fit 53 bits")]
        let timestamp = now.as_microsecond() as f64 / 1e6;
        let body = match *self.shape {
            Shape::Reason(reason) => json!({
                "reason": [reason], "timestamp": [timestamp], "status_code": self.status.as_u16(),
            }),
            Shape::Identified { id, message, details, resource } => {
                let mut body = json!({
                    "message": message, "error_id": id, "details": details, "timestamp": timestamp,
                });
                if let (Some(resource), Value::Object(body)) = (resource, &mut body) {
                    body.insert("resource".to_owned(), json!(resource));
                }
                body
            }
            Shape::Message(message) => json!({"message": message}),
        };
        let mut reply = Reply::json_with(self.status, &body);
        if let Some(seconds) = self.retry_after {
            reply = reply.header(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(Ok(allow)) = self.allow.map(|allow| HeaderValue::from_str(&allow)) {
            reply = reply.header(ALLOW, allow);
        }
        reply
    }
}

impl From<CheckError> for Error {
    fn from(error: CheckError) -> Self {
        let may_be_overtaken = error.may_be_overtaken();
        let refusal = match &error {
            CheckError::UnknownToken => Self::reason(StatusCode::NOT_FOUND, error.to_string()),
            // Scopes are free text; the answer is for terminals and logs.
            CheckError::Scope(_) | CheckError::Tenant(_) => {
                Self::reason(StatusCode::FORBIDDEN, deunicode(&error.to_string()))
            }
            CheckError::UnknownUser(user) => Self::unknown_user(user),
        };
        Self { may_be_overtaken, ..refusal }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Check(error) => error.into(),
            ReadError::Store(error) => error.into(),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        if let store::Error::Unfit { .. } = error {
            log::info!(target: "wazo_auth.store", "{error}");
            let text = "A value is too long, or holds a character that cannot be stored.";
            return Self::message(StatusCode::BAD_REQUEST, text);
        }
        log::log!(target: "wazo_auth.store", error.level(), "{error}");
        if error.is_outage() {
            Self::unavailable("The database cannot serve this now.", SECONDS_TO_RECOVER)
        } else {
            Self::internal()
        }
    }
}

impl From<NotReady> for Error {
    fn from(error: NotReady) -> Self {
        Self::unavailable(error.to_string(), SECONDS_TO_RECOVER)
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        // The log was told by whoever made the call.
        match error {
            CallError::Api { error, .. } => (*error).into(),
            CallError::Busy { .. } | CallError::TimedOut { .. } => {
                Self::unavailable("A plugin cannot serve this now.", SECONDS_TO_RECOVER)
            }
            _ => Self::internal(),
        }
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let Ok(status) = StatusCode::from_u16(error.status) else { return Self::internal() };
        if error.error_id.is_empty() {
            return Self::message(status, error.message);
        }
        let resource = Some(error.resource).filter(|resource| !resource.is_empty());
        Self::new(
            status,
            Shape::Identified {
                id: error.error_id.into(),
                message: error.message.into(),
                details: error.details.into(),
                resource: resource.map(Cow::Owned),
            },
        )
    }
}

impl From<LoginError> for Error {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused(_) => {
                Self::reason(StatusCode::UNAUTHORIZED, "Authentication Failed")
            }
            LoginError::TooManySessions { .. } => {
                Self::reason(StatusCode::TOO_MANY_REQUESTS, error.to_string())
            }
            LoginError::OfflineForeigner(_) => {
                Self::reason(StatusCode::BAD_REQUEST, error.to_string())
            }
            LoginError::Busy(_) => hashers_busy(),
            LoginError::Plugin(error) => error.into(),
            LoginError::NotReady(error) => error.into(),
            LoginError::Store(error) => error.into(),
            _ => Self::internal(),
        }
    }
}

impl From<IdpError> for Error {
    fn from(error: IdpError) -> Self {
        let text = error.to_string();
        match error {
            IdpError::UnknownType(idp_type) => Self::identified(
                StatusCode::NOT_FOUND,
                "unknown-idp-type",
                text,
                json!({"idp_type": idp_type}),
                Some("idp"),
            ),
            IdpError::UnknownUser(user) => Self::unknown_user(&user),
            IdpError::NotReady(error) => error.into(),
            IdpError::Store(error) => error.into(),
            _ => Self::internal(),
        }
    }
}

impl From<ScopeError> for Error {
    fn from(error: ScopeError) -> Self {
        if let ScopeError::Store(error) = error {
            return error.into();
        }
        match &error {
            ScopeError::Store(_) => Self::internal(),
            ScopeError::UnauthorizedTenant(tenant) => Self::identified(
                StatusCode::UNAUTHORIZED,
                "unauthorized-tenant",
                error.to_string(),
                json!({"tenant_uuid": tenant}),
                None,
            ),
            ScopeError::UnknownUser(user) => Self::unknown_user(&user.to_string()),
            ScopeError::NoTenant => Self::unauthorized(json!({})),
        }
    }
}

impl From<DeleteError> for Error {
    fn from(error: DeleteError) -> Self {
        let text = error.to_string();
        match error {
            DeleteError::Missing(missing) => missing.into(),
            DeleteError::UnknownClient(client) => Self::identified(
                StatusCode::NOT_FOUND,
                "cannot-find-refresh-token-matching-client-id",
                text,
                json!({"client_id": client}),
                Some("tokens"),
            ),
            DeleteError::Store(error) => error.into(),
            _ => Self::internal(),
        }
    }
}

impl From<Missing> for Error {
    fn from(missing: Missing) -> Self {
        let (id, resource) = missing.names();
        let details = json!({"uuid": missing.uuid()});
        Self::identified(StatusCode::NOT_FOUND, id, missing.to_string(), details, Some(resource))
    }
}

impl From<ExternalAuthError> for Error {
    fn from(error: ExternalAuthError) -> Self {
        error.into_answer().map_or_else(Self::from, Self::from)
    }
}

impl From<LdapConfigError> for Error {
    fn from(error: LdapConfigError) -> Self {
        match error {
            LdapConfigError::Missing(missing) => missing.into(),
            LdapConfigError::Store(error) => error.into(),
            _ => Self::internal(),
        }
    }
}

impl From<GroupError> for Error {
    fn from(error: GroupError) -> Self {
        let text = error.to_string();
        let identified = |status, id, details| {
            Self::identified(status, id, text.clone(), details, Some("groups"))
        };
        match error {
            GroupError::Missing(missing) => missing.into(),
            GroupError::SystemManaged(group) => {
                identified(StatusCode::FORBIDDEN, "forbidden-group", json!({"uuid": group}))
            }
            GroupError::Duplicate(_) => Self::reason(StatusCode::CONFLICT, text),
            GroupError::OtherTenant { user, group } => identified(
                StatusCode::BAD_REQUEST,
                "missmatching-tenant",
                json!({"user_tenant_uuid": user, "group_tenant_uuid": group}),
            ),
            GroupError::Store(error) => error.into(),
            _ => Self::internal(),
        }
    }
}

impl From<TenantError> for Error {
    fn from(error: TenantError) -> Self {
        let text = error.to_string();
        let answer = |status, id, message: &str, details| {
            Self::identified(status, id, message, details, Some("tenants"))
        };
        let conflict = |id, message, details| answer(StatusCode::CONFLICT, id, message, details);
        let unique = json!({"constraint_id": "unique", "message": text});
        match error {
            TenantError::Missing(missing) => missing.into(),
            TenantError::InvalidMethod(method) => {
                let details = json!({"default_authentication_method": method});
                answer(StatusCode::BAD_REQUEST, "invalid-data", &text, details)
            }
            TenantError::UuidTaken(_) => conflict(
                "tenant-identity-conflict",
                "Tenant Conflict detected",
                json!({"uuid": unique}),
            ),
            TenantError::OwnParent => {
                let details = json!({"parent_uuid": {"constraint_id": "unique", "msg": text}});
                answer(StatusCode::FORBIDDEN, "conflict", "Conflict detected", details)
            }
            TenantError::SlugTaken(_) => {
                conflict("conflict", "Conflict detected", json!({"slug": unique}))
            }
            TenantError::DomainTaken(_) => {
                let details = json!({"domain_names": {"constraint-id": "unique", "message": text}});
                conflict("conflict", "Conflict detected", details)
            }
            TenantError::Own(tenant) => {
                let details = json!({"tenant_uuid": tenant});
                answer(StatusCode::FORBIDDEN, "deleting-own-tenant-forbidden", &text, details)
            }
            TenantError::HasChildren(tenant) => {
                let details = json!({"uuid": tenant});
                answer(StatusCode::BAD_REQUEST, "unauthorized-tenant-delete", &text, details)
            }
            TenantError::Circle { tenant, parent } => {
                conflict("conflict", &text, json!({"uuid": tenant, "parent_uuid": parent}))
            }
            TenantError::NotReady(error) => error.into(),
            TenantError::Store(error) => error.into(),
            _ => Self::internal(),
        }
    }
}

impl From<MailError> for Error {
    fn from(error: MailError) -> Self {
        match error {
            MailError::NotReady(error) => error.into(),
            MailError::Store(error) => error.into(),
            MailError::Busy | MailError::Plugin(CallError::Busy { .. }) => {
                Self::unavailable("Too many mails are waiting; try again shortly.", 1)
            }
            _ => {
                let text = "The mail was not accepted by the mail server.";
                Self::message(StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        }
    }
}

impl From<ConfirmationError> for Error {
    fn from(error: ConfirmationError) -> Self {
        let text = error.to_string();
        match error {
            ConfirmationError::Missing(missing) => missing.into(),
            ConfirmationError::Confirmed(email) => Self::identified(
                StatusCode::CONFLICT,
                "conflict",
                text,
                json!({"uuid": email}),
                Some("emails"),
            ),
            ConfirmationError::Mail(error) => {
                log::error!(target: "wazo_auth.mails", "{text}");
                error.into()
            }
            ConfirmationError::Store(error) => error.into(),
            _ => Self::internal(),
        }
    }
}

impl From<RegistrationError> for Error {
    fn from(error: RegistrationError) -> Self {
        let text = error.to_string();
        match error {
            RegistrationError::User(error) => error.into(),
            RegistrationError::Tenant(error) => error.into(),
            RegistrationError::Mail(error) => {
                log::error!(target: "wazo_auth.mails", "{text}");
                error.into()
            }
            RegistrationError::Store(error) => error.into(),
            _ => Self::internal(),
        }
    }
}

impl From<TemplateError> for Error {
    fn from(error: TemplateError) -> Self {
        log::error!(target: "wazo_auth.mails", "{error}");
        Self::internal()
    }
}

impl From<UserError> for Error {
    fn from(error: UserError) -> Self {
        let text = error.to_string();
        match error {
            UserError::InvalidMethod(method) => Self::identified(
                StatusCode::BAD_REQUEST,
                "invalid-data",
                text,
                json!({"authentication_method": method}),
                Some("users"),
            ),
            UserError::LoginTaken { field, .. } => Self::conflict(field, &text),
            UserError::UuidTaken(_) => Self::conflict("uuid", &text),
            UserError::Missing(missing) => missing.into(),
            UserError::Refused => Self::reason(StatusCode::UNAUTHORIZED, text),
            UserError::External(user) => Self::identified(
                StatusCode::METHOD_NOT_ALLOWED,
                "password-managed-externally",
                text,
                json!({"uuid": user}),
                Some("users"),
            ),
            UserError::Busy(_) => hashers_busy(),
            UserError::NotReady(error) => error.into(),
            UserError::Store(error) => error.into(),
            _ => Self::internal(),
        }
    }
}

impl Error {
    /// Policy errors need the caller's token, which only the handler knows.
    pub(crate) fn from_policy(error: PolicyError, token: &str) -> Self {
        let text = error.to_string();
        match error {
            PolicyError::NotHeld { access } => Self::access_not_held(token, &access),
            PolicyError::Duplicate(_) | PolicyError::HeldAlready(_) => {
                Self::reason(StatusCode::CONFLICT, text)
            }
            PolicyError::ReadOnly(_) => Self::reason(StatusCode::FORBIDDEN, text),
            PolicyError::Unknown(_) => Self::reason(StatusCode::NOT_FOUND, text),
            PolicyError::Missing(missing) => missing.into(),
            PolicyError::Store(error) => error.into(),
            _ => Self::internal(),
        }
    }
}

fn hashers_busy() -> Error {
    Error::unavailable(
        "Too many logins are waiting; try again shortly.",
        HASHING_RETRY_AFTER.as_secs(),
    )
}
