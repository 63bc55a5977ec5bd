//! What hangs on a tenant and is shown with it: tables `auth_tenant_domain` and
//! `auth_address` (`contract/tenants.md` section 3).

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::{Conn, Error, Row, Value};

/// A domain of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// `uuid`
    pub uuid: Uuid,
    /// `name`; unique.
    pub name: String,
}

/// Where a tenant is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// `line_1`
    pub line_1: Option<String>,
    /// `line_2`
    pub line_2: Option<String>,
    /// `city`
    pub city: Option<String>,
    /// `state`
    pub state: Option<String>,
    /// `country`
    pub country: Option<String>,
    /// `zip_code`
    pub zip_code: Option<String>,
}

/// Domains and address of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// By name.
    pub domain_names: Vec<String>,
    /// All fields are none for a tenant without one.
    pub address: Address,
}

/// What hangs on each of these tenants: two statements, however many there are.
/// Tenants without anything may be missing.
///
/// # Errors
/// What the database reports; so for all functions here.
pub fn details(conn: &mut dyn Conn, tenants: &[Uuid]) -> Result<HashMap<Uuid, Details>, Error> {
    let wanted = [Value::List(tenants.iter().map(Uuid::to_string).collect())];
    let among = conn.dialect().in_list("tenant_uuid", "?1");
    let mut found: HashMap<Uuid, Details> = HashMap::new();
    let sql =
        format!("SELECT tenant_uuid, name FROM auth_tenant_domain WHERE {among} ORDER BY name");
    conn.each(&sql, &wanted, &mut |row| {
        found.entry(row.uuid(0)?).or_default().domain_names.push(row.string(1)?);
        Ok(())
    })?;
    // Should there be several, the oldest counts.
    let sql = format!(
        "SELECT tenant_uuid, line_1, line_2, city, state, country, zip_code FROM auth_address \
         WHERE {among} ORDER BY id DESC"
    );
    conn.each(&sql, &wanted, &mut |row| {
        found.entry(row.uuid(0)?).or_default().address = address(&row)?;
        Ok(())
    })?;
    Ok(found)
}

/// The domains of a tenant, by name.
///
/// # Errors
/// See [`details`].
pub fn domains(conn: &mut dyn Conn, tenant: &Uuid) -> Result<Vec<Domain>, Error> {
    let sql = "SELECT uuid, name FROM auth_tenant_domain WHERE tenant_uuid = ?1 ORDER BY name";
    let rows = conn.query(sql, &[tenant.into()])?;
    rows.iter().map(|row| Ok(Domain { uuid: row.uuid(0)?, name: row.string(1)? })).collect()
}

/// Whether another tenant than `tenant` has one of these domains.
///
/// # Errors
/// See [`details`].
pub fn domain_taken(conn: &mut dyn Conn, tenant: &Uuid, names: &[String]) -> Result<bool, Error> {
    let among = conn.dialect().in_list("name", "?2");
    let sql =
        format!("SELECT 1 FROM auth_tenant_domain WHERE tenant_uuid <> ?1 AND {among} LIMIT 1");
    Ok(!conn.query(&sql, &[tenant.into(), names.into()])?.is_empty())
}

/// Gives a tenant exactly these domains. One that it has already keeps its UUID.
///
/// # Errors
/// See [`details`]; [`Error::Unique`] names `auth_tenant_domain_name_key`,
/// [`Error::ForeignKey`] a missing tenant.
pub fn replace_domains(conn: &mut dyn Conn, tenant: &Uuid, wanted: &[Domain]) -> Result<(), Error> {
    let known = domains(conn, tenant)?;
    let names = |domains: &[Domain]| -> HashSet<String> {
        domains.iter().map(|domain| domain.name.clone()).collect()
    };
    let (kept, there) = (names(wanted), names(&known));
    for gone in known.iter().filter(|known| !kept.contains(&known.name)) {
        conn.execute("DELETE FROM auth_tenant_domain WHERE uuid = ?1", &[(&gone.uuid).into()])?;
    }
    for new in wanted.iter().filter(|domain| !there.contains(&domain.name)) {
        conn.execute(
            "INSERT INTO auth_tenant_domain (uuid, tenant_uuid, name) VALUES (?1, ?2, ?3)",
            &[(&new.uuid).into(), tenant.into(), new.name.as_str().into()],
        )?;
    }
    Ok(())
}

/// Gives a tenant this address, or none when nothing is known of it.
///
/// # Errors
/// See [`details`]; [`Error::ForeignKey`] names a missing tenant.
pub fn set_address(conn: &mut dyn Conn, tenant: &Uuid, address: &Address) -> Result<(), Error> {
    if *address == Address::default() {
        conn.execute("DELETE FROM auth_address WHERE tenant_uuid = ?1", &[tenant.into()])?;
        return Ok(());
    }
    let params = [
        tenant.into(),
        address.line_1.as_deref().into(),
        address.line_2.as_deref().into(),
        address.city.as_deref().into(),
        address.state.as_deref().into(),
        address.country.as_deref().into(),
        address.zip_code.as_deref().into(),
    ];
    let update = "UPDATE auth_address SET line_1 = ?2, line_2 = ?3, city = ?4, state = ?5, \
         country = ?6, zip_code = ?7 WHERE tenant_uuid = ?1";
    if conn.execute(update, &params)? == 0 {
        let insert = "INSERT INTO auth_address (tenant_uuid, line_1, line_2, city, state, \
             country, zip_code) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        conn.execute(insert, &params)?;
    }
    Ok(())
}

fn address(row: &Row) -> Result<Address, Error> {
    Ok(Address {
        line_1: row.opt_string(1)?,
        line_2: row.opt_string(2)?,
        city: row.opt_string(3)?,
        state: row.opt_string(4)?,
        country: row.opt_string(5)?,
        zip_code: row.opt_string(6)?,
    })
}
