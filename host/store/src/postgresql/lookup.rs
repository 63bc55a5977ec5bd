//! What the index is filled with.

use uuid::Uuid;

use crate::index::IndexedToken;
use crate::tokens::{StoredToken, parse_acl};
use crate::{Conn, Error, Row, Seals, Table};

/// A token, and the tenant of the user it was given to.
pub(super) struct Found {
    pub token: IndexedToken,
    pub home: Option<Uuid>,
}

const COLUMNS: &str = "SELECT t.uuid, t.session_uuid, t.expire_t, t.auth_id, t.metadata, \
    array_to_json(t.acl)::text, u.tenant_uuid \
    FROM auth_token t LEFT JOIN auth_user u ON u.uuid = t.auth_id";

/// The token, if it is valid at `now` (epoch seconds).
pub(super) fn token(conn: &mut dyn Conn, token: &Uuid, now: i64) -> Result<Option<Found>, Error> {
    let [sealed, clear] = conn.seals().find(Table::Token, token);
    let sql =
        format!("{COLUMNS} WHERE t.uuid IN (?1, ?2) AND (t.expire_t IS NULL OR t.expire_t >= ?3)");
    let rows = conn.query(&sql, &[sealed, clear, now.into()])?;
    let seals = conn.seals().clone();
    rows.first().map_or(Ok(None), |row| found(row, &seals))
}

/// Up to `limit` tokens that are valid at `now`, in the order of what stands in
/// the table, after the row that the page before ended with; where this one ends.
pub(super) fn page(
    conn: &mut dyn Conn,
    after: &str,
    now: i64,
    limit: i64,
) -> Result<(Vec<Found>, Option<String>), Error> {
    let sql = format!(
        "{COLUMNS} WHERE t.uuid > ?1 AND (t.expire_t IS NULL OR t.expire_t >= ?2) \
         ORDER BY t.uuid LIMIT CAST(?3 AS bigint)"
    );
    let rows = conn.query(&sql, &[after.into(), now.into(), limit.into()])?;
    let seals = conn.seals().clone();
    // One that another program spoilt is not valid, and no reason to stop.
    let tokens = rows.iter().filter_map(|row| found(row, &seals).ok().flatten()).collect();
    let last = rows.last().map(|row| row.string(0)).transpose()?;
    Ok((tokens, last))
}

/// The tenant of a user.
pub(super) fn home(conn: &mut dyn Conn, user: &Uuid) -> Result<Option<Uuid>, Error> {
    let rows = conn.query("SELECT tenant_uuid FROM auth_user WHERE uuid = ?1", &[user.into()])?;
    rows.first().map(|row| row.uuid(0)).transpose()
}

/// A tenant and all above it, each with its parent.
pub(super) fn line(conn: &mut dyn Conn, tenant: &Uuid) -> Result<Vec<(Uuid, Uuid)>, Error> {
    let sql = format!(
        "SELECT uuid, parent_uuid FROM auth_tenant WHERE uuid IN ({})",
        crate::tenants::ancestors_of("?1")
    );
    let rows = conn.query(&sql, &[tenant.into()])?;
    rows.iter().map(|row| Ok((row.uuid(0)?, row.uuid(1)?))).collect()
}

fn found(row: &Row, seals: &Seals) -> Result<Option<Found>, Error> {
    let stored = StoredToken::read(row, seals)?;
    let StoredToken { token: Some(token), session, expires, owner, acl } = stored else {
        return Ok(None);
    };
    let acl = parse_acl(acl)?;
    let token = IndexedToken { token, session, expires, owner, acl };
    Ok(Some(Found { token, home: row.opt_uuid(6)? }))
}
