//! Listing groups (`contract/groups.md` sections 4 and 5).

use uuid::Uuid;

use crate::groups::{COLUMNS, Group, from_row};
use crate::list::{Filter, Kind, List, ListQuery, Page, Searched, Sql, Tenants};
use crate::{Conn, Error};

/// Which groups are listed and counted in `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of these tenants.
    Tenants(Tenants),
    /// Those that a user is a member of.
    OfUser(Uuid),
}

/// The list of groups.
pub const LIST: List = List {
    sort: &[
        ("name", "g.name"),
        ("slug", "g.slug"),
        ("uuid", "g.uuid"),
        ("read_only", "g.system_managed"),
    ],
    filters: &[
        Filter::text("uuid", "g.uuid = {}"),
        Filter::text("name", "g.name = {}"),
        Filter::text("slug", "g.slug = {}"),
        Filter::text(
            "user_uuid",
            "g.uuid IN (SELECT group_uuid FROM auth_user_group WHERE user_uuid = {})",
        ),
        Filter { name: "read_only", kind: Kind::Flag, sql: "g.system_managed = {}" },
        Filter::text(
            "policy_uuid",
            "g.uuid IN (SELECT group_uuid FROM auth_group_policy WHERE policy_uuid = {})",
        ),
        Filter::text(
            "policy_slug",
            "g.uuid IN (SELECT gp.group_uuid FROM auth_group_policy gp \
             JOIN auth_policy p ON p.uuid = gp.policy_uuid WHERE p.slug = {})",
        ),
    ],
    search: &[Searched::Column("g.name")],
    columns: COLUMNS,
    from: "auth_group g",
    key: "g.uuid",
};

/// The list of the groups of a user.
pub const LIST_OF_USER: List = List {
    sort: &[("name", "g.name"), ("uuid", "g.uuid")],
    filters: &[Filter::text("uuid", "g.uuid = {}"), Filter::text("name", "g.name = {}")],
    from: "auth_user_group ug JOIN auth_group g ON g.uuid = ug.group_uuid",
    ..LIST
};

/// One page and the counts.
///
/// # Errors
/// What the database reports.
pub fn list(conn: &mut dyn Conn, scope: Scope, query: &ListQuery) -> Result<Page<Group>, Error> {
    let mut sql = Sql::default();
    match scope {
        Scope::Tenants(tenants) => {
            let scope = tenants.condition("g.tenant_uuid", &mut sql);
            LIST.page(conn, sql, &scope, query, from_row)
        }
        Scope::OfUser(user) => {
            let scope = format!("ug.user_uuid = {}", sql.add(&user));
            LIST_OF_USER.page(conn, sql, &scope, query, from_row)
        }
    }
}
