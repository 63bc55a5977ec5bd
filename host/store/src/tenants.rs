//! Tenants: table `auth_tenant` (`contract/tenants.md`).

mod details;
mod list;

use uuid::Uuid;

use crate::{Conn, Error, IndexChange, Row, Value};

pub use details::{
    Address, Details, Domain, details, domain_taken, domains, replace_domains, set_address,
};
pub use list::{LIST, list, list_with_details};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// `uuid`
    pub uuid: Uuid,
    /// `name`; not unique.
    pub name: Option<String>,
    /// `slug`; unique.
    pub slug: String,
    /// `parent_uuid`; its own for the top tenant.
    pub parent_uuid: Uuid,
    /// `default_authentication_method`
    pub default_authentication_method: String,
    /// `phone`
    pub phone: Option<String>,
    /// `contact_uuid`: a user.
    pub contact_uuid: Option<Uuid>,
}

/// The fields of a tenant that can be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// `name`
    pub name: Option<String>,
    /// `default_authentication_method`
    pub default_authentication_method: String,
    /// `phone`
    pub phone: Option<String>,
    /// `contact_uuid`
    pub contact_uuid: Option<Uuid>,
}

const COLUMNS: &str = "t.uuid, t.name, t.slug, t.parent_uuid, t.default_authentication_method, \
    t.phone, t.contact_uuid";

/// The tenant of this UUID.
///
/// # Errors
/// What the database reports; so for all functions here.
pub fn get(conn: &mut dyn Conn, uuid: &Uuid) -> Result<Option<Tenant>, Error> {
    one(conn, "WHERE t.uuid = ?1", &[uuid.into()])
}

/// The tenant of this slug, case-sensitively.
///
/// # Errors
/// See [`get`].
pub fn by_slug(conn: &mut dyn Conn, slug: &str) -> Result<Option<Tenant>, Error> {
    one(conn, "WHERE t.slug = ?1", &[slug.into()])
}

/// The tenant of this UUID or slug.
///
/// # Errors
/// See [`get`].
pub fn by_uuid_or_slug(conn: &mut dyn Conn, id: &str) -> Result<Option<Tenant>, Error> {
    match Uuid::parse_str(id) {
        Ok(uuid) => get(conn, &uuid),
        Err(_) => by_slug(conn, id),
    }
}

/// The tenant that has a domain of exactly this name.
///
/// # Errors
/// See [`get`].
pub fn by_domain_name(conn: &mut dyn Conn, name: &str) -> Result<Option<Tenant>, Error> {
    one(
        conn,
        "JOIN auth_tenant_domain d ON d.tenant_uuid = t.uuid WHERE d.name = ?1",
        &[name.into()],
    )
}

/// The master tenant: the one that is its own parent.
///
/// # Errors
/// See [`get`].
pub fn top(conn: &mut dyn Conn) -> Result<Option<Tenant>, Error> {
    one(conn, "WHERE t.parent_uuid = t.uuid", &[])
}

/// The default authentication methods of tenants.
///
/// # Errors
/// See [`get`].
pub fn authentication_methods(conn: &mut dyn Conn) -> Result<Vec<String>, Error> {
    let sql = "SELECT DISTINCT default_authentication_method FROM auth_tenant \
         ORDER BY default_authentication_method";
    conn.query(sql, &[])?.iter().map(|row| row.string(0)).collect()
}

/// The tenants whose default authentication method this is.
///
/// # Errors
/// See [`get`].
pub fn with_authentication_method(conn: &mut dyn Conn, method: &str) -> Result<Vec<Uuid>, Error> {
    let sql = "SELECT uuid FROM auth_tenant WHERE default_authentication_method = ?1 ORDER BY uuid";
    conn.query(sql, &[method.into()])?.iter().map(|row| row.uuid(0)).collect()
}

/// Every tenant with its parent.
///
/// # Errors
/// See [`get`].
pub fn all(conn: &mut dyn Conn) -> Result<Vec<(Uuid, Uuid)>, Error> {
    let mut tenants = Vec::new();
    each_parent(conn, &mut |tenant| {
        tenants.push(tenant?);
        Ok(())
    })?;
    Ok(tenants)
}

/// Hands over every tenant with its parent, row by row, for the index.
pub(crate) fn each_parent(
    conn: &mut dyn Conn,
    each: &mut dyn FnMut(Result<(Uuid, Uuid), Error>) -> Result<(), Error>,
) -> Result<(), Error> {
    let read = |row: &Row| Ok((row.uuid(0)?, row.uuid(1)?));
    let sql = "SELECT uuid, parent_uuid FROM auth_tenant ORDER BY uuid";
    conn.each(sql, &[], &mut |row| each(read(&row)))
}

/// Whether `tenant` is `ancestor` or below it, as this transaction sees the tree.
///
/// # Errors
/// See [`get`].
pub fn is_in_subtree(conn: &mut dyn Conn, tenant: &Uuid, ancestor: &Uuid) -> Result<bool, Error> {
    let sql = format!("SELECT 1 WHERE ?2 IN ({})", ancestors_of("?1"));
    Ok(!conn.query(&sql, &[tenant.into(), ancestor.into()])?.is_empty())
}

/// A query for the tenant that `parameter` names and everything above it. The
/// parameter has the column's type: PostgreSQL asks that of a recursion.
pub(crate) fn ancestors_of(parameter: &str) -> String {
    format!(
        "WITH RECURSIVE up(uuid) AS (SELECT CAST({parameter} AS varchar(38)) UNION \
         SELECT t.parent_uuid FROM auth_tenant t JOIN up ON t.uuid = up.uuid) SELECT uuid FROM up"
    )
}

/// A query for the tenant that `parameter` names and everything below it.
pub(crate) fn subtree_of(parameter: &str) -> String {
    format!(
        "WITH RECURSIVE down(uuid) AS (SELECT CAST({parameter} AS varchar(38)) UNION \
         SELECT t.uuid FROM auth_tenant t JOIN down ON t.parent_uuid = down.uuid) \
         SELECT uuid FROM down"
    )
}

/// Adds a tenant (the row alone, without groups).
///
/// # Errors
/// See [`get`]; [`Error::Unique`] names `auth_tenant_pkey` or
/// `auth_tenant_slug_key`.
pub fn insert(conn: &mut dyn Conn, tenant: &Tenant) -> Result<(), Error> {
    conn.execute(
        "INSERT INTO auth_tenant (uuid, name, slug, parent_uuid, \
         default_authentication_method, phone, contact_uuid) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            (&tenant.uuid).into(),
            tenant.name.as_deref().into(),
            tenant.slug.as_str().into(),
            (&tenant.parent_uuid).into(),
            tenant.default_authentication_method.as_str().into(),
            tenant.phone.as_deref().into(),
            tenant.contact_uuid.as_ref().into(),
        ],
    )?;
    conn.index(IndexChange::Tenant { uuid: tenant.uuid, parent: tenant.parent_uuid });
    Ok(())
}

/// Replaces the fields of a tenant; whether it exists.
///
/// # Errors
/// See [`get`]; [`Error::ForeignKey`] when the contact does not exist.
pub fn update(conn: &mut dyn Conn, tenant: &Uuid, update: &Update) -> Result<bool, Error> {
    let sql = "UPDATE auth_tenant SET name = ?2, default_authentication_method = ?3, phone = ?4, \
         contact_uuid = ?5 WHERE uuid = ?1";
    let params = [
        tenant.into(),
        update.name.as_deref().into(),
        update.default_authentication_method.as_str().into(),
        update.phone.as_deref().into(),
        update.contact_uuid.as_ref().into(),
    ];
    Ok(conn.execute(sql, &params)? > 0)
}

/// Moves a tenant below another one; whether it exists. That no circle comes of
/// it is the caller's matter.
///
/// # Errors
/// See [`get`]; [`Error::ForeignKey`] when the parent does not exist.
pub fn set_parent(conn: &mut dyn Conn, tenant: &Uuid, parent: &Uuid) -> Result<bool, Error> {
    let sql = "UPDATE auth_tenant SET parent_uuid = ?2 WHERE uuid = ?1";
    let moved = conn.execute(sql, &[tenant.into(), parent.into()])? > 0;
    if moved {
        conn.index(IndexChange::Tenant { uuid: *tenant, parent: *parent });
    }
    Ok(moved)
}

/// Whether another tenant is directly below this one.
///
/// # Errors
/// See [`get`].
pub fn has_children(conn: &mut dyn Conn, tenant: &Uuid) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM auth_tenant WHERE parent_uuid = ?1 AND uuid <> ?1 LIMIT 1";
    Ok(!conn.query(sql, &[tenant.into()])?.is_empty())
}

/// Deletes a tenant and all that hangs on it, sessions and tokens included;
/// whether it existed.
///
/// # Errors
/// See [`get`]; [`Error::ForeignKey`] when it has children.
pub fn delete(conn: &mut dyn Conn, uuid: &Uuid) -> Result<bool, Error> {
    let tokens = crate::tokens::of_tenant(conn, uuid)?;
    let users = crate::users::of_tenant(conn, uuid)?;
    let deleted = conn.execute("DELETE FROM auth_tenant WHERE uuid = ?1", &[uuid.into()])? > 0;
    if deleted {
        for token in tokens {
            conn.index(IndexChange::RemoveToken(token));
        }
        for user in users {
            conn.index(IndexChange::UserTenant(user, None));
        }
        conn.index(IndexChange::RemoveTenant(*uuid));
    }
    Ok(deleted)
}

fn one(conn: &mut dyn Conn, condition: &str, params: &[Value]) -> Result<Option<Tenant>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM auth_tenant t {condition}");
    conn.query(&sql, params)?.first().map(from_row).transpose()
}

fn from_row(row: &Row) -> Result<Tenant, Error> {
    Ok(Tenant {
        uuid: row.uuid(0)?,
        name: row.opt_string(1)?,
        slug: row.string(2)?,
        parent_uuid: row.uuid(3)?,
        default_authentication_method: row.string(4)?,
        phone: row.opt_string(5)?,
        contact_uuid: row.opt_uuid(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recursion_starts_with_the_type_of_the_column() {
        // PostgreSQL takes an untyped parameter for text and refuses the UNION.
        for query in [ancestors_of("?1"), subtree_of("?1")] {
            assert!(query.contains("(SELECT CAST(?1 AS varchar(38)) UNION "), "{query}");
        }
    }
}
