//! Sessions: table `auth_session` (`contract/tokens.md` section 8).

mod begin;
mod list;

use uuid::Uuid;

use crate::refresh_tokens::Held;
use crate::tokens::tokens_of_session;
use crate::{Conn, Dialect, Error, IndexChange, Row, Value};

pub use begin::{Beginning, Begun, begin};
pub use list::{LIST, Listed, Scope, list};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// `uuid`
    pub uuid: Uuid,
    /// `mobile`
    pub mobile: bool,
    /// `tenant_uuid`
    pub tenant_uuid: Uuid,
}

/// Adds a session.
///
/// # Errors
/// What the database reports; [`Error::Unique`] names `auth_session_pkey`,
/// [`Error::ForeignKey`] a missing tenant.
pub fn insert(conn: &mut dyn Conn, session: &Session) -> Result<(), Error> {
    conn.execute(
        "INSERT INTO auth_session (uuid, mobile, tenant_uuid) VALUES (?1, ?2, ?3)",
        &[(&session.uuid).into(), session.mobile.into(), (&session.tenant_uuid).into()],
    )?;
    Ok(())
}

/// The session of this UUID.
///
/// # Errors
/// What the database reports; so for all functions below.
pub fn get(conn: &mut dyn Conn, uuid: &Uuid) -> Result<Option<Session>, Error> {
    let sql = "SELECT uuid, mobile, tenant_uuid FROM auth_session WHERE uuid = ?1";
    Ok(many(conn, sql, &[uuid.into()])?.into_iter().next())
}

/// Keeps other transactions from doing the same with this session until the end of
/// this one. Where writes are serial there is nothing to do.
///
/// # Errors
/// See [`get`].
pub fn hold(conn: &mut dyn Conn, uuid: &Uuid) -> Result<(), Error> {
    if conn.dialect() == Dialect::Postgresql {
        let sql = "SELECT 1 FROM auth_session WHERE uuid = ?1 FOR NO KEY UPDATE";
        conn.query(sql, &[uuid.into()])?;
    }
    Ok(())
}

/// Deletes a session with its tokens; whether it existed.
///
/// # Errors
/// See [`get`].
pub fn delete(conn: &mut dyn Conn, uuid: &Uuid) -> Result<bool, Error> {
    let tokens = tokens_of_session(conn, uuid)?;
    let deleted = conn.execute("DELETE FROM auth_session WHERE uuid = ?1", &[uuid.into()])? > 0;
    for token in tokens {
        conn.index(IndexChange::RemoveToken(token));
    }
    Ok(deleted)
}

/// The number of sessions that have a token of this `auth_id`, expired ones
/// that were not purged yet included.
///
/// # Errors
/// See [`get`].
pub fn count_of_auth_id(conn: &mut dyn Conn, auth_id: &str) -> Result<i64, Error> {
    let sql = "SELECT count(DISTINCT session_uuid) FROM auth_token WHERE auth_id = ?1";
    conn.query(sql, &[auth_id.into()])?.first().map_or(Ok(0), |row| row.int(0))
}

/// The sessions that were made from a refresh token.
///
/// # Errors
/// See [`get`].
pub fn of_refresh_token(conn: &mut dyn Conn, refresh_token: &Held) -> Result<Vec<Session>, Error> {
    let sql = "SELECT s.uuid, s.mobile, s.tenant_uuid FROM auth_session s WHERE s.uuid IN \
         (SELECT session_uuid FROM auth_token WHERE refresh_token_uuid = ?1) ORDER BY s.uuid";
    many(conn, sql, &[refresh_token.stored()])
}

/// The sessions that have a token of this `auth_id`.
///
/// # Errors
/// See [`get`].
pub fn of_user(conn: &mut dyn Conn, auth_id: &str) -> Result<Vec<Session>, Error> {
    let sql = "SELECT s.uuid, s.mobile, s.tenant_uuid FROM auth_session s WHERE s.uuid IN \
         (SELECT session_uuid FROM auth_token WHERE auth_id = ?1) ORDER BY s.uuid";
    many(conn, sql, &[auth_id.into()])
}

/// Whether a session has a token of this `auth_id`.
///
/// # Errors
/// See [`get`].
pub fn is_of(conn: &mut dyn Conn, session: &Uuid, auth_id: &str) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM auth_token WHERE auth_id = ?2 AND session_uuid = ?1 LIMIT 1";
    Ok(!conn.query(sql, &[session.into(), auth_id.into()])?.is_empty())
}

/// The owner of a session: that of its tokens.
///
/// # Errors
/// See [`get`].
pub fn auth_id(conn: &mut dyn Conn, session: &Uuid) -> Result<Option<String>, Error> {
    let sql = "SELECT auth_id FROM auth_token WHERE session_uuid = ?1 LIMIT 1";
    let rows = conn.query(sql, &[session.into()])?;
    rows.first().map_or(Ok(None), |row| row.opt_string(0))
}

fn many(conn: &mut dyn Conn, sql: &str, params: &[Value]) -> Result<Vec<Session>, Error> {
    conn.query(sql, params)?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Session, Error> {
    Ok(Session { uuid: row.uuid(0)?, mobile: row.bool(1)?, tenant_uuid: row.uuid(2)? })
}
