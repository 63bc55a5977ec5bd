//! What host services answer, written straight from what the directory holds:
//! every login asks for it.

use serde::Serialize;
use uuid::Uuid;
use wazo_auth_store::{groups::Group, policies::Policy, users};

use crate::users::effective_method;

#[derive(Serialize)]
pub(super) struct Platform<'a> {
    pub(super) xivo_uuid: Option<&'a str>,
    pub(super) version: &'static str,
}

#[derive(Serialize)]
pub(super) struct MaybeUser<'a> {
    user: Option<User<'a>>,
}

#[derive(Serialize)]
struct User<'a> {
    uuid: Uuid,
    tenant_uuid: Uuid,
    username: Option<&'a str>,
    firstname: Option<&'a str>,
    lastname: Option<&'a str>,
    purpose: &'a str,
    enabled: bool,
    authentication_method: &'a str,
    effective_authentication_method: &'a str,
    emails: Vec<Email<'a>>,
}

#[derive(Serialize)]
struct Email<'a> {
    uuid: Uuid,
    address: &'a str,
    main: bool,
    confirmed: bool,
}

#[derive(Serialize)]
pub(super) struct Acl<'a> {
    pub(super) acl: &'a [String],
}

#[derive(Serialize)]
pub(super) struct Items<'a> {
    pub(super) items: Vec<Item<'a>>,
}

/// A policy or a group.
#[derive(Serialize)]
pub(super) struct Item<'a> {
    uuid: Uuid,
    name: &'a str,
    slug: &'a str,
    tenant_uuid: Uuid,
}

// === impl MaybeUser ===

impl<'a> From<Option<&'a users::User>> for MaybeUser<'a> {
    fn from(user: Option<&'a users::User>) -> Self {
        Self { user: user.map(User::from) }
    }
}

// === impl User ===

impl<'a> From<&'a users::User> for User<'a> {
    fn from(user: &'a users::User) -> Self {
        Self {
            uuid: user.uuid,
            tenant_uuid: user.tenant_uuid,
            username: user.username.as_deref(),
            firstname: user.firstname.as_deref(),
            lastname: user.lastname.as_deref(),
            purpose: &user.purpose,
            enabled: user.enabled == Some(true),
            authentication_method: &user.authentication_method,
            effective_authentication_method: effective_method(user),
            emails: user.emails.iter().map(Email::from).collect(),
        }
    }
}

// === impl Email ===

impl<'a> From<&'a users::Email> for Email<'a> {
    fn from(email: &'a users::Email) -> Self {
        Self {
            uuid: email.uuid,
            address: &email.address,
            main: email.main,
            confirmed: email.confirmed,
        }
    }
}

// === impl Item ===

impl<'a> From<&'a Policy> for Item<'a> {
    fn from(policy: &'a Policy) -> Self {
        Self {
            uuid: policy.uuid,
            name: &policy.name,
            slug: &policy.slug,
            tenant_uuid: policy.tenant_uuid,
        }
    }
}

impl<'a> From<&'a Group> for Item<'a> {
    fn from(group: &'a Group) -> Self {
        Self {
            uuid: group.uuid,
            name: &group.name,
            slug: &group.slug,
            tenant_uuid: group.tenant_uuid,
        }
    }
}
