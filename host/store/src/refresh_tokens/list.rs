//! Listing refresh tokens (`contract/tokens.md` section 5.2).

use jiff::Timestamp;
use uuid::Uuid;

use crate::list::{limit, offset, search_pattern};
use crate::{Conn, Dialect, Direction, Error, Metadata, Page, Row, Value};

/// A refresh token as lists show it: without its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// `client_id`
    pub client_id: Option<String>,
    /// `created_at`
    pub created_at: Option<Timestamp>,
    /// `mobile`
    pub mobile: bool,
    /// `user_uuid`
    pub user_uuid: Uuid,
    /// The user's current tenant.
    pub tenant_uuid: Uuid,
    /// `metadata`
    pub metadata: Metadata,
}

/// What is listed. The default is everything of no tenant: set the scope.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Whose refresh tokens.
    pub scope: Scope,
    /// Words searched in the client id.
    pub search: Option<String>,
    /// Only this client id.
    pub client_id: Option<String>,
    /// Only this creation time, to the microsecond.
    pub created_at: Option<Timestamp>,
    /// Only mobile ones, or only others.
    pub mobile: Option<bool>,
    /// The sort column.
    pub order: Order,
    /// Which way.
    pub direction: Direction,
    /// Rows of the page; none: all.
    pub limit: Option<u64>,
    /// Rows before the page.
    pub offset: u64,
}

/// Whose refresh tokens are listed and counted in `total`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those of the users that are now in one of these tenants.
    Tenants(Vec<Uuid>),
    /// Those of one user.
    User(Uuid),
}

/// The sort columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// `created_at`
    #[default]
    CreatedAt,
    /// `client_id`
    ClientId,
    /// `mobile`
    Mobile,
}

const FROM: &str = "FROM auth_refresh_token r JOIN auth_user u ON u.uuid = r.user_uuid";

/// One page and the counts: two queries.
///
/// # Errors
/// What the database reports.
pub fn list(conn: &mut dyn Conn, query: &ListQuery) -> Result<Page<Item>, Error> {
    let mut params = Vec::new();
    let scope = scope(conn, &query.scope, &mut params);
    let filters = filters(conn.dialect(), query, &mut params);
    let counts = conn.query(
        &format!("SELECT count(*), count(CASE WHEN {filters} THEN 1 END) {FROM} WHERE {scope}"),
        &params,
    )?;
    let count = |column| match counts.first() {
        Some(row) => Ok::<_, Error>(u64::try_from(row.int(column)?).unwrap_or(0)),
        None => Ok(0),
    };
    let (total, filtered) = (count(0)?, count(1)?);
    let order = query.order.column();
    let direction = query.direction.sql();
    let limit = parameter(&mut params, limit(query.limit));
    let offset = parameter(&mut params, offset(query.offset));
    let rows = conn.query(
        &format!(
            "SELECT r.client_id, r.created_at, r.mobile, u.uuid, u.tenant_uuid, r.metadata {FROM} \
             WHERE {scope} AND {filters} ORDER BY {order} {direction}, r.uuid \
             LIMIT {limit} OFFSET {offset}"
        ),
        &params,
    )?;
    let items = rows.iter().map(from_row).collect::<Result<_, _>>()?;
    Ok(Page { items, total, filtered })
}

fn scope(conn: &dyn Conn, scope: &Scope, params: &mut Vec<Value>) -> String {
    match scope {
        Scope::Tenants(tenants) => {
            let tenants = tenants.iter().map(Uuid::to_string).collect::<Vec<_>>();
            let tenants = parameter(params, Value::List(tenants));
            conn.dialect().in_list("u.tenant_uuid", &tenants)
        }
        Scope::User(user) => format!("u.uuid = {}", parameter(params, user)),
    }
}

fn filters(dialect: Dialect, query: &ListQuery, params: &mut Vec<Value>) -> String {
    let mut filters = vec!["1 = 1".to_owned()];
    if let Some(client_id) = &query.client_id {
        filters.push(format!("r.client_id = {}", parameter(params, client_id)));
    }
    if let Some(created_at) = query.created_at {
        filters.push(format!("r.created_at = {}", parameter(params, created_at)));
    }
    if let Some(mobile) = query.mobile {
        filters.push(format!("r.mobile = {}", parameter(params, mobile)));
    }
    if let Some(pattern) = query.search.as_deref().and_then(search_pattern) {
        let pattern = parameter(params, pattern);
        let client_id = dialect.fold("r.client_id");
        filters.push(format!(r"{client_id} LIKE {pattern} ESCAPE '\'"));
    }
    filters.join(" AND ")
}

/// Adds a parameter: its name in the text.
fn parameter(params: &mut Vec<Value>, value: impl Into<Value>) -> String {
    params.push(value.into());
    format!("?{}", params.len())
}

fn from_row(row: &Row) -> Result<Item, Error> {
    Ok(Item {
        client_id: row.opt_string(0)?,
        created_at: row.opt_time(1)?,
        mobile: row.bool(2)?,
        user_uuid: row.uuid(3)?,
        tenant_uuid: row.uuid(4)?,
        metadata: row.metadata(5)?,
    })
}

// === impl Scope ===

impl Default for Scope {
    fn default() -> Self {
        Self::Tenants(Vec::new())
    }
}

// === impl Order ===

impl Order {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "r.created_at",
            Self::ClientId => "r.client_id",
            Self::Mobile => "r.mobile",
        }
    }
}
