//! Which key the tokens of a database need.

use rusqlite::{Connection, TransactionBehavior};

use crate::Sealer;

/// How many tokens and refresh tokens are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedTokens {
    /// Those that the key at hand can read.
    pub readable: u64,
    /// Those that need another key.
    pub unreadable: u64,
}

/// The rows of a table that are sealed: `~` and the characters of base64url,
/// all of which are below `~`.
const SEALED: &str = "uuid >= '~' AND uuid < char(127)";

/// How many tokens there are when `sealer` can read none of them, and zero when
/// it can: a few that it cannot read are no reason to keep the others out. They
/// are counted only then, because every start asks.
pub(crate) fn of_another_key(
    conn: &Connection,
    sealer: Option<&Sealer>,
) -> Result<u64, rusqlite::Error> {
    let readable = readable(sealer);
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM auth_token WHERE {readable}) \
         OR EXISTS (SELECT 1 FROM auth_refresh_token WHERE {readable})"
    );
    if conn.query_row(&sql, [], |row| row.get(0))? {
        return Ok(0);
    }
    count(conn, sealer).map(|sealed| sealed.unreadable)
}

pub(crate) fn count(
    conn: &Connection,
    sealer: Option<&Sealer>,
) -> Result<SealedTokens, rusqlite::Error> {
    let count = |condition: &str| -> Result<i64, rusqlite::Error> {
        let sql = format!(
            "SELECT (SELECT count(*) FROM auth_token WHERE {condition}) \
             + (SELECT count(*) FROM auth_refresh_token WHERE {condition})"
        );
        conn.query_row(&sql, [], |row| row.get(0))
    };
    let readable = count(&readable(sealer))?;
    let unreadable = count(SEALED)?.saturating_sub(readable);
    Ok(SealedTokens { readable: readable.unsigned_abs(), unreadable: unreadable.unsigned_abs() })
}

pub(crate) fn forget_unreadable(
    conn: &mut Connection,
    sealer: Option<&Sealer>,
) -> Result<u64, rusqlite::Error> {
    let unreadable = format!("{SEALED} AND NOT ({})", readable(sealer));
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = count(&tx, sealer)?;
    tx.execute_batch(&format!(
        "DELETE FROM auth_session
            WHERE uuid IN (SELECT session_uuid FROM auth_token WHERE {unreadable});
         DELETE FROM auth_token WHERE {unreadable};
         DELETE FROM auth_refresh_token WHERE {unreadable};"
    ))?;
    tx.commit()?;
    Ok(before.unreadable)
}

/// A condition: the row is sealed under the key of `sealer`.
fn readable(sealer: Option<&Sealer>) -> String {
    match sealer {
        Some(sealer) => {
            let mark = sealer.mark();
            format!("uuid >= '{mark}' AND uuid < '{mark}~'")
        }
        None => "false".to_owned(),
    }
}
