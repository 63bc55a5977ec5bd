//! Users: tables `auth_user` and `auth_email` (`contract/users.md`).

mod list;

use std::fmt;
use std::ops::Deref;

use uuid::Uuid;

use crate::{Conn, Dialect, Error, IndexChange, Row, Sent, Value};

pub use list::{LIST, LIST_OF_GROUP, Listed, Scope, list};

/// A user with what decides its login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What everybody may see of it, whose fields are its own too.
    pub shown: Listed,
    /// The tenant's `default_authentication_method`.
    pub tenant_default_method: String,
    /// Hash and salt, when both are there.
    pub password: Option<StoredPassword>,
}

/// `password_hash` and `password_salt` (`contract/users.md` section 10.1).
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// Lower-case hexadecimal.
    pub hash: String,
    /// As it is hashed.
    pub salt: Vec<u8>,
}

/// An address of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// `uuid`
    pub uuid: Uuid,
    /// `address`
    pub address: String,
    /// `main`
    pub main: bool,
    /// `confirmed`: whether it may be used as a login.
    pub confirmed: bool,
}

/// A user to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// `uuid`
    pub uuid: Uuid,
    /// `username`
    pub username: Option<String>,
    /// `firstname`
    pub firstname: Option<String>,
    /// `lastname`
    pub lastname: Option<String>,
    /// `enabled`
    pub enabled: bool,
    /// `tenant_uuid`
    pub tenant_uuid: Uuid,
    /// `purpose`: `user`, `internal` or `external_api`.
    pub purpose: String,
    /// `authentication_method`
    pub authentication_method: String,
    /// Hash and salt.
    pub password: Option<StoredPassword>,
}

/// The fields of a user that can be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// `username`
    pub username: Option<String>,
    /// `firstname`
    pub firstname: Option<String>,
    /// `lastname`
    pub lastname: Option<String>,
    /// `enabled`
    pub enabled: bool,
    /// `purpose`
    pub purpose: String,
    /// `authentication_method`
    pub authentication_method: String,
}

const COLUMNS: &str = "u.uuid, u.username, u.firstname, u.lastname, u.enabled, u.tenant_uuid, \
    u.purpose, u.authentication_method, t.default_authentication_method, u.password_hash, \
    u.password_salt, m.uuid, m.address, m.main, m.confirmed";

// === impl User ===

impl Deref for User {
    type Target = Listed;

    fn deref(&self) -> &Listed {
        &self.shown
    }
}

// === impl StoredPassword ===

/// Shows neither.
impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredPassword(…)")
    }
}

/// The user of this UUID.
///
/// # Errors
/// What the database reports; so for all functions here.
pub fn get(conn: &mut dyn Conn, uuid: &Uuid) -> Result<Option<User>, Error> {
    let sent = send_get(conn, uuid)?;
    got(conn, sent)
}

/// [`get`], [sent](Conn::send): for [`got`].
///
/// # Errors
/// See [`get`].
pub fn send_get(conn: &mut dyn Conn, uuid: &Uuid) -> Result<Sent, Error> {
    send_one(conn, "SELECT uuid FROM auth_user WHERE uuid = ?1", &[uuid.into()])
}

/// The answer to [`send_get`].
///
/// # Errors
/// See [`get`].
pub fn got(conn: &mut dyn Conn, sent: Sent) -> Result<Option<User>, Error> {
    let rows = conn.rows(sent)?;
    rows.first().map(|first| from_rows(first, &rows)).transpose()
}

/// The enabled user that a login names (`contract/tokens.md` section 4.5),
/// ignoring case: by a confirmed address first, else by username.
///
/// # Errors
/// See [`get`].
pub fn by_login(conn: &mut dyn Conn, login: &str) -> Result<Option<User>, Error> {
    let named = named(conn.dialect());
    one(conn, &named, &[login.into()])
}

/// The UUID of [`by_login`].
///
/// # Errors
/// See [`get`].
pub fn uuid_by_login(conn: &mut dyn Conn, login: &str) -> Result<Option<Uuid>, Error> {
    let sent = send_uuid_by_login(conn, login)?;
    got_uuid(conn, sent)
}

/// [`uuid_by_login`], [sent](Conn::send): for [`got_uuid`].
///
/// # Errors
/// See [`get`].
pub fn send_uuid_by_login(conn: &mut dyn Conn, login: &str) -> Result<Sent, Error> {
    let named = named(conn.dialect());
    conn.send(&named, &[login.into()])
}

/// The answer to [`send_uuid_by_login`].
///
/// # Errors
/// See [`get`].
pub fn got_uuid(conn: &mut dyn Conn, sent: Sent) -> Result<Option<Uuid>, Error> {
    conn.rows(sent)?.first().map(|row| row.uuid(0)).transpose()
}

/// The user of a tenant, enabled or not, who has this address, confirmed or not, or
/// else this username, ignoring case (`contract/ldap-config.md` section 5).
///
/// # Errors
/// See [`get`].
pub fn of_tenant_by_login(
    conn: &mut dyn Conn,
    tenant: &Uuid,
    login: &str,
) -> Result<Option<User>, Error> {
    let dialect = conn.dialect();
    let (address, username) = (dialect.same("e.address", "?2"), dialect.same("u.username", "?2"));
    let named = format!(
        "SELECT u.uuid AS uuid, 0 AS preference FROM auth_email e \
         JOIN auth_user u ON u.uuid = e.user_uuid WHERE {address} AND u.tenant_uuid = ?1 \
         UNION ALL \
         SELECT u.uuid, 1 FROM auth_user u WHERE {username} AND u.tenant_uuid = ?1 \
         ORDER BY preference LIMIT 1"
    );
    one(conn, &named, &[tenant.into(), login.into()])
}

/// The user, enabled or not, of this username, ignoring case.
///
/// # Errors
/// See [`get`].
pub fn uuid_by_username(conn: &mut dyn Conn, username: &str) -> Result<Option<Uuid>, Error> {
    let sql = format!("SELECT uuid FROM auth_user WHERE {}", conn.dialect().same("username", "?1"));
    conn.query(&sql, &[username.into()])?.first().map(|row| row.uuid(0)).transpose()
}

/// By what somebody names a user who cannot log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The username.
    ByUsername,
    /// An address, confirmed or not.
    ByAddress,
    /// Either of them.
    ByLogin,
}

/// A user, enabled or not, who is named in this way, ignoring case; one of them,
/// should there be several.
///
/// # Errors
/// See [`get`].
pub fn by_name(conn: &mut dyn Conn, named: Named, name: &str) -> Result<Option<User>, Error> {
    let address = conn.dialect().same("address", "?1");
    let address =
        format!("SELECT user_uuid AS uuid, 0 AS preference FROM auth_email WHERE {address}");
    let username = conn.dialect().same("username", "?1");
    let username = format!("SELECT uuid, 1 AS preference FROM auth_user WHERE {username}");
    let named = match named {
        Named::ByAddress => address,
        Named::ByUsername => username,
        Named::ByLogin => format!("{address} UNION ALL {username}"),
    };
    one(conn, &format!("{named} ORDER BY preference LIMIT 1"), &[name.into()])
}

/// The authentication methods that users have of their own.
///
/// # Errors
/// See [`get`].
pub fn authentication_methods(conn: &mut dyn Conn) -> Result<Vec<String>, Error> {
    let sql = "SELECT DISTINCT authentication_method FROM auth_user ORDER BY authentication_method";
    conn.query(sql, &[])?.iter().map(|row| row.string(0)).collect()
}

/// The users who have this authentication method of their own.
///
/// # Errors
/// See [`get`].
pub fn with_authentication_method(conn: &mut dyn Conn, method: &str) -> Result<Vec<Uuid>, Error> {
    let sql = "SELECT uuid FROM auth_user WHERE authentication_method = ?1 ORDER BY uuid";
    conn.query(sql, &[method.into()])?.iter().map(|row| row.uuid(0)).collect()
}

/// A query for the UUID of the enabled user that the login `?1` names.
fn named(dialect: Dialect) -> String {
    let address = dialect.same("e.address", "?1");
    let username = dialect.same("u.username", "?1");
    format!(
        "SELECT u.uuid AS uuid, 0 AS preference FROM auth_email e \
         JOIN auth_user u ON u.uuid = e.user_uuid \
         WHERE {address} AND e.confirmed AND u.enabled \
         UNION ALL \
         SELECT u.uuid, 1 FROM auth_user u WHERE {username} AND u.enabled \
         ORDER BY preference LIMIT 1"
    )
}

/// Whether a username or an address, confirmed or not, of any user equals this
/// login ignoring case; of any user but `but`, if there is one.
///
/// # Errors
/// See [`get`].
pub fn login_taken(conn: &mut dyn Conn, login: &str, but: Option<&Uuid>) -> Result<bool, Error> {
    let username = conn.dialect().same("username", "?1");
    let address = conn.dialect().same("address", "?1");
    let sql = format!(
        "SELECT 1 FROM auth_user WHERE {username} AND uuid <> ?2 \
         UNION ALL SELECT 1 FROM auth_email WHERE {address} AND user_uuid <> ?2 LIMIT 1"
    );
    let but = but.map_or_else(|| "".into(), Value::from);
    Ok(!conn.query(&sql, &[login.into(), but])?.is_empty())
}

/// Whether a user of this UUID exists.
///
/// # Errors
/// See [`get`].
pub fn uuid_taken(conn: &mut dyn Conn, uuid: &Uuid) -> Result<bool, Error> {
    Ok(!conn.query("SELECT 1 FROM auth_user WHERE uuid = ?1", &[uuid.into()])?.is_empty())
}

/// The tenant of a user.
///
/// # Errors
/// See [`get`].
pub fn tenant_of(conn: &mut dyn Conn, uuid: &Uuid) -> Result<Option<Uuid>, Error> {
    let rows = conn.query("SELECT tenant_uuid FROM auth_user WHERE uuid = ?1", &[uuid.into()])?;
    rows.first().map(|row| row.uuid(0)).transpose()
}

/// Adds a user (the row alone, in no group).
///
/// # Errors
/// See [`get`]; [`Error::Unique`] names `auth_user_pkey` or
/// `auth_user_username_key`, [`Error::ForeignKey`] a missing tenant.
pub fn insert(conn: &mut dyn Conn, user: &NewUser) -> Result<(), Error> {
    conn.execute(
        "INSERT INTO auth_user (uuid, username, password_hash, password_salt, firstname, \
         lastname, enabled, tenant_uuid, purpose, authentication_method) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &[
            (&user.uuid).into(),
            user.username.as_deref().into(),
            hash(user.password.as_ref()),
            salt(user.password.as_ref()),
            user.firstname.as_deref().into(),
            user.lastname.as_deref().into(),
            user.enabled.into(),
            (&user.tenant_uuid).into(),
            user.purpose.as_str().into(),
            user.authentication_method.as_str().into(),
        ],
    )?;
    conn.index(IndexChange::UserTenant(user.uuid, Some(user.tenant_uuid)));
    Ok(())
}

/// Adds an address to a user.
///
/// # Errors
/// See [`get`]; [`Error::Unique`] names `auth_email_pkey` or
/// `auth_email_address_key`, [`Error::ForeignKey`] a missing user.
pub fn insert_email(conn: &mut dyn Conn, user: &Uuid, email: &Email) -> Result<(), Error> {
    conn.execute(
        "INSERT INTO auth_email (uuid, address, confirmed, main, user_uuid) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            (&email.uuid).into(),
            email.address.as_str().into(),
            email.confirmed.into(),
            email.main.into(),
            user.into(),
        ],
    )?;
    Ok(())
}

/// Changes an address, which keeps its user; whether it exists.
///
/// # Errors
/// See [`insert_email`].
pub fn update_email(conn: &mut dyn Conn, email: &Email) -> Result<bool, Error> {
    let sql = "UPDATE auth_email SET address = ?2, confirmed = ?3, main = ?4 WHERE uuid = ?1";
    let Email { uuid, address, main, confirmed } = email;
    let params = [uuid.into(), address.into(), (*confirmed).into(), (*main).into()];
    Ok(conn.execute(sql, &params)? > 0)
}

/// Whose address it is.
///
/// # Errors
/// See [`get`].
pub fn owner_of_email(conn: &mut dyn Conn, email: &Uuid) -> Result<Option<Uuid>, Error> {
    let rows = conn.query("SELECT user_uuid FROM auth_email WHERE uuid = ?1", &[email.into()])?;
    rows.first().map(|row| row.uuid(0)).transpose()
}

/// Lets an address be used as a login; whether it exists.
///
/// # Errors
/// See [`get`].
pub fn confirm_email(conn: &mut dyn Conn, email: &Uuid) -> Result<bool, Error> {
    let sql = "UPDATE auth_email SET confirmed = ?2 WHERE uuid = ?1";
    Ok(conn.execute(sql, &[email.into(), true.into()])? > 0)
}

/// Deletes an address; whether it existed.
///
/// # Errors
/// See [`get`].
pub fn delete_email(conn: &mut dyn Conn, email: &Uuid) -> Result<bool, Error> {
    Ok(conn.execute("DELETE FROM auth_email WHERE uuid = ?1", &[email.into()])? > 0)
}

/// Replaces the fields of a user; whether it exists.
///
/// # Errors
/// See [`get`]; [`Error::Unique`] names `auth_user_username_key`.
pub fn update(conn: &mut dyn Conn, user: &Uuid, update: &Update) -> Result<bool, Error> {
    let sql = "UPDATE auth_user SET username = ?2, firstname = ?3, lastname = ?4, enabled = ?5, \
         purpose = ?6, authentication_method = ?7 WHERE uuid = ?1";
    let params = [
        user.into(),
        update.username.as_deref().into(),
        update.firstname.as_deref().into(),
        update.lastname.as_deref().into(),
        update.enabled.into(),
        update.purpose.as_str().into(),
        update.authentication_method.as_str().into(),
    ];
    Ok(conn.execute(sql, &params)? > 0)
}

/// Stores another password, or none; whether the user exists.
///
/// # Errors
/// See [`get`].
pub fn set_password(
    conn: &mut dyn Conn,
    user: &Uuid,
    password: Option<&StoredPassword>,
) -> Result<bool, Error> {
    let sql = "UPDATE auth_user SET password_hash = ?2, password_salt = ?3 WHERE uuid = ?1";
    Ok(conn.execute(sql, &[user.into(), hash(password), salt(password)])? > 0)
}

/// Enables or disables a user; whether it exists.
///
/// # Errors
/// See [`get`].
pub fn set_enabled(conn: &mut dyn Conn, user: &Uuid, enabled: bool) -> Result<bool, Error> {
    let sql = "UPDATE auth_user SET enabled = ?2 WHERE uuid = ?1";
    Ok(conn.execute(sql, &[user.into(), enabled.into()])? > 0)
}

/// Gives a user another authentication method; whether it exists.
///
/// # Errors
/// See [`get`].
pub fn set_authentication_method(
    conn: &mut dyn Conn,
    user: &Uuid,
    method: &str,
) -> Result<bool, Error> {
    let sql = "UPDATE auth_user SET authentication_method = ?2 WHERE uuid = ?1";
    Ok(conn.execute(sql, &[user.into(), method.into()])? > 0)
}

/// Deletes a user with its addresses, associations and refresh tokens; whether
/// it existed. Its sessions and tokens stay (they have no foreign key).
///
/// # Errors
/// See [`get`].
pub fn delete(conn: &mut dyn Conn, user: &Uuid) -> Result<bool, Error> {
    let deleted = conn.execute("DELETE FROM auth_user WHERE uuid = ?1", &[user.into()])? > 0;
    if deleted {
        conn.index(IndexChange::UserTenant(*user, None));
    }
    Ok(deleted)
}

/// The users of a tenant; without those whose UUID is none, which no index holds.
pub(crate) fn of_tenant(conn: &mut dyn Conn, tenant: &Uuid) -> Result<Vec<Uuid>, Error> {
    let rows = conn.query("SELECT uuid FROM auth_user WHERE tenant_uuid = ?1", &[tenant.into()])?;
    Ok(rows.iter().filter_map(|row| row.uuid(0).ok()).collect())
}

/// Hands over every user with its tenant, row by row, for the index.
pub(crate) fn each_tenant(
    conn: &mut dyn Conn,
    each: &mut dyn FnMut(Result<(Uuid, Uuid), Error>) -> Result<(), Error>,
) -> Result<(), Error> {
    let read = |row: &Row| Ok((row.uuid(0)?, row.uuid(1)?));
    conn.each("SELECT uuid, tenant_uuid FROM auth_user", &[], &mut |row| each(read(&row)))
}

/// The user whose UUID the query `named` gives, with its addresses: a row for
/// each, or one without.
fn one(conn: &mut dyn Conn, named: &str, params: &[Value]) -> Result<Option<User>, Error> {
    let sent = send_one(conn, named, params)?;
    got(conn, sent)
}

fn send_one(conn: &mut dyn Conn, named: &str, params: &[Value]) -> Result<Sent, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM ({named}) named JOIN auth_user u ON u.uuid = named.uuid \
         JOIN auth_tenant t ON t.uuid = u.tenant_uuid \
         LEFT JOIN auth_email m ON m.user_uuid = u.uuid ORDER BY m.main DESC, m.address"
    );
    conn.send(&sql, params)
}

fn from_rows(row: &Row, rows: &[Row]) -> Result<User, Error> {
    let password = match (row.opt_string(9)?, row.opt_blob(10)?) {
        (Some(hash), Some(salt)) => Some(StoredPassword { hash, salt: salt.to_vec() }),
        _ => None,
    };
    let emails = rows.iter().filter_map(|row| email(row).transpose());
    let emails = emails.collect::<Result<_, _>>()?;
    let shown = Listed { emails, ..list::from_row(row)? };
    Ok(User { shown, tenant_default_method: row.string(8)?, password })
}

/// The address in a row; none in that of a user without any.
fn email(row: &Row) -> Result<Option<Email>, Error> {
    let Some(uuid) = row.opt_uuid(11)? else { return Ok(None) };
    let (address, main, confirmed) = (row.string(12)?, row.bool(13)?, row.bool(14)?);
    Ok(Some(Email { uuid, address, main, confirmed }))
}

fn hash(password: Option<&StoredPassword>) -> Value {
    password.map(|password| password.hash.as_str()).into()
}

fn salt(password: Option<&StoredPassword>) -> Value {
    password.map(|password| password.salt.as_slice()).into()
}
