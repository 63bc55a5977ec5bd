//! Listing tenants (`contract/tenants.md` section 5).

use uuid::Uuid;

use crate::list::{Filter, Kind, List, ListQuery, Page, Searched, Sql, Tenants};
use crate::tenants::{COLUMNS, Details, Tenant, details, from_row};
use crate::{Conn, Error};

/// Values of `uuids` in one request, at most.
const UUIDS: usize = 25;

/// The list of tenants.
pub const LIST: List = List {
    sort: &[("name", "t.name"), ("slug", "t.slug")],
    filters: &[
        Filter::text("uuid", "t.uuid = {}"),
        Filter { name: "uuids", kind: Kind::Texts(UUIDS), sql: "t.uuid" },
        Filter::text("name", "t.name = {}"),
        Filter::text("slug", "t.slug = {}"),
        Filter::text(
            "domain_name",
            "EXISTS (SELECT 1 FROM auth_tenant_domain d \
             WHERE d.tenant_uuid = t.uuid AND d.name = {})",
        ),
    ],
    search: &[
        Searched::Column("t.name"),
        Searched::Column("t.slug"),
        Searched::Others(
            "EXISTS (SELECT 1 FROM auth_tenant_domain d WHERE d.tenant_uuid = t.uuid AND {})",
            "d.name",
        ),
    ],
    columns: COLUMNS,
    from: "auth_tenant t",
    key: "t.uuid",
};

/// One page of the tenants of a subtree, its root included, and the counts.
///
/// # Errors
/// What the database reports.
pub fn list(conn: &mut dyn Conn, root: Uuid, query: &ListQuery) -> Result<Page<Tenant>, Error> {
    let mut sql = Sql::default();
    let scope = Tenants::Subtree(root).condition("t.uuid", &mut sql);
    LIST.page(conn, sql, &scope, query, from_row)
}

/// The same, each tenant with what hangs on it: two statements more, however many
/// there are.
///
/// # Errors
/// See [`list`].
pub fn list_with_details(
    conn: &mut dyn Conn,
    root: Uuid,
    query: &ListQuery,
) -> Result<Page<(Tenant, Details)>, Error> {
    let Page { items, total, filtered } = list(conn, root, query)?;
    let uuids: Vec<Uuid> = items.iter().map(|tenant| tenant.uuid).collect();
    let mut details = details(conn, &uuids)?;
    let with_details = |tenant: Tenant| {
        let details = details.remove(&tenant.uuid).unwrap_or_default();
        (tenant, details)
    };
    Ok(Page { items: items.into_iter().map(with_details).collect(), total, filtered })
}
