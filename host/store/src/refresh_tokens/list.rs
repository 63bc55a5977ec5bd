//! Listing refresh tokens (`contract/tokens.md` section 5.2).

use jiff::Timestamp;
use uuid::Uuid;

use crate::list::{Filter, Kind, List, ListQuery, Page, Searched, Sql, Tenants};
use crate::{Conn, Error, Metadata, Row};

/// A refresh token as lists show it: without its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// `client_id`
    pub client_id: Option<String>,
    /// `created_at`
    pub created_at: Option<Timestamp>,
    /// `mobile`
    pub mobile: bool,
    /// `user_uuid`
    pub user_uuid: Uuid,
    /// The user's current tenant.
    pub tenant_uuid: Uuid,
    /// `metadata`
    pub metadata: Metadata,
}

/// Whose refresh tokens are listed and counted in `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of the users that are now in these tenants.
    Tenants(Tenants),
    /// Those of one user.
    User(Uuid),
}

/// The list of refresh tokens.
pub const LIST: List = List {
    sort: &[("created_at", "r.created_at"), ("client_id", "r.client_id"), ("mobile", "r.mobile")],
    filters: &[
        Filter::text("client_id", "r.client_id = {}"),
        Filter { name: "created_at", kind: Kind::Time, sql: "r.created_at = {}" },
        Filter { name: "mobile", kind: Kind::Flag, sql: "r.mobile = {}" },
    ],
    search: &[Searched::Column("r.client_id")],
    columns: "r.client_id, r.created_at, r.mobile, u.uuid, u.tenant_uuid, r.metadata",
    from: "auth_refresh_token r JOIN auth_user u ON u.uuid = r.user_uuid",
    key: "r.uuid",
};

/// One page and the counts.
///
/// # Errors
/// What the database reports.
pub fn list(conn: &mut dyn Conn, scope: Scope, query: &ListQuery) -> Result<Page<Item>, Error> {
    let mut sql = Sql::default();
    let scope = match scope {
        Scope::Tenants(tenants) => tenants.condition("u.tenant_uuid", &mut sql),
        Scope::User(user) => format!("u.uuid = {}", sql.add(&user)),
    };
    LIST.page(conn, sql, &scope, query, from_row)
}

fn from_row(row: &Row) -> Result<Item, Error> {
    Ok(Item {
        client_id: row.opt_string(0)?,
        created_at: row.opt_time(1)?,
        mobile: row.bool(2)?,
        user_uuid: row.uuid(3)?,
        tenant_uuid: row.uuid(4)?,
        metadata: row.metadata(5)?,
    })
}
