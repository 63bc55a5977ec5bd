//! Listing users (`contract/users.md` section 4, `contract/groups.md` section 5).

use std::collections::HashMap;

use uuid::Uuid;

use crate::list::{Filter, Kind, List, ListQuery, Page, Searched, Sql, Tenants};
use crate::users::Email;
use crate::{Conn, Error, Row, Value};

/// A user without what is only for its login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `uuid`
    pub uuid: Uuid,
    /// `username`
    pub username: Option<String>,
    /// `firstname`
    pub firstname: Option<String>,
    /// `lastname`
    pub lastname: Option<String>,
    /// `enabled`; NULL counts as disabled.
    pub enabled: Option<bool>,
    /// `tenant_uuid`
    pub tenant_uuid: Uuid,
    /// `purpose`
    pub purpose: String,
    /// `authentication_method`
    pub authentication_method: String,
    /// Its addresses, the main one first.
    pub emails: Vec<Email>,
}

/// Which users are listed and counted in `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of these tenants.
    Tenants(Tenants),
    /// The members of a group.
    OfGroup(Uuid),
}

/// The list of users.
pub const LIST: List = List {
    sort: &[("username", "u.username"), ("firstname", "u.firstname"), ("lastname", "u.lastname")],
    filters: &[
        Filter::text("uuid", "u.uuid = {}"),
        Filter::text("username", "u.username = {}"),
        Filter::text("firstname", "u.firstname = {}"),
        Filter::text("lastname", "u.lastname = {}"),
        Filter::text("purpose", "u.purpose = {}"),
        Filter::text(
            "email_address",
            "EXISTS (SELECT 1 FROM auth_email e WHERE e.user_uuid = u.uuid AND e.address = {})",
        ),
        Filter::text(
            "group_uuid",
            "u.uuid IN (SELECT user_uuid FROM auth_user_group WHERE group_uuid = {})",
        ),
        Filter::text(
            "policy_uuid",
            "u.uuid IN (SELECT user_uuid FROM auth_user_policy WHERE policy_uuid = {})",
        ),
        Filter::text(
            "policy_slug",
            "u.uuid IN (SELECT up.user_uuid FROM auth_user_policy up \
             JOIN auth_policy p ON p.uuid = up.policy_uuid WHERE p.slug = {})",
        ),
        Filter {
            name: "has_policy_uuid",
            kind: Kind::NonEmptyText,
            sql: "u.uuid IN (SELECT user_uuid FROM auth_user_policy WHERE policy_uuid = {} \
                  UNION SELECT ug.user_uuid FROM auth_user_group ug \
                  JOIN auth_group_policy gp ON gp.group_uuid = ug.group_uuid \
                  WHERE gp.policy_uuid = {})",
        },
        Filter {
            name: "has_policy_slug",
            kind: Kind::NonEmptyText,
            sql: "u.uuid IN (SELECT up.user_uuid FROM auth_user_policy up \
                  JOIN auth_policy p ON p.uuid = up.policy_uuid WHERE p.slug = {} \
                  UNION SELECT ug.user_uuid FROM auth_user_group ug \
                  JOIN auth_group_policy gp ON gp.group_uuid = ug.group_uuid \
                  JOIN auth_policy p ON p.uuid = gp.policy_uuid WHERE p.slug = {})",
        },
    ],
    search: &[
        Searched::Column("u.firstname"),
        Searched::Column("u.lastname"),
        Searched::Column("u.username"),
        Searched::Others(
            "EXISTS (SELECT 1 FROM auth_email e WHERE e.user_uuid = u.uuid AND {})",
            "e.address",
        ),
    ],
    columns: "u.uuid, u.username, u.firstname, u.lastname, u.enabled, u.tenant_uuid, u.purpose, \
              u.authentication_method",
    from: "auth_user u",
    key: "u.uuid",
};

/// The list of the members of a group.
pub const LIST_OF_GROUP: List = List {
    sort: &[("username", "u.username")],
    filters: &[
        Filter::text("uuid", "u.uuid = {}"),
        Filter::text("username", "u.username = {}"),
        Filter::text("firstname", "u.firstname = {}"),
        Filter::text("lastname", "u.lastname = {}"),
        Filter::text("purpose", "u.purpose = {}"),
        Filter::text(
            "email_address",
            "EXISTS (SELECT 1 FROM auth_email e WHERE e.user_uuid = u.uuid AND e.address = {})",
        ),
    ],
    from: "auth_user_group ug JOIN auth_user u ON u.uuid = ug.user_uuid",
    ..LIST
};

/// One page and the counts: three statements, however many users there are.
///
/// # Errors
/// What the database reports.
pub fn list(conn: &mut dyn Conn, scope: Scope, query: &ListQuery) -> Result<Page<Listed>, Error> {
    let mut sql = Sql::default();
    let mut page = match scope {
        Scope::Tenants(tenants) => {
            let scope = tenants.condition("u.tenant_uuid", &mut sql);
            LIST.page(conn, sql, &scope, query, from_row)?
        }
        Scope::OfGroup(group) => {
            let scope = format!("ug.group_uuid = {}", sql.add(&group));
            LIST_OF_GROUP.page(conn, sql, &scope, query, from_row)?
        }
    };
    add_emails(conn, &mut page.items)?;
    Ok(page)
}

fn add_emails(conn: &mut dyn Conn, users: &mut [Listed]) -> Result<(), Error> {
    let ids = users.iter().map(|user| user.uuid.to_string()).collect();
    let of_users = conn.dialect().in_list("user_uuid", "?1");
    let sql = format!(
        "SELECT user_uuid, uuid, address, main, confirmed FROM auth_email \
         WHERE {of_users} ORDER BY main DESC, address"
    );
    let mut emails: HashMap<Uuid, Vec<Email>> = HashMap::new();
    conn.each(&sql, &[Value::List(ids)], &mut |row| {
        emails.entry(row.uuid(0)?).or_default().push(Email {
            uuid: row.uuid(1)?,
            address: row.string(2)?,
            main: row.bool(3)?,
            confirmed: row.bool(4)?,
        });
        Ok(())
    })?;
    for user in users {
        user.emails = emails.remove(&user.uuid).unwrap_or_default();
    }
    Ok(())
}

/// The first columns of a row, without addresses.
pub(super) fn from_row(row: &Row) -> Result<Listed, Error> {
    Ok(Listed {
        uuid: row.uuid(0)?,
        username: row.opt_string(1)?,
        firstname: row.opt_string(2)?,
        lastname: row.opt_string(3)?,
        enabled: row.opt_bool(4)?,
        tenant_uuid: row.uuid(5)?,
        purpose: row.string(6)?,
        authentication_method: row.string(7)?,
        emails: Vec::new(),
    })
}
