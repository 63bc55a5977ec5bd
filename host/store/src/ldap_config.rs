//! The LDAP servers of tenants: table `auth_ldap_config` (`contract/ldap-config.md`
//! section 6).

use std::fmt;

use uuid::Uuid;

use crate::{Conn, Error, Row};

/// How the users of a tenant are found in its LDAP server.
#[derive(Clone, PartialEq, Eq)]
pub struct LdapConfig {
    /// `tenant_uuid`
    pub tenant_uuid: Uuid,
    /// `host`: a name or an address.
    pub host: String,
    /// `port`
    pub port: i64,
    /// `protocol_version`: 2 or 3; none is 3.
    pub protocol_version: Option<i64>,
    /// `protocol_security`: `ldaps`, `tls` or none.
    pub protocol_security: Option<String>,
    /// `bind_dn`: who searches for users.
    pub bind_dn: Option<String>,
    /// `bind_password`
    pub bind_password: Option<String>,
    /// `user_base_dn`: what all users are below.
    pub user_base_dn: String,
    /// `user_login_attribute`
    pub user_login_attribute: Option<String>,
    /// `user_email_attribute`
    pub user_email_attribute: Option<String>,
    /// `search_filters`
    pub search_filters: Option<String>,
}

const COLUMNS: &str = "tenant_uuid, host, port, protocol_version, protocol_security, bind_dn, \
    bind_password, user_base_dn, user_login_attribute, user_email_attribute, search_filters";

// === impl LdapConfig ===

/// Without the password.
impl fmt::Debug for LdapConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant_uuid, host, port, .. } = self;
        f.debug_struct("LdapConfig")
            .field("tenant_uuid", tenant_uuid)
            .field("host", host)
            .field("port", port)
            .finish_non_exhaustive()
    }
}

/// The configuration of a tenant.
///
/// # Errors
/// What the database reports; so for all functions here.
pub fn get(conn: &mut dyn Conn, tenant: &Uuid) -> Result<Option<LdapConfig>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM auth_ldap_config WHERE tenant_uuid = ?1");
    conn.query(&sql, &[tenant.into()])?.first().map(from_row).transpose()
}

/// Gives a tenant this configuration instead of the one it has, if any.
///
/// # Errors
/// See [`get`]; [`Error::ForeignKey`] when there is no such tenant.
pub fn set(conn: &mut dyn Conn, config: &LdapConfig) -> Result<(), Error> {
    let sql = format!(
        "INSERT INTO auth_ldap_config ({COLUMNS}) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
         ON CONFLICT (tenant_uuid) DO UPDATE SET host = ?2, port = ?3, protocol_version = ?4, \
         protocol_security = ?5, bind_dn = ?6, bind_password = ?7, user_base_dn = ?8, \
         user_login_attribute = ?9, user_email_attribute = ?10, search_filters = ?11"
    );
    let params = [
        (&config.tenant_uuid).into(),
        config.host.as_str().into(),
        config.port.into(),
        config.protocol_version.into(),
        config.protocol_security.as_deref().into(),
        config.bind_dn.as_deref().into(),
        config.bind_password.as_deref().into(),
        config.user_base_dn.as_str().into(),
        config.user_login_attribute.as_deref().into(),
        config.user_email_attribute.as_deref().into(),
        config.search_filters.as_deref().into(),
    ];
    conn.execute(&sql, &params)?;
    Ok(())
}

/// Deletes the configuration of a tenant; whether there was one.
///
/// # Errors
/// See [`get`].
pub fn delete(conn: &mut dyn Conn, tenant: &Uuid) -> Result<bool, Error> {
    let sql = "DELETE FROM auth_ldap_config WHERE tenant_uuid = ?1";
    Ok(conn.execute(sql, &[tenant.into()])? > 0)
}

fn from_row(row: &Row) -> Result<LdapConfig, Error> {
    Ok(LdapConfig {
        tenant_uuid: row.uuid(0)?,
        host: row.string(1)?,
        port: row.int(2)?,
        protocol_version: row.opt_int(3)?,
        protocol_security: row.opt_string(4)?,
        bind_dn: row.opt_string(5)?,
        bind_password: row.opt_string(6)?,
        user_base_dn: row.string(7)?,
        user_login_attribute: row.opt_string(8)?,
        user_email_attribute: row.opt_string(9)?,
        search_filters: row.opt_string(10)?,
    })
}
