//! Accounts at other services: tables `auth_external_auth_type`,
//! `auth_external_auth_config` and `auth_user_external_auth`
//! (`contract/external-auth.md` section 1). Documents are JSON text, which nobody
//! looks into here.

mod list;

use uuid::Uuid;

use crate::{Conn, Error, Value};

pub use list::{LIST, LIST_OF_USERS, Listed, list, list_users};

/// A type of accounts: another service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    /// `uuid`
    pub uuid: Uuid,
    /// `name`; unique.
    pub name: String,
    /// `enabled`; NULL is no.
    pub enabled: bool,
}

/// All types, by name.
///
/// # Errors
/// What the database reports; so for all functions here.
pub fn types(conn: &mut dyn Conn) -> Result<Vec<Type>, Error> {
    let sql = "SELECT uuid, name, enabled FROM auth_external_auth_type ORDER BY name";
    many(conn, sql, &[])
}

/// The type of this name, case-sensitively.
///
/// # Errors
/// See [`types`].
pub fn type_named(conn: &mut dyn Conn, name: &str) -> Result<Option<Type>, Error> {
    let sql = "SELECT uuid, name, enabled FROM auth_external_auth_type WHERE name = ?1";
    Ok(many(conn, sql, &[name.into()])?.into_iter().next())
}

/// The type of this name, made with the UUID `fresh`, not enabled, if there is
/// none.
///
/// # Errors
/// See [`types`].
pub fn ensure_type(conn: &mut dyn Conn, name: &str, fresh: Uuid) -> Result<Uuid, Error> {
    if let Some(found) = type_named(conn, name)? {
        return Ok(found.uuid);
    }
    conn.execute(
        "INSERT INTO auth_external_auth_type (uuid, name, enabled) VALUES (?1, ?2, ?3)",
        &[(&fresh).into(), name.into(), false.into()],
    )?;
    Ok(fresh)
}

/// Enables or disables a type.
///
/// # Errors
/// See [`types`].
pub fn enable_type(conn: &mut dyn Conn, uuid: &Uuid, enabled: bool) -> Result<(), Error> {
    let sql = "UPDATE auth_external_auth_type SET enabled = ?2 WHERE uuid = ?1";
    conn.execute(sql, &[uuid.into(), enabled.into()])?;
    Ok(())
}

/// The configuration of a type for a tenant.
///
/// # Errors
/// See [`types`].
pub fn config(conn: &mut dyn Conn, of: &Uuid, tenant: &Uuid) -> Result<Option<String>, Error> {
    let sql =
        "SELECT data FROM auth_external_auth_config WHERE type_uuid = ?1 AND tenant_uuid = ?2";
    text(conn, sql, &[of.into(), tenant.into()])
}

/// Adds the configuration of a type for a tenant.
///
/// # Errors
/// See [`types`]; [`Error::Unique`] names `auth_external_auth_config_pkey`,
/// [`Error::ForeignKey`] a missing tenant.
pub fn insert_config(
    conn: &mut dyn Conn,
    of: &Uuid,
    tenant: &Uuid,
    data: &str,
) -> Result<(), Error> {
    conn.execute(
        "INSERT INTO auth_external_auth_config (type_uuid, tenant_uuid, data) VALUES (?1, ?2, ?3)",
        &[of.into(), tenant.into(), data.into()],
    )?;
    Ok(())
}

/// Replaces the configuration of a type for a tenant; whether there was one.
///
/// # Errors
/// See [`types`].
pub fn replace_config(
    conn: &mut dyn Conn,
    of: &Uuid,
    tenant: &Uuid,
    data: &str,
) -> Result<bool, Error> {
    let sql = "UPDATE auth_external_auth_config SET data = ?3 \
         WHERE type_uuid = ?1 AND tenant_uuid = ?2";
    Ok(conn.execute(sql, &[of.into(), tenant.into(), data.into()])? > 0)
}

/// Deletes the configuration of a type for a tenant; whether there was one.
///
/// # Errors
/// See [`types`].
pub fn delete_config(conn: &mut dyn Conn, of: &Uuid, tenant: &Uuid) -> Result<bool, Error> {
    let sql = "DELETE FROM auth_external_auth_config WHERE type_uuid = ?1 AND tenant_uuid = ?2";
    Ok(conn.execute(sql, &[of.into(), tenant.into()])? > 0)
}

/// What a user has of a type.
///
/// # Errors
/// See [`types`].
pub fn data(conn: &mut dyn Conn, of: &Uuid, user: &Uuid) -> Result<Option<String>, Error> {
    let sql = "SELECT data FROM auth_user_external_auth \
         WHERE external_auth_type_uuid = ?1 AND user_uuid = ?2";
    text(conn, sql, &[of.into(), user.into()])
}

/// Adds what a user has of a type.
///
/// # Errors
/// See [`types`]; [`Error::Unique`] names `auth_external_user_type_auth_constraint`,
/// [`Error::ForeignKey`] a missing user.
pub fn insert_data(conn: &mut dyn Conn, of: &Uuid, user: &Uuid, data: &str) -> Result<(), Error> {
    conn.execute(
        "INSERT INTO auth_user_external_auth (user_uuid, external_auth_type_uuid, data) \
         VALUES (?2, ?1, ?3)",
        &[of.into(), user.into(), data.into()],
    )?;
    Ok(())
}

/// Replaces what a user has of a type; whether there was something.
///
/// # Errors
/// See [`types`].
pub fn replace_data(
    conn: &mut dyn Conn,
    of: &Uuid,
    user: &Uuid,
    data: &str,
) -> Result<bool, Error> {
    let sql = "UPDATE auth_user_external_auth SET data = ?3 \
         WHERE external_auth_type_uuid = ?1 AND user_uuid = ?2";
    Ok(conn.execute(sql, &[of.into(), user.into(), data.into()])? > 0)
}

/// Deletes what a user has of a type; whether there was something.
///
/// # Errors
/// See [`types`].
pub fn delete_data(conn: &mut dyn Conn, of: &Uuid, user: &Uuid) -> Result<bool, Error> {
    let sql = "DELETE FROM auth_user_external_auth \
         WHERE external_auth_type_uuid = ?1 AND user_uuid = ?2";
    Ok(conn.execute(sql, &[of.into(), user.into()])? > 0)
}

fn text(conn: &mut dyn Conn, sql: &str, params: &[Value]) -> Result<Option<String>, Error> {
    conn.query(sql, params)?.first().map(|row| row.string(0)).transpose()
}

fn many(conn: &mut dyn Conn, sql: &str, params: &[Value]) -> Result<Vec<Type>, Error> {
    let rows = conn.query(sql, params)?;
    let types = rows
        .iter()
        .map(|row| Ok(Type { uuid: row.uuid(0)?, name: row.string(1)?, enabled: row.bool(2)? }));
    types.collect()
}
