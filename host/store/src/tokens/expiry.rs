//! Tokens that are expired or about to be (`contract/tokens.md` section 9).

use uuid::Uuid;

use crate::{Conn, Dialect, Error, Metadata, Row, Table, Value};

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
    /// [`Dialect::insertion_key`]
    key: Value,
}

const SELECT: &str = "SELECT uuid, session_uuid, auth_id, metadata, expire_t";

/// Up to `limit` tokens whose expiry is strictly before `before` (epoch
/// seconds), oldest expiry first.
///
/// # Errors
/// What the database reports.
pub fn expired(conn: &mut dyn Conn, before: i64, limit: u32) -> Result<Vec<Expiring>, Error> {
    let rows =
        conn.query(&select_expired(conn.dialect()), &[before.into(), i64::from(limit).into()])?;
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
    let rows = match after {
        None => {
            let sql = select_first_expiring(conn.dialect());
            conn.query(&sql, &[until.into(), from.into(), i64::from(limit).into()])?
        }
        Some(Cursor { expires_at, key }) => {
            let limit = i64::from(limit).into();
            let sql = select_expiring(conn.dialect());
            conn.query(&sql, &[until.into(), (*expires_at).into(), key.clone(), limit])?
        }
    };
    let full = rows.len() >= limit as usize;
    let cursor = match rows.last() {
        Some(last) if full => Some(Cursor { expires_at: last.int(4)?, key: last.value(5).clone() }),
        _ => None,
    };
    let page = rows.iter().map(|row| from_row(conn, row)).collect::<Result<_, _>>()?;
    Ok((page, cursor))
}

/// As in the index: it ends with the insertion, so that a new token comes after
/// those that expire in the same second and not anywhere between them.
const IN_ORDER: &str = "ORDER BY expire_t, inserted LIMIT";

fn select(dialect: Dialect) -> String {
    format!("{SELECT}, {} AS inserted FROM auth_token WHERE", dialect.insertion_key())
}

fn select_expired(dialect: Dialect) -> String {
    format!("{} expire_t < ?1 {IN_ORDER} ?2", select(dialect))
}

fn select_first_expiring(dialect: Dialect) -> String {
    format!("{} expire_t >= ?2 AND expire_t < ?1 {IN_ORDER} ?3", select(dialect))
}

fn select_expiring(dialect: Dialect) -> String {
    let (select, key) = (select(dialect), dialect.insertion_key());
    // Said as `(expire_t, key) > (?2, ?3)`, it would not go straight to the key.
    format!(
        "{select} expire_t = ?2 AND expire_t < ?1 AND {key} > ?3 UNION ALL \
         {select} expire_t > ?2 AND expire_t < ?1 {IN_ORDER} ?4"
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seals;
    use crate::sqlite::{connection::Reader, open};
    use crate::testing;

    #[test]
    fn tokens_come_in_the_order_of_their_index_and_are_not_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let opened = open::writer(&folder.path().join("auth.db"), &testing::context());
        let (conn, _lock) = opened.unwrap();
        let mut reader = Reader { conn: &conn, seals: &Seals::default() };
        let dialect = Dialect::Sqlite;
        for (sql, params) in [
            (select_expired(dialect), 2),
            (select_first_expiring(dialect), 3),
            (select_expiring(dialect), 4),
        ] {
            let params = vec![Value::Int(0); params];
            let plan = reader.query(&format!("EXPLAIN QUERY PLAN {sql}"), &params).unwrap();
            let steps = plan.iter().map(|row| row.text(3).unwrap()).collect::<Vec<_>>().join("; ");
            assert!(
                !steps.contains("TEMP B-TREE") && !steps.contains("SCAN auth_token"),
                "{steps}"
            );
            assert!(steps.contains("USING INDEX wazo_auth__idx__token__expire_t"), "{steps}");
        }
    }
}
