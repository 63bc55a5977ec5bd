//! Listing sessions (`contract/tokens.md` section 8). One without a token is not
//! listed.

use uuid::Uuid;

use crate::list::{List, ListQuery, Page, Sql, Tenants};
use crate::{Conn, Error, Row, TokenIndex};

/// A session as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `uuid`
    pub uuid: Uuid,
    /// `mobile`
    pub mobile: bool,
    /// `tenant_uuid`
    pub tenant_uuid: Uuid,
    /// The owner of its token, if that is a user.
    pub user_uuid: Option<Uuid>,
}

/// Which sessions are listed and counted in `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of these tenants.
    Tenants(Tenants),
    /// Those of a user.
    OfUser(Uuid),
}

/// The list of sessions.
pub const LIST: List = List {
    sort: &[("mobile", "s.mobile")],
    filters: &[],
    search: &[],
    columns: "s.uuid, s.mobile, s.tenant_uuid, \
              (SELECT t.auth_id FROM auth_token t WHERE t.session_uuid = s.uuid LIMIT 1)",
    from: "auth_session s",
    key: "s.uuid",
};

/// One page and the counts.
///
/// # Errors
/// What the database reports.
pub fn list(conn: &mut dyn Conn, scope: Scope, query: &ListQuery) -> Result<Page<Listed>, Error> {
    let mut sql = Sql::default();
    let scope = match scope {
        Scope::Tenants(tenants) => format!(
            "{} AND EXISTS (SELECT 1 FROM auth_token t WHERE t.session_uuid = s.uuid)",
            tenants.condition("s.tenant_uuid", &mut sql)
        ),
        Scope::OfUser(user) => format!(
            "s.uuid IN (SELECT session_uuid FROM auth_token WHERE auth_id = {})",
            sql.add(&user)
        ),
    };
    LIST.page(conn, sql, &scope, query, from_row)
}

fn from_row(row: &Row) -> Result<Listed, Error> {
    let owner = row.opt_string(3)?;
    Ok(Listed {
        uuid: row.uuid(0)?,
        mobile: row.bool(1)?,
        tenant_uuid: row.uuid(2)?,
        user_uuid: owner.as_deref().and_then(TokenIndex::parse_token),
    })
}
