//! The events there are, and the message that each becomes (`contract/bus.md`
//! sections 2 and 3).

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use wazo_auth_context::Environment;
use wazo_auth_store::events::{Event as Kept, NewEvent};

use crate::routing_key::routing_key;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A tenant was made.
    TenantAdded {
        /// The tenant.
        uuid: Uuid,
        /// Its name, if it has one.
        name: Option<String>,
        /// Its slug.
        slug: String,
        /// Its domains.
        domain_names: Vec<String>,
    },
    /// A tenant's fields were replaced, be it by the same ones.
    TenantUpdated {
        /// The tenant.
        uuid: Uuid,
        /// Its name, if it has one.
        name: Option<String>,
    },
    /// A tenant is gone, with all that it owned.
    TenantDeleted {
        /// The tenant.
        uuid: Uuid,
    },
    /// An account at another service was stored.
    ExternalAuthAdded(ExternalAuth),
    /// What is stored of an account at another service was replaced.
    ExternalAuthUpdated(ExternalAuth),
    /// A user consented to the use of an account at another service.
    ExternalAuthAuthorized(ExternalAuth),
    /// What was stored of an account at another service is gone.
    ExternalAuthDeleted(ExternalAuth),
    /// A refresh token was made.
    RefreshTokenCreated(RefreshToken),
    /// A refresh token is gone.
    RefreshTokenDeleted(RefreshToken),
    /// Somebody logged in.
    SessionCreated {
        /// The session.
        uuid: Uuid,
        /// Its tenant.
        tenant_uuid: Uuid,
        /// Its owner; none when that is no user.
        user_uuid: Option<Uuid>,
        /// Whether it is a mobile one.
        mobile: bool,
    },
    /// A session is gone, with its tokens.
    SessionDeleted {
        /// The session.
        uuid: Uuid,
        /// The tenant concerned.
        tenant_uuid: String,
        /// The `auth_id` of its token, a user or not; none when it had no token.
        auth_id: Option<String>,
    },
    /// A session will expire before the next clean-up.
    SessionExpireSoon {
        /// The session.
        uuid: Uuid,
        /// The tenant concerned.
        tenant_uuid: String,
        /// The `auth_id` of its token, a user or not.
        auth_id: String,
    },
}

/// What is told of an account at another service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAuth {
    /// Its owner.
    pub user_uuid: Uuid,
    /// The owner's tenant.
    pub tenant_uuid: Uuid,
    /// The other service.
    pub name: String,
}

/// What is told of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The client that it was made for.
    pub client_id: String,
    /// Whether it was made by a mobile login.
    pub mobile: bool,
    /// Its owner.
    pub user_uuid: Uuid,
    /// The owner's tenant.
    pub tenant_uuid: Uuid,
}

/// Whom an event concerns: what subscribers are chosen by.
struct Concerns {
    tenant_uuid: String,
    session_uuid: Option<Uuid>,
    user: User,
}

enum User {
    All,
    One(String),
    None,
}

// === impl Event ===

impl Event {
    /// The message: routing key, and the body that holds the headers too.
    pub(crate) fn message(&self, now: Timestamp, environment: &Environment) -> NewEvent {
        let (name, routing_key) = (self.name(), self.routing_key());
        let Concerns { tenant_uuid, session_uuid, user } = self.concerns();
        let mut body = Map::new();
        body.insert("name".to_owned(), name.into());
        body.insert("origin_uuid".to_owned(), json!(environment.xivo_uuid));
        body.insert("timestamp".to_owned(), local(now, environment).into());
        body.insert("required_access".to_owned(), format!("event.{name}").into());
        body.insert("required_acl".to_owned(), format!("events.{routing_key}").into());
        body.insert("tenant_uuid".to_owned(), tenant_uuid.into());
        match user {
            User::All => drop(body.insert("user_uuid:*".to_owned(), true.into())),
            User::One(user) => drop(body.insert(format!("user_uuid:{user}"), true.into())),
            User::None => {}
        }
        if let Some(session) = session_uuid {
            body.insert("session_uuid".to_owned(), json!(session));
        }
        body.insert("data".to_owned(), self.data());
        let subject = subject(&routing_key, &body);
        NewEvent { subject, routing_key, body: Value::Object(body).to_string() }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::TenantAdded { .. } => "auth_tenant_added",
            Self::TenantUpdated { .. } => "auth_tenant_updated",
            Self::TenantDeleted { .. } => "auth_tenant_deleted",
            Self::ExternalAuthAdded(_) => "auth_user_external_auth_added",
            Self::ExternalAuthUpdated(_) => "auth_user_external_auth_updated",
            Self::ExternalAuthAuthorized(_) => "auth_user_external_auth_authorized",
            Self::ExternalAuthDeleted(_) => "auth_user_external_auth_deleted",
            Self::RefreshTokenCreated(_) => "auth_refresh_token_created",
            Self::RefreshTokenDeleted(_) => "auth_refresh_token_deleted",
            Self::SessionCreated { .. } => "auth_session_created",
            Self::SessionDeleted { .. } => "auth_session_deleted",
            Self::SessionExpireSoon { .. } => "auth_session_expire_soon",
        }
    }

    fn routing_key(&self) -> String {
        let uuid_key = |kind: &str, uuid: &Uuid, what| routing_key(kind, &uuid.to_string(), what);
        match self {
            Self::TenantAdded { uuid, .. } => uuid_key("auth.tenants.", uuid, ".created"),
            Self::TenantUpdated { uuid, .. } => uuid_key("auth.tenants.", uuid, ".updated"),
            Self::TenantDeleted { uuid } => uuid_key("auth.tenants.", uuid, ".deleted"),
            Self::ExternalAuthAdded(account) => account.routing_key(".created"),
            Self::ExternalAuthUpdated(account) => account.routing_key(".updated"),
            Self::ExternalAuthAuthorized(account) => account.routing_key(".authorized"),
            Self::ExternalAuthDeleted(account) => account.routing_key(".deleted"),
            Self::RefreshTokenCreated(token) => token.routing_key(".created"),
            Self::RefreshTokenDeleted(token) => token.routing_key(".deleted"),
            Self::SessionCreated { uuid, .. } => uuid_key("auth.sessions.", uuid, ".created"),
            Self::SessionDeleted { uuid, .. } => uuid_key("auth.sessions.", uuid, ".deleted"),
            Self::SessionExpireSoon { uuid, auth_id, .. } => {
                routing_key("auth.users.", auth_id, &format!(".sessions.{uuid}.expire_soon"))
            }
        }
    }

    fn concerns(&self) -> Concerns {
        let (tenant_uuid, session_uuid, user) = match self {
            Self::TenantAdded { uuid, .. }
            | Self::TenantUpdated { uuid, .. }
            | Self::TenantDeleted { uuid } => (uuid.to_string(), None, User::All),
            Self::ExternalAuthAdded(account)
            | Self::ExternalAuthUpdated(account)
            | Self::ExternalAuthAuthorized(account)
            | Self::ExternalAuthDeleted(account) => {
                (account.tenant_uuid.to_string(), None, User::One(account.user_uuid.to_string()))
            }
            Self::RefreshTokenCreated(token) | Self::RefreshTokenDeleted(token) => {
                (token.tenant_uuid.to_string(), None, User::One(token.user_uuid.to_string()))
            }
            Self::SessionCreated { uuid, tenant_uuid, user_uuid, .. } => {
                let user = user_uuid.map_or(User::None, |user| User::One(user.to_string()));
                (tenant_uuid.to_string(), Some(*uuid), user)
            }
            Self::SessionDeleted { uuid, tenant_uuid, auth_id } => {
                let user = auth_id.clone().map_or(User::None, User::One);
                (tenant_uuid.clone(), Some(*uuid), user)
            }
            Self::SessionExpireSoon { uuid, tenant_uuid, auth_id } => {
                (tenant_uuid.clone(), Some(*uuid), User::One(auth_id.clone()))
            }
        };
        Concerns { tenant_uuid, session_uuid, user }
    }

    fn data(&self) -> Value {
        match self {
            Self::TenantAdded { uuid, name, slug, domain_names } => {
                json!({"uuid": uuid, "name": name, "slug": slug, "domain_names": domain_names})
            }
            Self::TenantUpdated { uuid, name } => json!({"uuid": uuid, "name": name}),
            Self::TenantDeleted { uuid } => json!({"uuid": uuid}),
            Self::ExternalAuthAdded(account)
            | Self::ExternalAuthUpdated(account)
            | Self::ExternalAuthAuthorized(account)
            | Self::ExternalAuthDeleted(account) => account.data(),
            Self::RefreshTokenCreated(token) | Self::RefreshTokenDeleted(token) => token.data(),
            Self::SessionCreated { uuid, tenant_uuid, user_uuid, mobile } => json!({
                "uuid": uuid, "tenant_uuid": tenant_uuid, "user_uuid": user_uuid, "mobile": mobile,
            }),
            Self::SessionDeleted { uuid, tenant_uuid, auth_id } => {
                json!({"uuid": uuid, "tenant_uuid": tenant_uuid, "user_uuid": auth_id})
            }
            Self::SessionExpireSoon { uuid, tenant_uuid, auth_id } => {
                json!({"uuid": uuid, "tenant_uuid": tenant_uuid, "user_uuid": auth_id})
            }
        }
    }
}

// === impl ExternalAuth ===

impl ExternalAuth {
    fn routing_key(&self, what: &str) -> String {
        let before = format!("auth.users.{}.external.", self.user_uuid);
        routing_key(&before, &self.name, what)
    }

    fn data(&self) -> Value {
        json!({"user_uuid": self.user_uuid, "external_auth_name": self.name})
    }
}

// === impl RefreshToken ===

impl RefreshToken {
    fn routing_key(&self, what: &str) -> String {
        let before = format!("auth.users.{}.tokens.", self.user_uuid);
        routing_key(&before, &self.client_id, what)
    }

    fn data(&self) -> Value {
        let Self { client_id, mobile, user_uuid, tenant_uuid } = self;
        json!({
            "client_id": client_id, "mobile": mobile,
            "user_uuid": user_uuid, "tenant_uuid": tenant_uuid,
        })
    }
}

/// What an event is about: a session, or else what its routing key says, but for what
/// happened to it.
fn subject(routing_key: &str, body: &Map<String, Value>) -> String {
    match body.get("session_uuid").and_then(Value::as_str) {
        Some(session) => format!("auth.sessions.{session}"),
        None => routing_key.rsplit_once('.').map_or(routing_key, |(about, _)| about).to_owned(),
    }
}

/// The same of one that is kept.
pub(crate) fn subject_of(kept: &Kept) -> String {
    subject(&kept.routing_key, &serde_json::from_str(&kept.body).unwrap_or_default())
}

/// Local time without its zone, to the microsecond unless that is zero.
fn local(now: Timestamp, environment: &Environment) -> String {
    let time = now.to_zoned(environment.time_zone.clone()).datetime();
    let format = match time.subsec_nanosecond() / 1000 {
        0 => "%Y-%m-%dT%H:%M:%S",
        _ => "%Y-%m-%dT%H:%M:%S.%6f",
    };
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(event: &Event) -> (String, Map<String, Value>) {
        let time_zone = jiff::tz::TimeZone::UTC;
        let environment = Environment { xivo_uuid: None, time_zone };
        let message = event.message(Timestamp::UNIX_EPOCH, &environment);
        (message.routing_key, serde_json::from_str(&message.body).unwrap())
    }

    fn users(body: &Map<String, Value>) -> Vec<&str> {
        body.keys().filter_map(|key| key.strip_prefix("user_uuid:")).collect()
    }

    #[test]
    fn a_session_without_a_user_concerns_nobody_until_it_is_deleted() {
        let (uuid, tenant) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (user_uuid, mobile) = (None, false);
        let created = Event::SessionCreated { uuid, tenant_uuid: tenant, user_uuid, mobile };
        let (_, body) = headers(&created);
        assert!(users(&body).is_empty() && body["data"]["user_uuid"].is_null(), "{body:?}");
        assert_eq!(body["origin_uuid"], Value::Null);
        for (auth_id, concerned) in [(Some("wazo-auth"), vec!["wazo-auth"]), (None, vec![])] {
            let auth_id = auth_id.map(str::to_owned);
            let tenant_uuid = tenant.to_string();
            let (_, body) =
                headers(&Event::SessionDeleted { uuid, tenant_uuid, auth_id: auth_id.clone() });
            assert_eq!(users(&body), concerned);
            assert_eq!(body["data"]["user_uuid"], json!(auth_id));
        }
        let auth_id = "acme.example:bob".to_owned();
        let tenant_uuid = tenant.to_string();
        let (key, body) = headers(&Event::SessionExpireSoon { uuid, tenant_uuid, auth_id });
        assert_eq!(key, format!("auth.users.acme__DOT__example:bob.sessions.{uuid}.expire_soon"));
        assert_eq!(users(&body), ["acme.example:bob"]);
    }

    #[test]
    fn events_of_one_session_have_one_subject() {
        let uuid = Uuid::from_u128(1);
        let (tenant_uuid, auth_id) = (String::new(), "a.b".to_owned());
        let environment = Environment { xivo_uuid: None, time_zone: jiff::tz::TimeZone::UTC };
        let subject = |event: Event| event.message(Timestamp::UNIX_EPOCH, &environment).subject;
        let (user_uuid, mobile) = (None, false);
        let created = Event::SessionCreated { uuid, tenant_uuid: uuid, user_uuid, mobile };
        let about = [
            subject(created),
            subject(Event::SessionExpireSoon { uuid, tenant_uuid: tenant_uuid.clone(), auth_id }),
            subject(Event::SessionDeleted { uuid, tenant_uuid, auth_id: None }),
        ];
        assert_eq!(about, [(); 3].map(|()| format!("auth.sessions.{uuid}")));
        let tenant = subject(Event::TenantDeleted { uuid });
        assert_eq!(tenant, format!("auth.tenants.{uuid}"));
    }

    #[test]
    fn the_timestamp_is_local_and_has_microseconds_unless_they_are_zero() {
        let time_zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
        let environment = Environment { xivo_uuid: None, time_zone };
        let text = |time: &str| local(time.parse().unwrap(), &environment);
        assert_eq!(text("2026-07-01T12:00:00.0000019Z"), "2026-07-01T08:00:00.000001");
        assert_eq!(text("2026-12-01T12:00:00.0000009Z"), "2026-12-01T07:00:00");
    }
}
