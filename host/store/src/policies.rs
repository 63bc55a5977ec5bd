//! Policies: tables `auth_policy`, `auth_policy_access`, `auth_access`,
//! `auth_user_policy` (`contract/policies.md`).

mod list;
mod scope;

use std::collections::HashSet;

use uuid::Uuid;

use crate::{Conn, Error, Row, Sent, Value};

pub use list::{LIST, LIST_OF_GROUP, LIST_OF_USER, Scope, list, list_with_accesses};
pub use scope::{conflicts, slug_taken, visible, visible_by_slug};

/// A policy, without its accesses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// `uuid`
    pub uuid: Uuid,
    /// `name`; unique in its tenant.
    pub name: String,
    /// `slug`; unique in its tenant, ignoring case.
    pub slug: String,
    /// `description`
    pub description: Option<String>,
    /// `tenant_uuid`
    pub tenant_uuid: Uuid,
    /// `config_managed`; NULL is false.
    pub config_managed: bool,
    /// `shared`
    pub shared: bool,
}

/// A policy to be added: all of it is chosen by the caller.
pub type NewPolicy = Policy;

const COLUMNS: &str =
    "p.uuid, p.name, p.slug, p.description, p.tenant_uuid, p.config_managed, p.shared";

/// The policy of this UUID.
///
/// # Errors
/// What the database reports; so for all functions here.
pub fn get(conn: &mut dyn Conn, uuid: &Uuid) -> Result<Option<Policy>, Error> {
    one(conn, "WHERE p.uuid = ?1", &[uuid.into()])
}

/// The policy of this slug in a tenant, case-sensitively.
///
/// # Errors
/// See [`get`].
pub fn by_slug(conn: &mut dyn Conn, tenant: &Uuid, slug: &str) -> Result<Option<Policy>, Error> {
    // The first condition is the one that an index answers.
    let same = conn.dialect().same("p.slug", "?1");
    let condition = format!("WHERE {same} AND p.tenant_uuid = ?2 AND p.slug = ?1");
    one(conn, &condition, &[slug.into(), tenant.into()])
}

/// A policy of this name in any tenant.
///
/// # Errors
/// See [`get`].
pub fn by_name(conn: &mut dyn Conn, name: &str) -> Result<Option<Policy>, Error> {
    one(conn, "WHERE p.name = ?1 ORDER BY p.uuid LIMIT 1", &[name.into()])
}

/// Whether a policy of the tenant has this name, or this slug ignoring case.
///
/// # Errors
/// See [`get`].
pub fn name_or_slug_taken(
    conn: &mut dyn Conn,
    tenant: &Uuid,
    name: &str,
    slug: &str,
) -> Result<bool, Error> {
    let same = conn.dialect().same("p.slug", "?3");
    let condition = format!("WHERE p.tenant_uuid = ?1 AND (p.name = ?2 OR {same}) LIMIT 1");
    Ok(one(conn, &condition, &[tenant.into(), name.into(), slug.into()])?.is_some())
}

/// Whether another policy of its tenant has the name of this one, or its slug
/// ignoring case.
///
/// # Errors
/// See [`get`].
pub fn is_in_the_way(conn: &mut dyn Conn, policy: &Policy) -> Result<bool, Error> {
    let same = conn.dialect().same("p.slug", "?3");
    let condition =
        format!("WHERE p.tenant_uuid = ?1 AND (p.name = ?2 OR {same}) AND p.uuid <> ?4 LIMIT 1");
    let params = [
        (&policy.tenant_uuid).into(),
        policy.name.as_str().into(),
        policy.slug.as_str().into(),
        (&policy.uuid).into(),
    ];
    Ok(one(conn, &condition, &params)?.is_some())
}

/// Adds a policy without accesses.
///
/// # Errors
/// See [`get`]; [`Error::Unique`] names `auth_policy_pkey`,
/// `auth_policy_name_tenant` or `auth_policy__idx__slug`.
pub fn insert(conn: &mut dyn Conn, policy: &NewPolicy) -> Result<(), Error> {
    conn.execute(
        "INSERT INTO auth_policy (uuid, name, slug, description, tenant_uuid, config_managed, \
         shared) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            (&policy.uuid).into(),
            policy.name.as_str().into(),
            policy.slug.as_str().into(),
            policy.description.as_deref().into(),
            (&policy.tenant_uuid).into(),
            policy.config_managed.into(),
            policy.shared.into(),
        ],
    )?;
    Ok(())
}

/// The accesses of a policy, in the order in which they were first used.
///
/// # Errors
/// See [`get`].
pub fn accesses(conn: &mut dyn Conn, policy: &Uuid) -> Result<Vec<String>, Error> {
    let rows = conn.query(
        "SELECT a.access FROM auth_policy_access pa JOIN auth_access a ON a.id = pa.access_id \
         WHERE pa.policy_uuid = ?1 ORDER BY a.id",
        &[policy.into()],
    )?;
    rows.iter().map(|row| row.string(0)).collect()
}

/// Gives a policy exactly these accesses; duplicates collapse.
///
/// # Errors
/// See [`get`]; [`Error::ForeignKey`] when the policy does not exist.
pub fn set_accesses(conn: &mut dyn Conn, policy: &Uuid, accesses: &[String]) -> Result<(), Error> {
    let held = self::accesses(conn, policy)?;
    let held: HashSet<&str> = held.iter().map(String::as_str).collect();
    let wanted: HashSet<&str> = accesses.iter().map(String::as_str).collect();
    for access in held.difference(&wanted) {
        remove_access(conn, policy, access)?;
    }
    // In the order given: the dictionary keeps it.
    for access in accesses.iter().filter(|access| !held.contains(access.as_str())) {
        add_access(conn, policy, access)?;
    }
    Ok(())
}

/// Gives a policy one more access; whether it did not have it.
///
/// # Errors
/// See [`set_accesses`].
pub fn add_access(conn: &mut dyn Conn, policy: &Uuid, access: &str) -> Result<bool, Error> {
    // The dictionary is shared by all policies and only grows.
    conn.execute(
        "INSERT INTO auth_access (access) VALUES (?1) ON CONFLICT DO NOTHING",
        &[access.into()],
    )?;
    let added = conn.execute(
        "INSERT INTO auth_policy_access (policy_uuid, access_id) \
         SELECT ?1, id FROM auth_access WHERE access = ?2 ON CONFLICT DO NOTHING",
        &[policy.into(), access.into()],
    )?;
    Ok(added > 0)
}

/// Takes an access from a policy; whether it had it.
///
/// # Errors
/// See [`get`].
pub fn remove_access(conn: &mut dyn Conn, policy: &Uuid, access: &str) -> Result<bool, Error> {
    let sql = "DELETE FROM auth_policy_access WHERE policy_uuid = ?1 AND access_id IN \
         (SELECT id FROM auth_access WHERE access = ?2)";
    Ok(conn.execute(sql, &[policy.into(), access.into()])? > 0)
}

/// Attaches a policy to a user; whether it was not attached before.
///
/// # Errors
/// See [`get`]; [`Error::ForeignKey`] when one of both is missing.
pub fn attach_to_user(conn: &mut dyn Conn, user: &Uuid, policy: &Uuid) -> Result<bool, Error> {
    let sql = "INSERT INTO auth_user_policy (user_uuid, policy_uuid) VALUES (?1, ?2) \
         ON CONFLICT DO NOTHING";
    Ok(conn.execute(sql, &[user.into(), policy.into()])? > 0)
}

/// Detaches a policy from a user; whether it was attached.
///
/// # Errors
/// See [`get`].
pub fn detach_from_user(conn: &mut dyn Conn, user: &Uuid, policy: &Uuid) -> Result<bool, Error> {
    let sql = "DELETE FROM auth_user_policy WHERE user_uuid = ?1 AND policy_uuid = ?2";
    Ok(conn.execute(sql, &[user.into(), policy.into()])? > 0)
}

/// The policies attached to a user directly, by name.
///
/// # Errors
/// See [`get`].
pub fn of_user(conn: &mut dyn Conn, user: &Uuid) -> Result<Vec<Policy>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM auth_user_policy up JOIN auth_policy p ON p.uuid = up.policy_uuid \
         WHERE up.user_uuid = ?1 ORDER BY p.name, p.uuid"
    );
    conn.query(&sql, &[user.into()])?.iter().map(from_row).collect()
}

/// Replaces name, description, and whether configuration keeps it; whether the
/// policy exists.
///
/// # Errors
/// See [`insert`].
pub fn update(conn: &mut dyn Conn, policy: &Policy) -> Result<bool, Error> {
    let sql = "UPDATE auth_policy SET name = ?2, description = ?3, config_managed = ?4 \
         WHERE uuid = ?1";
    let params = [
        (&policy.uuid).into(),
        policy.name.as_str().into(),
        policy.description.as_deref().into(),
        policy.config_managed.into(),
    ];
    Ok(conn.execute(sql, &params)? > 0)
}

/// Deletes a policy with its associations; whether it existed.
///
/// # Errors
/// See [`get`].
pub fn delete(conn: &mut dyn Conn, policy: &Uuid) -> Result<bool, Error> {
    Ok(conn.execute("DELETE FROM auth_policy WHERE uuid = ?1", &[policy.into()])? > 0)
}

/// The accesses of the policy of this name (see [`by_name`]); none when there
/// is no such policy.
///
/// # Errors
/// See [`get`].
pub fn acl_of_name(conn: &mut dyn Conn, name: &str) -> Result<Option<Vec<String>>, Error> {
    match by_name(conn, name)? {
        Some(policy) => accesses(conn, &policy.uuid).map(Some),
        None => Ok(None),
    }
}

/// What a user may do (`contract/acl.md` section 5, steps 2 and 3): the
/// accesses of the policies of its groups, then those of its own policies,
/// duplicates kept. Users with equal policies get equal lists, whatever their
/// groups, so that their tokens share one compiled ACL.
///
/// # Errors
/// See [`get`].
pub fn acl_of_user(conn: &mut dyn Conn, user: &Uuid) -> Result<Vec<String>, Error> {
    let sent = send_acl_of_user(conn, user)?;
    got_acl(conn, sent)
}

/// The answer to [`send_acl_of_user`].
///
/// # Errors
/// See [`get`].
pub fn got_acl(conn: &mut dyn Conn, sent: Sent) -> Result<Vec<String>, Error> {
    conn.rows(sent)?.iter().map(|row| row.string(0)).collect()
}

/// [`acl_of_user`], [sent](Conn::send): for [`got_acl`].
///
/// # Errors
/// See [`get`].
pub fn send_acl_of_user(conn: &mut dyn Conn, user: &Uuid) -> Result<Sent, Error> {
    conn.send(
        "SELECT a.access FROM ( \
             SELECT 0 AS part, ug.group_uuid AS holder, gp.policy_uuid AS policy_uuid \
             FROM auth_user_group ug JOIN auth_group_policy gp ON gp.group_uuid = ug.group_uuid \
             WHERE ug.user_uuid = ?1 \
             UNION ALL \
             SELECT 1, up.user_uuid, up.policy_uuid FROM auth_user_policy up \
             WHERE up.user_uuid = ?1 \
         ) held \
         JOIN auth_policy_access pa ON pa.policy_uuid = held.policy_uuid \
         JOIN auth_access a ON a.id = pa.access_id \
         ORDER BY held.part, held.policy_uuid, held.holder, a.id",
        &[user.into()],
    )
}

fn one(conn: &mut dyn Conn, condition: &str, params: &[Value]) -> Result<Option<Policy>, Error> {
    Ok(many(conn, condition, params)?.into_iter().next())
}

pub(crate) fn many(
    conn: &mut dyn Conn,
    condition: &str,
    params: &[Value],
) -> Result<Vec<Policy>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM auth_policy p {condition}");
    conn.query(&sql, params)?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Policy, Error> {
    Ok(Policy {
        uuid: row.uuid(0)?,
        name: row.string(1)?,
        slug: row.string(2)?,
        description: row.opt_string(3)?,
        tenant_uuid: row.uuid(4)?,
        config_managed: row.bool(5)?,
        shared: row.bool(6)?,
    })
}
