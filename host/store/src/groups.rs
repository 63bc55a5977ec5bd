//! Groups: tables `auth_group`, `auth_user_group`, `auth_group_policy`
//! (`contract/groups.md`).

mod list;

use uuid::Uuid;

use crate::{Conn, Error, Row, Value};

pub use list::{LIST, LIST_OF_USER, Scope, list};

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    /// `uuid`
    pub uuid: Uuid,
    /// `name`; unique in its tenant.
    pub name: String,
    /// `slug`; unique in its tenant, ignoring case.
    pub slug: String,
    /// `tenant_uuid`
    pub tenant_uuid: Uuid,
    /// `system_managed`
    pub system_managed: bool,
}

const COLUMNS: &str = "g.uuid, g.name, g.slug, g.tenant_uuid, g.system_managed";

/// The name and the slug of a tenant's group of all users.
#[must_use]
pub fn all_users_group_name(tenant: &Uuid) -> String {
    format!("wazo-all-users-tenant-{tenant}")
}

/// The group of all users of a tenant.
///
/// # Errors
/// What the database reports; so for all functions here.
pub fn all_users_group(conn: &mut dyn Conn, tenant: &Uuid) -> Result<Option<Uuid>, Error> {
    let rows = conn.query(
        "SELECT uuid FROM auth_group WHERE name = ?1 AND tenant_uuid = ?2",
        &[all_users_group_name(tenant).into(), tenant.into()],
    )?;
    rows.first().map(|row| row.uuid(0)).transpose()
}

/// The group of this UUID.
///
/// # Errors
/// See [`all_users_group`].
pub fn get(conn: &mut dyn Conn, uuid: &Uuid) -> Result<Option<Group>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM auth_group g WHERE g.uuid = ?1");
    Ok(many(conn, &sql, &[uuid.into()])?.into_iter().next())
}

/// The group of this slug in a tenant, case-sensitively.
///
/// # Errors
/// See [`all_users_group`].
pub fn by_slug(conn: &mut dyn Conn, tenant: &Uuid, slug: &str) -> Result<Option<Group>, Error> {
    // The first condition is the one that an index answers.
    let same = conn.dialect().same("g.slug", "?1");
    let sql = format!(
        "SELECT {COLUMNS} FROM auth_group g \
         WHERE {same} AND g.tenant_uuid = ?2 AND g.slug = ?1"
    );
    let groups = many(conn, &sql, &[slug.into(), tenant.into()])?;
    Ok(groups.into_iter().next())
}

/// Adds a group.
///
/// # Errors
/// See [`all_users_group`]; [`Error::Unique`] names `auth_group_pkey`,
/// `auth_group_name_tenant` or `auth_group__idx__slug`.
pub fn insert(conn: &mut dyn Conn, group: &Group) -> Result<(), Error> {
    conn.execute(
        "INSERT INTO auth_group (uuid, name, slug, tenant_uuid, system_managed) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            (&group.uuid).into(),
            group.name.as_str().into(),
            group.slug.as_str().into(),
            (&group.tenant_uuid).into(),
            group.system_managed.into(),
        ],
    )?;
    Ok(())
}

/// Whether a group of the tenant has this slug, ignoring case.
///
/// # Errors
/// See [`all_users_group`].
pub fn slug_taken(conn: &mut dyn Conn, tenant: &Uuid, slug: &str) -> Result<bool, Error> {
    let same = conn.dialect().same("slug", "?1");
    let sql = format!("SELECT 1 FROM auth_group WHERE {same} AND tenant_uuid = ?2");
    Ok(!conn.query(&sql, &[slug.into(), tenant.into()])?.is_empty())
}

/// Gives a group another name; whether it exists.
///
/// # Errors
/// See [`all_users_group`]; [`Error::Unique`] names `auth_group_name_tenant`.
pub fn rename(conn: &mut dyn Conn, group: &Uuid, name: &str) -> Result<bool, Error> {
    let sql = "UPDATE auth_group SET name = ?2 WHERE uuid = ?1";
    Ok(conn.execute(sql, &[group.into(), name.into()])? > 0)
}

/// Deletes a group with its associations; whether it existed.
///
/// # Errors
/// See [`all_users_group`].
pub fn delete(conn: &mut dyn Conn, group: &Uuid) -> Result<bool, Error> {
    Ok(conn.execute("DELETE FROM auth_group WHERE uuid = ?1", &[group.into()])? > 0)
}

/// The group of all users of a tenant, made with the UUID `fresh` if somebody
/// has deleted it.
///
/// # Errors
/// See [`all_users_group`].
pub fn ensure_all_users_group(
    conn: &mut dyn Conn,
    tenant: &Uuid,
    fresh: Uuid,
) -> Result<Uuid, Error> {
    if let Some(group) = all_users_group(conn, tenant)? {
        return Ok(group);
    }
    let name = all_users_group_name(tenant);
    let slug = name.clone();
    insert(conn, &Group { uuid: fresh, name, slug, tenant_uuid: *tenant, system_managed: true })?;
    Ok(fresh)
}

/// Makes a user a member; whether it was not one before.
///
/// # Errors
/// See [`all_users_group`]; [`Error::ForeignKey`] when one of both is missing.
pub fn add_user(conn: &mut dyn Conn, group: &Uuid, user: &Uuid) -> Result<bool, Error> {
    let sql = "INSERT INTO auth_user_group (group_uuid, user_uuid) VALUES (?1, ?2) \
         ON CONFLICT DO NOTHING";
    Ok(conn.execute(sql, &[group.into(), user.into()])? > 0)
}

/// Ends a membership; whether there was one.
///
/// # Errors
/// See [`all_users_group`].
pub fn remove_user(conn: &mut dyn Conn, group: &Uuid, user: &Uuid) -> Result<bool, Error> {
    let sql = "DELETE FROM auth_user_group WHERE group_uuid = ?1 AND user_uuid = ?2";
    Ok(conn.execute(sql, &[group.into(), user.into()])? > 0)
}

/// Attaches a policy; whether it was not attached before.
///
/// # Errors
/// See [`add_user`].
pub fn add_policy(conn: &mut dyn Conn, group: &Uuid, policy: &Uuid) -> Result<bool, Error> {
    let sql = "INSERT INTO auth_group_policy (group_uuid, policy_uuid) VALUES (?1, ?2) \
         ON CONFLICT DO NOTHING";
    Ok(conn.execute(sql, &[group.into(), policy.into()])? > 0)
}

/// Detaches a policy; whether it was attached.
///
/// # Errors
/// See [`all_users_group`].
pub fn remove_policy(conn: &mut dyn Conn, group: &Uuid, policy: &Uuid) -> Result<bool, Error> {
    let sql = "DELETE FROM auth_group_policy WHERE group_uuid = ?1 AND policy_uuid = ?2";
    Ok(conn.execute(sql, &[group.into(), policy.into()])? > 0)
}

/// The groups of a user, by name.
///
/// # Errors
/// See [`all_users_group`].
pub fn of_user(conn: &mut dyn Conn, user: &Uuid) -> Result<Vec<Group>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM auth_user_group ug JOIN auth_group g ON g.uuid = ug.group_uuid \
         WHERE ug.user_uuid = ?1 ORDER BY g.name, g.uuid"
    );
    many(conn, &sql, &[user.into()])
}

fn many(conn: &mut dyn Conn, sql: &str, params: &[Value]) -> Result<Vec<Group>, Error> {
    conn.query(sql, params)?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Group, Error> {
    Ok(Group {
        uuid: row.uuid(0)?,
        name: row.string(1)?,
        slug: row.string(2)?,
        tenant_uuid: row.uuid(3)?,
        system_managed: row.bool(4)?,
    })
}
