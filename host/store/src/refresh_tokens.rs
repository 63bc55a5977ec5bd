//! Refresh tokens: table `auth_refresh_token` (`contract/tokens.md` section 5).

mod list;

use jiff::Timestamp;
use uuid::Uuid;

pub use list::{Item, LIST, Scope, list};

use crate::{Conn, Error, Metadata, Row, Table, Value};

/// A refresh token with everything that is stored of it.
#[derive(Clone, PartialEq)]
pub struct RefreshToken {
    /// `uuid`: the secret itself.
    pub uuid: Uuid,
    /// `client_id`; unique for its user.
    pub client_id: Option<String>,
    /// `user_uuid`
    pub user_uuid: Option<Uuid>,
    /// `backend`
    pub backend: Option<String>,
    /// `login`
    pub login: Option<String>,
    /// `user_agent`
    pub user_agent: Option<String>,
    /// `remote_addr`
    pub remote_addr: Option<String>,
    /// `created_at`, to the microsecond.
    pub created_at: Option<Timestamp>,
    /// `mobile`
    pub mobile: bool,
    /// `metadata`
    pub metadata: Metadata,
}

/// A row of a user, whether or not its value can be read here: one sealed under
/// a key that was lost still has its place in the table.
#[derive(Clone, PartialEq)]
pub struct Held {
    /// None when it was sealed under another key: nobody can present it.
    pub uuid: Option<Uuid>,
    /// `client_id`
    pub client_id: Option<String>,
    /// `mobile`
    pub mobile: bool,
    /// What stands in the column.
    stored: Value,
}

/// A refresh token to be added: all of it is chosen by the caller.
pub type NewRefreshToken = RefreshToken;

const SELECT: &str = "SELECT uuid, client_id, user_uuid, backend, login, user_agent, \
    remote_addr, created_at, mobile, metadata FROM auth_refresh_token WHERE";
const SELECT_HELD: &str = "SELECT uuid, client_id, mobile FROM auth_refresh_token WHERE";

// === impl RefreshToken ===

/// Shows no secret.
impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshToken")
            .field("client_id", &self.client_id)
            .field("user_uuid", &self.user_uuid)
            .field("mobile", &self.mobile)
            .finish_non_exhaustive()
    }
}

// === impl Held ===

impl Held {
    /// The value of columns that refer to it.
    pub(crate) fn stored(&self) -> Value {
        self.stored.clone()
    }
}

/// Shows no secret.
impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held")
            .field("readable", &self.uuid.is_some())
            .field("client_id", &self.client_id)
            .field("mobile", &self.mobile)
            .finish_non_exhaustive()
    }
}

/// Adds a refresh token.
///
/// # Errors
/// What the database reports; [`Error::Unique`] names
/// `auth_refresh_token_client_id_user_uuid` or `auth_refresh_token_pkey`,
/// [`Error::ForeignKey`] a missing user.
pub fn insert(conn: &mut dyn Conn, token: &NewRefreshToken) -> Result<(), Error> {
    let uuid = conn.seals().write(Table::RefreshToken, &token.uuid);
    conn.execute(
        "INSERT INTO auth_refresh_token (uuid, client_id, user_uuid, backend, login, user_agent, \
         remote_addr, created_at, mobile, metadata) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &[
            uuid,
            token.client_id.as_deref().into(),
            token.user_uuid.as_ref().into(),
            token.backend.as_deref().into(),
            token.login.as_deref().into(),
            token.user_agent.as_deref().into(),
            token.remote_addr.as_deref().into(),
            token.created_at.into(),
            token.mobile.into(),
            (&token.metadata).into(),
        ],
    )?;
    Ok(())
}

/// The refresh token of this value, if it is of this client. One sealed under
/// another key is as good as absent.
///
/// # Errors
/// What the database reports; so for all functions below.
pub fn get(
    conn: &mut dyn Conn,
    uuid: &Uuid,
    client_id: &str,
) -> Result<Option<RefreshToken>, Error> {
    let [sealed, clear] = conn.seals().find(Table::RefreshToken, uuid);
    // `IN (?1, ?2)` would build a table of the two for each look-up.
    let sql = format!(
        "{SELECT} uuid = ?1 AND client_id = ?3 UNION ALL \
         {SELECT} uuid = ?2 AND client_id = ?3 LIMIT 1"
    );
    let rows = conn.query(&sql, &[sealed, clear, client_id.into()])?;
    rows.first().map_or(Ok(None), |row| from_row(conn, row))
}

/// What a user holds for a client, readable or not.
///
/// # Errors
/// See [`get`].
pub fn find(conn: &mut dyn Conn, user: &Uuid, client_id: &str) -> Result<Option<Held>, Error> {
    let sql = format!("{SELECT_HELD} user_uuid = ?1 AND client_id = ?2");
    Ok(held(conn, &sql, &[user.into(), client_id.into()])?.into_iter().next())
}

/// What a user holds for mobile clients, readable or not, oldest first.
///
/// # Errors
/// See [`get`].
pub fn mobile_of_user(conn: &mut dyn Conn, user: &Uuid) -> Result<Vec<Held>, Error> {
    let sql = format!("{SELECT_HELD} user_uuid = ?1 AND mobile ORDER BY created_at, uuid");
    held(conn, &sql, &[user.into()])
}

/// Deletes a refresh token; whether it existed. Tokens made from it stay valid.
///
/// # Errors
/// See [`get`].
pub fn delete(conn: &mut dyn Conn, held: &Held) -> Result<bool, Error> {
    Ok(conn.execute("DELETE FROM auth_refresh_token WHERE uuid = ?1", &[held.stored()])? > 0)
}

/// Deletes what a user holds for a client, readable or not; whether there was
/// anything. Tokens made from it stay valid.
///
/// # Errors
/// See [`get`].
pub fn delete_of_client(conn: &mut dyn Conn, user: &Uuid, client_id: &str) -> Result<bool, Error> {
    let sql = "DELETE FROM auth_refresh_token WHERE user_uuid = ?1 AND client_id = ?2";
    Ok(conn.execute(sql, &[user.into(), client_id.into()])? > 0)
}

fn held(conn: &mut dyn Conn, sql: &str, params: &[Value]) -> Result<Vec<Held>, Error> {
    let rows = conn.query(sql, params)?;
    let from_row = |row: &Row| {
        let uuid = row.text(0).ok();
        Ok(Held {
            uuid: uuid.and_then(|text| conn.seals().read(Table::RefreshToken, text)),
            client_id: row.opt_string(1)?,
            mobile: row.bool(2)?,
            stored: row.value(0).clone(),
        })
    };
    rows.iter().map(from_row).collect()
}

fn from_row(conn: &dyn Conn, row: &Row) -> Result<Option<RefreshToken>, Error> {
    let Some(uuid) = conn.seals().read(Table::RefreshToken, row.text(0)?) else {
        return Ok(None);
    };
    Ok(Some(RefreshToken {
        uuid,
        client_id: row.opt_string(1)?,
        user_uuid: row.opt_uuid(2)?,
        backend: row.opt_string(3)?,
        login: row.opt_string(4)?,
        user_agent: row.opt_string(5)?,
        remote_addr: row.opt_string(6)?,
        created_at: row.opt_time(7)?,
        mobile: row.bool(8)?,
        metadata: row.metadata(9)?,
    }))
}
