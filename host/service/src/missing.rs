//! What a request names and does not see: it does not exist, or is in a tenant
//! that the request is not about. The two are told apart by nobody.

use uuid::Uuid;
use wazo_auth_store::{self as store, Conn, groups::Group, tenants::Tenant, users::User};

/// What is not there, for all that the request may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// No such user.
    #[error("No such user: \"{0}\"")]
    User(Uuid),
    /// No such group.
    #[error("No such group: \"{0}\"")]
    Group(Uuid),
    /// No such tenant.
    #[error("No such tenant: \"{0}\"")]
    Tenant(Uuid),
    /// No such address.
    #[error("No such email: \"{0}\"")]
    Email(Uuid),
}

// === impl Missing ===

impl Missing {
    /// The UUID that was asked for.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        match self {
            Self::User(uuid) | Self::Group(uuid) | Self::Tenant(uuid) | Self::Email(uuid) => uuid,
        }
    }

    /// What the API calls it: the error, and the noun that it is about.
    #[must_use]
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::User(_) => ("unknown-user", "users"),
            Self::Group(_) => ("unknown-group", "groups"),
            Self::Tenant(_) => ("unknown-tenant", "tenants"),
            Self::Email(_) => ("unknown-email", "emails"),
        }
    }
}

/// The user, if it is in the subtree of `scope`.
pub(crate) fn visible_user<E>(conn: &mut dyn Conn, scope: &Uuid, user: Uuid) -> Result<User, E>
where
    E: From<Missing> + From<store::Error>,
{
    let found = store::users::get(conn, &user)?;
    seen(conn, scope, found, |user| user.tenant_uuid, Missing::User(user))
}

/// The group, if it is in the subtree of `scope`.
pub(crate) fn visible_group<E>(conn: &mut dyn Conn, scope: &Uuid, group: Uuid) -> Result<Group, E>
where
    E: From<Missing> + From<store::Error>,
{
    let found = store::groups::get(conn, &group)?;
    seen(conn, scope, found, |group| group.tenant_uuid, Missing::Group(group))
}

/// The tenant, if it is in the subtree of `scope`.
pub(crate) fn visible_tenant<E>(
    conn: &mut dyn Conn,
    scope: &Uuid,
    tenant: Uuid,
) -> Result<Tenant, E>
where
    E: From<Missing> + From<store::Error>,
{
    let found = store::tenants::get(conn, &tenant)?;
    seen(conn, scope, found, |tenant| tenant.uuid, Missing::Tenant(tenant))
}

fn seen<T, E>(
    conn: &mut dyn Conn,
    scope: &Uuid,
    found: Option<T>,
    tenant: impl Fn(&T) -> Uuid,
    missing: Missing,
) -> Result<T, E>
where
    E: From<Missing> + From<store::Error>,
{
    let Some(found) = found else { return Err(missing.into()) };
    match store::tenants::is_in_subtree(conn, &tenant(&found), scope)? {
        true => Ok(found),
        false => Err(missing.into()),
    }
}
