//! What the services of the daemon answer.

use serde::{Deserialize, Serialize};

use crate::Map;

/// The platform that the daemon is part of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Platform {
    /// The identifier of the platform, if it has one.
    #[serde(default)]
    pub xivo_uuid: Option<String>,
    /// The version of the daemon.
    #[serde(default)]
    pub version: String,
}

/// A user of the service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// Its UUID.
    pub uuid: String,
    /// The UUID of its tenant.
    pub tenant_uuid: String,
    /// The user name, if it has one.
    #[serde(default)]
    pub username: Option<String>,
    /// The first name.
    #[serde(default)]
    pub firstname: Option<String>,
    /// The last name.
    #[serde(default)]
    pub lastname: Option<String>,
    /// `user`, `internal` or `external_api`.
    #[serde(default)]
    pub purpose: String,
    /// Whether it may log in.
    #[serde(default)]
    pub enabled: bool,
    /// `default`, `native`, or the name of an identity provider or backend.
    #[serde(default)]
    pub authentication_method: String,
    /// The method by which it logs in: with `default`, that of its tenant. Empty
    /// in answers of the API.
    #[serde(default)]
    pub effective_authentication_method: String,
    /// Its e-mail addresses.
    #[serde(default)]
    pub emails: Vec<Email>,
}

/// An e-mail address of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Email {
    /// Its UUID.
    pub uuid: String,
    /// The address.
    pub address: String,
    /// Whether it is the user's main address.
    #[serde(default)]
    pub main: bool,
    /// Whether the user confirmed it: only then it is a login.
    #[serde(default)]
    pub confirmed: bool,
}

/// A policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Policy {
    /// Its UUID.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// Its slug: unique in its tenant.
    pub slug: String,
    /// The UUID of its tenant.
    pub tenant_uuid: String,
    /// What it allows; only the API tells.
    #[serde(default)]
    pub acl: Vec<String>,
}

/// A tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tenant {
    /// Its UUID.
    pub uuid: String,
    /// The UUID of the tenant above; of the one above all others, its own.
    #[serde(default)]
    pub parent_uuid: String,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its slug: unique.
    #[serde(default)]
    pub slug: String,
    /// The method of its users who have `default`.
    #[serde(default)]
    pub default_authentication_method: String,
    /// Its domain names.
    #[serde(default)]
    pub domain_names: Vec<String>,
}

/// A session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// Its UUID.
    pub uuid: String,
    /// Whether it is one of a mobile application.
    #[serde(default)]
    pub mobile: bool,
    /// The UUID of its tenant.
    #[serde(default)]
    pub tenant_uuid: String,
    /// The UUID of its user, if it is one of a user.
    #[serde(default)]
    pub user_uuid: Option<String>,
}

/// A refresh token, without its value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefreshToken {
    /// The application that it is for.
    pub client_id: String,
    /// The UUID of its user.
    #[serde(default)]
    pub user_uuid: Option<String>,
    /// The UUID of its tenant.
    #[serde(default)]
    pub tenant_uuid: Option<String>,
    /// Whether it is one of a mobile application.
    #[serde(default)]
    pub mobile: bool,
    /// What was stored with it.
    #[serde(default)]
    pub metadata: Map,
}

/// What a refresh token stands for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefreshTokenInfo {
    /// The `backend` of the login that made it.
    #[serde(default)]
    pub backend_name: String,
    /// The login.
    #[serde(default)]
    pub login: String,
    /// What was stored with it.
    #[serde(default)]
    pub metadata: Map,
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Page<T> {
    /// How many there are.
    #[serde(default)]
    pub total: u64,
    /// The items.
    pub items: Vec<T>,
}

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Group {
    /// Its UUID.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// Its slug: unique in its tenant.
    pub slug: String,
    /// The UUID of its tenant.
    pub tenant_uuid: String,
}

/// A mail that was rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FormattedEmail {
    /// The subject, on one line.
    pub subject: String,
    /// The text.
    pub body: String,
}

// === impl User ===

impl User {
    /// An enabled user of purpose `user` with the default method.
    pub fn new(uuid: impl Into<String>, tenant_uuid: impl Into<String>) -> Self {
        Self {
            uuid: uuid.into(),
            tenant_uuid: tenant_uuid.into(),
            purpose: "user".to_owned(),
            enabled: true,
            authentication_method: "default".to_owned(),
            ..Self::default()
        }
    }
}
