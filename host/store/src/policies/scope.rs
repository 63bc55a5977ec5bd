//! Policies as the tenants of the tree see and restrict each other
//! (`contract/policies.md` sections 3 and 4).

use uuid::Uuid;

use crate::{Conn, Error, policies::Policy, tenants};

/// Whether a policy of the tenant has this slug, ignoring case.
///
/// # Errors
/// What the database reports; so for all functions here.
pub fn slug_taken(conn: &mut dyn Conn, tenant: &Uuid, slug: &str) -> Result<bool, Error> {
    let same = conn.dialect().same("p.slug", "?2");
    let condition = format!("WHERE p.tenant_uuid = ?1 AND {same} LIMIT 1");
    Ok(super::one(conn, &condition, &[tenant.into(), slug.into()])?.is_some())
}

/// Whether a new policy of the tenant would conflict with one of its own, with
/// a shared one above or, being shared itself, with any one below.
///
/// # Errors
/// See [`slug_taken`].
pub fn conflicts(
    conn: &mut dyn Conn,
    tenant: &Uuid,
    name: &str,
    slug: &str,
    shared: bool,
) -> Result<bool, Error> {
    if super::name_or_slug_taken(conn, tenant, name, slug)? {
        return Ok(true);
    }
    let parameters = [tenant.into(), name.into(), slug.into()];
    let same = "(p.name = ?2 OR p.slug = ?3)";
    let above = format!(
        "WHERE p.shared AND {same} AND p.tenant_uuid IN ({}) LIMIT 1",
        tenants::ancestors_of("?1")
    );
    if super::one(conn, &above, &parameters)?.is_some() {
        return Ok(true);
    }
    let below =
        format!("WHERE {same} AND p.tenant_uuid IN ({}) LIMIT 1", tenants::subtree_of("?1"));
    Ok(shared && super::one(conn, &below, &parameters)?.is_some())
}

/// The policy of this UUID, if a request scoped to the tenant sees it: owned in
/// its subtree, managed by configuration, or shared by a tenant above.
///
/// # Errors
/// See [`slug_taken`].
pub fn visible(conn: &mut dyn Conn, scope: &Uuid, uuid: &Uuid) -> Result<Option<Policy>, Error> {
    let condition = format!(
        "WHERE p.uuid = ?2 AND (p.config_managed OR p.tenant_uuid IN ({}) \
         OR (p.shared AND p.tenant_uuid IN ({})))",
        tenants::subtree_of("?1"),
        tenants::ancestors_of("?1")
    );
    super::one(conn, &condition, &[scope.into(), uuid.into()])
}

/// The policy of exactly this slug that the tenant itself sees; its own before
/// an inherited one.
///
/// # Errors
/// See [`slug_taken`].
pub fn visible_by_slug(
    conn: &mut dyn Conn,
    scope: &Uuid,
    slug: &str,
) -> Result<Option<Policy>, Error> {
    let condition = format!(
        "WHERE p.slug = ?2 AND (p.tenant_uuid = ?1 OR p.config_managed \
         OR (p.shared AND p.tenant_uuid IN ({}))) \
         ORDER BY CASE WHEN p.tenant_uuid = ?1 THEN 0 ELSE 1 END, p.uuid LIMIT 1",
        tenants::ancestors_of("?1")
    );
    super::one(conn, &condition, &[scope.into(), slug.into()])
}
