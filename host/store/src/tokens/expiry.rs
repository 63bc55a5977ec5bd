//! Tokens that are expired or about to be (`contract/tokens.md` section 9).

use uuid::Uuid;

use crate::{Conn, Error, Metadata, Row, Table, Value};

/// A token at the end of its life.
#[derive(Debug, Clone, PartialEq)]
pub struct Expiring {
    /// The token; none when it cannot be read here.
    pub token: Option<Uuid>,
    /// Its session.
    pub session_uuid: Uuid,
    /// Its owner; empty when it cannot be understood.
    pub auth_id: String,
    /// Its metadata; empty when they cannot be understood.
    pub metadata: Metadata,
    /// Epoch seconds.
    pub expires_at: i64,
}

/// Where a page ended, for the next one.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    expires_at: i64,
    uuid: String,
}

const SELECT: &str = "SELECT uuid, session_uuid, auth_id, metadata, expire_t FROM auth_token WHERE";

/// Up to `limit` tokens whose expiry is strictly before `before` (epoch
/// seconds), oldest expiry first.
///
/// # Errors
/// What the database reports.
pub fn expired(conn: &mut dyn Conn, before: i64, limit: u32) -> Result<Vec<Expiring>, Error> {
    let sql = format!("{SELECT} expire_t < ?1 ORDER BY expire_t, uuid LIMIT ?2");
    let rows = conn.query(&sql, &[before.into(), i64::from(limit).into()])?;
    rows.iter().map(|row| from_row(conn, row)).collect()
}

/// Up to `limit` tokens that expire at or after `from` and strictly before
/// `until` (epoch seconds), in order, after the cursor of the previous page.
/// No cursor comes back with the last page.
///
/// # Errors
/// What the database reports.
pub fn expiring_between(
    conn: &mut dyn Conn,
    from: i64,
    until: i64,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<(Vec<Expiring>, Option<Cursor>), Error> {
    let sql = format!(
        "{SELECT} expire_t >= ?1 AND expire_t < ?2 AND (expire_t, uuid) > (?3, ?4) \
         ORDER BY expire_t, uuid LIMIT ?5"
    );
    // No text is before the empty one.
    let after = after.map_or((from, ""), |after| (after.expires_at, after.uuid.as_str()));
    let params: [Value; 5] =
        [from.into(), until.into(), after.0.into(), after.1.into(), i64::from(limit).into()];
    let rows = conn.query(&sql, &params)?;
    let full = rows.len() >= limit as usize;
    let cursor = match rows.last() {
        Some(last) if full => Some(Cursor { expires_at: last.int(4)?, uuid: last.string(0)? }),
        _ => None,
    };
    let page = rows.iter().map(|row| from_row(conn, row)).collect::<Result<_, _>>()?;
    Ok((page, cursor))
}

/// A token that another program spoilt must end as well: all that this takes is
/// its session.
fn from_row(conn: &dyn Conn, row: &Row) -> Result<Expiring, Error> {
    let token = row.text(0).ok().and_then(|text| conn.seals().read(Table::Token, text));
    Ok(Expiring {
        token,
        session_uuid: row.uuid(1)?,
        auth_id: row.string(2).unwrap_or_default(),
        metadata: row.metadata(3).unwrap_or_default(),
        expires_at: row.int(4)?,
    })
}
