//! Tokens: table `auth_token` (`contract/tokens.md`).

mod expiry;

use std::sync::Arc;

use uuid::Uuid;

pub use expiry::{Cursor, Expiring, expired, expiring_between};

use crate::index::IndexedToken;
use crate::{Conn, Error, IndexChange, Metadata, Owner, Row, Seals, Table, Value};

/// A token with everything that is stored of it.
#[derive(Clone, PartialEq)]
pub struct Token {
    /// `uuid`: the secret itself.
    pub uuid: Uuid,
    /// `auth_id`
    pub auth_id: String,
    /// `pbx_user_uuid`
    pub pbx_user_uuid: Option<String>,
    /// `xivo_uuid`
    pub xivo_uuid: Option<String>,
    /// `issued_t`: epoch seconds.
    pub issued_at: Option<i64>,
    /// `expire_t`: epoch seconds; none never expires.
    pub expires_at: Option<i64>,
    /// `metadata`
    pub metadata: Metadata,
    /// `session_uuid`
    pub session_uuid: Uuid,
    /// `user_agent`
    pub user_agent: String,
    /// `remote_addr`
    pub remote_addr: String,
    /// `acl`; tokens of one user share it.
    pub acl: Arc<[String]>,
    /// `refresh_token_uuid`: the refresh token it was made from, a secret too.
    pub refresh_token_uuid: Option<Uuid>,
}

/// A token to be added: all of it is chosen by the caller.
pub type NewToken = Token;

/// What the index needs of a row.
pub(crate) struct StoredToken<'a> {
    /// None when it was sealed under another key.
    pub token: Option<Uuid>,
    pub session: Uuid,
    pub expires: Option<i64>,
    pub owner: Owner,
    /// JSON text.
    pub acl: &'a str,
}

/// Nearly all rows are wanted: in the order of the table. The signs keep the
/// index on `expire_t` away, which would jump from page to page.
const SELECT_LIVE: &str = "SELECT uuid, session_uuid, expire_t, auth_id, metadata, acl \
    FROM auth_token WHERE +expire_t IS NULL OR +expire_t >= ?1";

pub(crate) const INSERT: &str = "INSERT INTO auth_token (uuid, auth_id, pbx_user_uuid, xivo_uuid, issued_t, \
    expire_t, metadata, session_uuid, user_agent, remote_addr, acl, refresh_token_uuid)";

// === impl StoredToken ===

impl<'a> StoredToken<'a> {
    /// What a row of [`each_live`] says.
    pub fn read(row: &'a Row, seals: &Seals) -> Result<Self, Error> {
        let no_object = || Error::Content { column: 4, wanted: "a JSON object" };
        Ok(Self {
            token: seals.read(Table::Token, row.text(0)?),
            session: row.uuid(1)?,
            expires: row.opt_int(2)?,
            owner: Owner::read(row.text(3)?, row.opt_text(4)?).ok_or_else(no_object)?,
            acl: row.text(5)?,
        })
    }
}

// === impl Token ===

/// Shows no secret.
impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("auth_id", &self.auth_id)
            .field("session_uuid", &self.session_uuid)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Adds a token, to the index as well once the transaction is committed.
///
/// # Errors
/// What the database reports; [`Error::Unique`] names `auth_token_pkey`,
/// [`Error::ForeignKey`] a missing session or refresh token.
pub fn insert(conn: &mut dyn Conn, token: &NewToken) -> Result<(), Error> {
    let sql = format!("{INSERT} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    let refresh_token = match &token.refresh_token_uuid {
        Some(refresh_token) => stored_refresh_token(conn, refresh_token)?,
        None => Value::Null,
    };
    add(conn, &sql, token, &[refresh_token]).map(drop)
}

/// [`insert`] of a token made from the refresh token that it names, if that is
/// still there and of this client; whether it is.
///
/// # Errors
/// See [`insert`].
pub fn insert_from_refresh_token(
    conn: &mut dyn Conn,
    token: &NewToken,
    refresh_token: &Uuid,
    client_id: &str,
) -> Result<bool, Error> {
    const FROM: &str = "SELECT uuid FROM auth_refresh_token WHERE client_id = ?14 AND uuid";
    let sql = format!(
        "{INSERT} SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, uuid \
         FROM ({FROM} = ?12 UNION ALL {FROM} = ?13) presented LIMIT 1"
    );
    let [sealed, clear] = conn.seals().find(Table::RefreshToken, refresh_token);
    add(conn, &sql, token, &[sealed, clear, client_id.into()])
}

/// Runs `sql` with the columns of `token` up to `acl` and then `more`; whether
/// it added a row.
fn add(conn: &mut dyn Conn, sql: &str, token: &NewToken, more: &[Value]) -> Result<bool, Error> {
    let mut params = columns(conn, token);
    params.extend_from_slice(more);
    let added = conn.execute(sql, &params)? > 0;
    if added {
        conn.index(indexed(token));
    }
    Ok(added)
}

/// What stands in the columns of [`INSERT`], up to `acl`.
pub(crate) fn columns(conn: &dyn Conn, token: &NewToken) -> Vec<Value> {
    vec![
        conn.seals().write(Table::Token, &token.uuid),
        token.auth_id.as_str().into(),
        token.pbx_user_uuid.as_deref().into(),
        token.xivo_uuid.as_deref().into(),
        token.issued_at.into(),
        token.expires_at.into(),
        (&token.metadata).into(),
        (&token.session_uuid).into(),
        token.user_agent.as_str().into(),
        token.remote_addr.as_str().into(),
        (&*token.acl).into(),
    ]
}

/// What the index is told of a new token.
pub(crate) fn indexed(token: &NewToken) -> IndexChange {
    IndexChange::Token(Box::new(IndexedToken {
        token: token.uuid,
        session: token.session_uuid,
        expires: token.expires_at,
        owner: Owner::new(&token.auth_id, &token.metadata),
        acl: token.acl.to_vec(),
    }))
}

/// The token of this value, expired or not.
///
/// # Errors
/// What the database reports; so for all functions below.
pub fn get(conn: &mut dyn Conn, token: &Uuid) -> Result<Option<Token>, Error> {
    let rows = conn.query(
        "SELECT auth_id, pbx_user_uuid, xivo_uuid, issued_t, expire_t, metadata, session_uuid, \
         user_agent, remote_addr, acl, refresh_token_uuid \
         FROM auth_token WHERE uuid IN (?1, ?2)",
        &conn.seals().find(Table::Token, token),
    )?;
    rows.first().map(|row| from_row(conn, *token, row)).transpose()
}

/// Deletes a token; whether it existed.
///
/// # Errors
/// See [`get`].
pub fn delete(conn: &mut dyn Conn, token: &Uuid) -> Result<bool, Error> {
    let params = conn.seals().find(Table::Token, token);
    let deleted = conn.execute("DELETE FROM auth_token WHERE uuid IN (?1, ?2)", &params)? > 0;
    if deleted {
        conn.index(IndexChange::RemoveToken(*token));
    }
    Ok(deleted)
}

/// The tokens of a session.
///
/// # Errors
/// See [`get`].
pub fn tokens_of_session(conn: &mut dyn Conn, session: &Uuid) -> Result<Vec<Uuid>, Error> {
    uuids(conn, "SELECT uuid FROM auth_token WHERE session_uuid = ?1", &[session.into()])
}

/// The tokens of a tenant's sessions.
pub(crate) fn of_tenant(conn: &mut dyn Conn, tenant: &Uuid) -> Result<Vec<Uuid>, Error> {
    let sql = "SELECT t.uuid FROM auth_session s JOIN auth_token t ON t.session_uuid = s.uuid \
         WHERE s.tenant_uuid = ?1";
    uuids(conn, sql, &[tenant.into()])
}

/// Hands over every token that is valid at `now`, for [`StoredToken::read`].
pub(crate) fn each_live(
    conn: &mut dyn Conn,
    now: i64,
    each: &mut dyn FnMut(Row) -> Result<(), Error>,
) -> Result<(), Error> {
    conn.each(SELECT_LIVE, &[now.into()], each)
}

/// The grants in the JSON text of an `acl` column.
pub(crate) fn parse_acl(json: &str) -> Result<Vec<String>, Error> {
    serde_json::from_str(json).map_err(|_| Error::Content { column: 5, wanted: "a list of texts" })
}

/// The text under which a refresh token stands in its table: the foreign key
/// must repeat a clear one of the original as it is.
fn stored_refresh_token(conn: &mut dyn Conn, refresh_token: &Uuid) -> Result<Value, Error> {
    let params = conn.seals().find(Table::RefreshToken, refresh_token);
    let rows = conn.query("SELECT uuid FROM auth_refresh_token WHERE uuid IN (?1, ?2)", &params)?;
    let [written, _] = params;
    Ok(rows.first().map_or(written, |row| row.value(0).clone()))
}

fn uuids(conn: &mut dyn Conn, sql: &str, params: &[Value]) -> Result<Vec<Uuid>, Error> {
    let rows = conn.query(sql, params)?;
    // One that cannot be read here is in no index and known to nobody.
    let read = |row: &Row| conn.seals().read(Table::Token, row.text(0).ok()?);
    Ok(rows.iter().filter_map(read).collect())
}

fn from_row(conn: &dyn Conn, uuid: Uuid, row: &Row) -> Result<Token, Error> {
    let refresh_token = row.opt_text(10)?;
    Ok(Token {
        uuid,
        auth_id: row.string(0)?,
        pbx_user_uuid: row.opt_string(1)?,
        xivo_uuid: row.opt_string(2)?,
        issued_at: row.opt_int(3)?,
        expires_at: row.opt_int(4)?,
        metadata: row.metadata(5)?,
        session_uuid: row.uuid(6)?,
        user_agent: row.opt_string(7)?.unwrap_or_default(),
        remote_addr: row.opt_string(8)?.unwrap_or_default(),
        acl: row.list(9)?.into(),
        refresh_token_uuid: refresh_token
            .and_then(|text| conn.seals().read(Table::RefreshToken, text)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::{connection::Reader, open};
    use crate::testing;

    #[test]
    fn the_index_is_loaded_in_the_order_of_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let opened = open::writer(&folder.path().join("auth.db"), &testing::context());
        let (conn, _lock) = opened.unwrap();
        let mut reader = Reader { conn: &conn, seals: &Seals::default() };
        let plan = reader.query(&format!("EXPLAIN QUERY PLAN {SELECT_LIVE}"), &[0.into()]);
        let plan = plan.unwrap();
        let steps = plan.iter().map(|row| row.text(3).unwrap()).collect::<Vec<_>>();
        assert_eq!(steps, ["SCAN auth_token"]);
    }
}
