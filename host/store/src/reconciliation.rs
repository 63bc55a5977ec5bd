//! What configuration wants of all tenants at once (`contract/bootstrap.md`
//! sections 2 to 5): bulk statements that write differences only.

use uuid::Uuid;

use crate::{Conn, Error, groups, policies::Policy};

/// A condition: `g` is its tenant's group of all users.
const ALL_USERS: &str = "g.name = 'wazo-all-users-tenant-' || g.tenant_uuid";

/// The tenants that have no group of all users.
///
/// # Errors
/// What the database reports; so for all functions here.
pub fn without_all_users_group(conn: &mut dyn Conn) -> Result<Vec<Uuid>, Error> {
    let sql = format!(
        "SELECT t.uuid FROM auth_tenant t WHERE NOT EXISTS \
         (SELECT 1 FROM auth_group g WHERE g.tenant_uuid = t.uuid AND {ALL_USERS}) ORDER BY t.uuid"
    );
    tenants(conn, &sql, &[])
}

/// Makes all users of a tenant members of a group.
///
/// # Errors
/// See [`without_all_users_group`].
pub fn add_users_of_tenant(conn: &mut dyn Conn, group: &Uuid, tenant: &Uuid) -> Result<(), Error> {
    let sql = "INSERT INTO auth_user_group (group_uuid, user_uuid) \
         SELECT ?1, uuid FROM auth_user WHERE tenant_uuid = ?2 ON CONFLICT DO NOTHING";
    conn.execute(sql, &[group.into(), tenant.into()])?;
    Ok(())
}

/// Attaches a policy to the group of all users of every tenant.
///
/// # Errors
/// See [`without_all_users_group`].
pub fn give_to_all_users(conn: &mut dyn Conn, policy: &Uuid) -> Result<u64, Error> {
    let sql = format!(
        "INSERT INTO auth_group_policy (group_uuid, policy_uuid) \
         SELECT g.uuid, ?1 FROM auth_group g WHERE {ALL_USERS} ON CONFLICT DO NOTHING"
    );
    conn.execute(&sql, &[policy.into()])
}

/// Detaches configured policies from the groups of all users, but those of these
/// slugs.
///
/// # Errors
/// See [`without_all_users_group`].
pub fn take_from_all_users(conn: &mut dyn Conn, but: &[String]) -> Result<u64, Error> {
    let kept = conn.dialect().in_list("p.slug", "?1");
    let sql = format!(
        "DELETE FROM auth_group_policy WHERE group_uuid IN \
         (SELECT g.uuid FROM auth_group g WHERE {ALL_USERS}) AND policy_uuid IN \
         (SELECT p.uuid FROM auth_policy p WHERE p.config_managed AND NOT {kept})"
    );
    conn.execute(&sql, &[but.into()])
}

/// The tenants in which a group of this slug is missing and could be made.
///
/// # Errors
/// See [`without_all_users_group`].
pub fn without_group(conn: &mut dyn Conn, slug: &str) -> Result<Vec<Uuid>, Error> {
    let same = conn.dialect().same("g.slug", "?1");
    let sql = format!(
        "SELECT t.uuid FROM auth_tenant t WHERE NOT EXISTS (SELECT 1 FROM auth_group g \
         WHERE g.tenant_uuid = t.uuid AND ({same} OR g.name = ?1)) ORDER BY t.uuid"
    );
    tenants(conn, &sql, &[slug.into()])
}

/// In how many tenants a group of this slug cannot be made: another one has its
/// name, or its slug in other letters.
///
/// # Errors
/// See [`without_all_users_group`].
pub fn tenants_with_another_group(conn: &mut dyn Conn, slug: &str) -> Result<i64, Error> {
    let same = conn.dialect().same("g.slug", "?1");
    let sql = format!(
        "SELECT count(DISTINCT g.tenant_uuid) FROM auth_group g \
         WHERE (g.name = ?1 OR {same}) AND g.slug <> ?1 AND NOT EXISTS (SELECT 1 FROM auth_group o \
         WHERE o.tenant_uuid = g.tenant_uuid AND o.slug = ?1)"
    );
    conn.query(&sql, &[slug.into()])?.first().map_or(Ok(0), |row| row.int(0))
}

/// Gives the groups of this slug their slug as name again, where no other group
/// of the tenant has it.
///
/// # Errors
/// See [`without_all_users_group`].
pub fn rename_groups(conn: &mut dyn Conn, slug: &str) -> Result<u64, Error> {
    let sql = "UPDATE auth_group SET name = ?1 WHERE slug = ?1 AND name <> ?1 AND NOT EXISTS \
         (SELECT 1 FROM auth_group o WHERE o.tenant_uuid = auth_group.tenant_uuid AND o.name = ?1)";
    conn.execute(sql, &[slug.into()])
}

/// Attaches a policy to the groups of this slug.
///
/// # Errors
/// See [`without_all_users_group`].
pub fn give_to_groups(conn: &mut dyn Conn, slug: &str, policy: &Uuid) -> Result<u64, Error> {
    let sql = "INSERT INTO auth_group_policy (group_uuid, policy_uuid) \
         SELECT uuid, ?2 FROM auth_group WHERE slug = ?1 ON CONFLICT DO NOTHING";
    conn.execute(sql, &[slug.into(), policy.into()])
}

/// Detaches a policy from the groups of this slug.
///
/// # Errors
/// See [`without_all_users_group`].
pub fn take_from_groups(conn: &mut dyn Conn, slug: &str, policy: &Uuid) -> Result<u64, Error> {
    let sql = "DELETE FROM auth_group_policy WHERE policy_uuid = ?2 AND group_uuid IN \
         (SELECT uuid FROM auth_group WHERE slug = ?1)";
    conn.execute(sql, &[slug.into(), policy.into()])
}

/// The policies that configuration once made and that are none of these slugs
/// now, each with whether anybody holds it.
///
/// # Errors
/// See [`without_all_users_group`].
pub fn orphans(conn: &mut dyn Conn, slugs: &[String]) -> Result<Vec<(Policy, bool)>, Error> {
    let configured = conn.dialect().in_list("p.slug", "?1");
    let condition = format!("WHERE p.config_managed AND NOT {configured} ORDER BY p.slug");
    let found = crate::policies::many(conn, &condition, &[slugs.into()])?;
    found
        .into_iter()
        .map(|policy| Ok((is_held(conn, &policy.uuid)?, policy)))
        .map(|found| found.map(|(held, policy)| (policy, held)))
        .collect()
}

fn is_held(conn: &mut dyn Conn, policy: &Uuid) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM auth_user_policy WHERE policy_uuid = ?1 \
         UNION ALL SELECT 1 FROM auth_group_policy WHERE policy_uuid = ?1 LIMIT 1";
    Ok(!conn.query(sql, &[policy.into()])?.is_empty())
}

/// Makes a group of this slug and name in a tenant.
///
/// # Errors
/// See [`without_all_users_group`].
pub fn make_group(conn: &mut dyn Conn, uuid: Uuid, slug: &str, tenant: &Uuid) -> Result<(), Error> {
    let (name, slug) = (slug.to_owned(), slug.to_owned());
    let group = groups::Group { uuid, name, slug, tenant_uuid: *tenant, system_managed: false };
    groups::insert(conn, &group)
}

fn tenants(conn: &mut dyn Conn, sql: &str, params: &[crate::Value]) -> Result<Vec<Uuid>, Error> {
    conn.query(sql, params)?.iter().map(|row| row.uuid(0)).collect()
}
