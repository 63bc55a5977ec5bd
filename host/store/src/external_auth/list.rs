//! Listing types and their users (`contract/external-auth.md` sections 3.1 and 3.3).

use std::collections::HashMap;

use uuid::Uuid;

use crate::list::{Filter, List, ListQuery, Page, Searched, Sql, Tenants};
use crate::{Conn, Error};

/// An enabled type, as the list of a user shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `name`
    pub name: String,
    /// What the user has of it.
    pub data: Option<String>,
}

/// The list of the enabled types.
pub const LIST: List = List {
    sort: &[("type", "t.name")],
    filters: &[Filter::text("type", "t.name = {}")],
    search: &[Searched::Column("t.name")],
    columns: "t.name, t.uuid",
    from: "auth_external_auth_type t",
    key: "t.uuid",
};

/// The list of the users of a type: in no order, and not to be searched.
pub const LIST_OF_USERS: List = List {
    sort: &[],
    filters: &[],
    search: &[],
    columns: "u.uuid",
    from: "auth_user_external_auth a JOIN auth_user u ON u.uuid = a.user_uuid",
    key: "u.uuid",
};

/// One page of the enabled types with what a user, who need not exist, has of
/// them; and the counts.
///
/// # Errors
/// What the database reports.
pub fn list(conn: &mut dyn Conn, user: &Uuid, query: &ListQuery) -> Result<Page<Listed>, Error> {
    let mut sql = Sql::default();
    let scope = format!("t.enabled = {}", sql.add(true));
    let page = LIST.page(conn, sql, &scope, query, |row| Ok((row.string(0)?, row.uuid(1)?)))?;
    let mut data = all_of_user(conn, user)?;
    let items = page.items.into_iter();
    let items = items.map(|(name, uuid)| Listed { name, data: data.remove(&uuid) }).collect();
    Ok(Page { items, total: page.total, filtered: page.filtered })
}

/// One page of the users who have something of a type; and the counts.
///
/// # Errors
/// What the database reports.
pub fn list_users(
    conn: &mut dyn Conn,
    of: &Uuid,
    tenants: Tenants,
    query: &ListQuery,
) -> Result<Page<Uuid>, Error> {
    let mut sql = Sql::default();
    let of = sql.add(of);
    let scope = tenants.condition("u.tenant_uuid", &mut sql);
    let scope = format!("a.external_auth_type_uuid = {of} AND {scope}");
    LIST_OF_USERS.page(conn, sql, &scope, query, |row| row.uuid(0))
}

fn all_of_user(conn: &mut dyn Conn, user: &Uuid) -> Result<HashMap<Uuid, String>, Error> {
    let sql = "SELECT external_auth_type_uuid, data FROM auth_user_external_auth \
         WHERE user_uuid = ?1";
    conn.query(sql, &[user.into()])?.iter().map(|row| Ok((row.uuid(0)?, row.string(1)?))).collect()
}
