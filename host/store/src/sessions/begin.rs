//! What a login writes: a session with its token, if that may be.

use uuid::Uuid;

use crate::postgresql::version;
use crate::sessions::{Session, count_of_auth_id, insert};
use crate::tokens::{self, INSERT, NewToken};
use crate::{Conn, Dialect, Error, Table, Tx};

/// A session to be begun.
#[derive(Debug)]
pub struct Beginning<'a> {
    /// The session.
    pub session: &'a Session,
    /// Its token.
    pub token: &'a NewToken,
    /// The refresh token that the token is made from, and the client that it has to be
    /// of.
    pub presented: Option<(&'a Uuid, &'a str)>,
    /// The owner of the token has to have fewer sessions.
    pub cap: Option<i64>,
    /// [`Store::version`](crate::Store::version) has to be this still.
    pub at: Option<u64>,
    /// Whether this transaction writes nothing else, before or after: then PostgreSQL
    /// commits it along with the statement.
    pub is_all: bool,
}

/// What became of a [`Beginning`]; written is what was made, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// Session and token are there.
    Made,
    /// The version is another one.
    Overtaken,
    /// The owner has as many sessions as the cap allows.
    TooMany,
    /// The refresh token is not there any more.
    Unpresented,
}

/// Begins a session. The transaction must not be committed unless it is made.
///
/// # Errors
/// Those of [`insert`] and [`tokens::insert`].
pub fn begin(tx: &mut Tx<'_>, beginning: &Beginning<'_>) -> Result<Begun, Error> {
    // The refresh token of an offline login is looked up by itself.
    let is_simple = beginning.presented.is_some() || beginning.token.refresh_token_uuid.is_none();
    match tx.conn().dialect() {
        Dialect::Postgresql if is_simple => at_once(tx, beginning),
        _ => one_by_one(tx, beginning),
    }
}

fn one_by_one(tx: &mut Tx<'_>, beginning: &Beginning<'_>) -> Result<Begun, Error> {
    let Beginning { session, token, presented, cap, at, .. } = *beginning;
    if let Some(number) = at
        && !tx.is_at(number)?
    {
        return Ok(Begun::Overtaken);
    }
    let conn = tx.conn();
    if let Some(cap) = cap
        && count_of_auth_id(conn, &token.auth_id)? >= cap
    {
        return Ok(Begun::TooMany);
    }
    insert(conn, session)?;
    match presented {
        Some((presented, client_id)) => {
            if !tokens::insert_from_refresh_token(conn, token, presented, client_id)? {
                return Ok(Begun::Unpresented);
            }
        }
        None => tokens::insert(conn, token)?,
    }
    Ok(Begun::Made)
}

/// All of it in one statement, whose conditions are looked at after the lock that the
/// transaction begins with.
fn at_once(tx: &mut Tx<'_>, beginning: &Beginning<'_>) -> Result<Begun, Error> {
    let Beginning { session, token, presented, cap, at, .. } = *beginning;
    let mut params = tokens::columns(tx, token);
    params.extend([
        session.mobile.into(),
        (&session.tenant_uuid).into(),
        at.map(version::parameter).into(),
        cap.into(),
        token.auth_id.as_str().into(),
    ]);
    if let Some((presented, client_id)) = presented {
        params.extend(tx.seals().find(Table::RefreshToken, presented));
        params.push(client_id.into());
    }
    let sql = statement(presented.is_some());
    let Some(row) = tx.query_with_version(&sql, &params, beginning.is_all)? else {
        return Err(Error::Other("beginning a session gave no answer".to_owned()));
    };
    let begun = match (row.bool(2)?, row.bool(3)?, row.bool(4)?) {
        (false, ..) => Begun::Overtaken,
        (_, false, _) => Begun::TooMany,
        (.., false) => Begun::Unpresented,
        _ => Begun::Made,
    };
    if begun == Begun::Made {
        tx.index(tokens::indexed(token));
    }
    Ok(begun)
}

fn statement(is_presented: bool) -> String {
    const OF_CLIENT: &str = "SELECT uuid FROM auth_refresh_token WHERE client_id = ?19 AND uuid";
    let presented = if is_presented {
        format!("{OF_CLIENT} = ?17 UNION ALL {OF_CLIENT} = ?18 LIMIT 1")
    } else {
        "SELECT NULL::text AS uuid".to_owned()
    };
    format!(
        "WITH numbers AS ({numbers}), \
         held AS (SELECT CASE WHEN ?15::bigint IS NULL THEN 0 ELSE \
             (SELECT count(DISTINCT session_uuid) FROM auth_token WHERE auth_id = ?16) END \
             AS sessions), \
         presented AS ({presented}), \
         looked AS (SELECT directory, refresh_tokens, \
             coalesce({same} = ?14, true) AS same, coalesce(sessions < ?15, true) AS few \
             FROM numbers, held), \
         allowed AS (SELECT presented.uuid FROM looked, presented WHERE same AND few), \
         session AS (INSERT INTO auth_session (uuid, mobile, tenant_uuid) \
             SELECT ?8, ?12, ?13 FROM allowed), \
         token AS ({INSERT} \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, uuid FROM allowed) \
         SELECT directory, refresh_tokens, same, few, EXISTS (SELECT FROM presented) FROM looked",
        numbers = version::SELECT,
        same = version::DIRECTORY,
    )
}
