//! What a login writes: a session with its token, if that may be.

use uuid::Uuid;

use crate::events::News;
use crate::postgresql::together::Done;
use crate::sessions::{Session, count_of_auth_id, insert};
use crate::tokens::{self, NewToken};
use crate::{Dialect, Error, Row, Tx};

mod many;

/// A session to be begun.
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
    /// What is told of it.
    pub news: Option<News>,
    /// Whether this transaction does nothing else, before or after: then PostgreSQL
    /// commits it along with what others begin at the same moment.
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
    announce(tx, beginning)?;
    Ok(Begun::Made)
}

/// All of it in one statement, whose conditions are looked at after the locks that the
/// transaction begins with.
fn at_once(tx: &mut Tx<'_>, beginning: &Beginning<'_>) -> Result<Begun, Error> {
    let Some(Done { row, place }) = together(tx, beginning)? else {
        return alone(tx, beginning);
    };
    let begun = begun(&row)?;
    if begun == Begun::Made {
        tx.index(tokens::indexed(beginning.token));
        if let (Some(mut place), Some(news)) = (place, &beginning.news) {
            place.hold(many::kept(&row, news)?, news.receipt.clone());
            tx.handed_over(place);
        }
    }
    Ok(begun)
}

/// Along with others, if that may be.
fn together(tx: &mut Tx<'_>, beginning: &Beginning<'_>) -> Result<Option<Done>, Error> {
    let Beginning { token, news, is_all, .. } = beginning;
    let sql = match news {
        _ if !is_all => return Ok(None),
        None => &*many::STATEMENT,
        Some(news) if news.events.len() == 1 => &*many::WITH_EVENTS,
        Some(_) => return Ok(None),
    };
    let outbox = news.as_ref().map(|news| &news.outbox);
    let record = |tx: &Tx<'_>| many::record(tx, beginning, tx.user_lock());
    tx.query_together(sql, &token.auth_id, outbox, record)
}

/// With the lock that the transaction has.
fn alone(tx: &mut Tx<'_>, beginning: &Beginning<'_>) -> Result<Begun, Error> {
    let records = format!("[{}]", many::record(tx, beginning, None));
    let is_last = beginning.is_all && beginning.news.is_none();
    let row = tx.query_with_version(&many::STATEMENT, &[records.into()], is_last)?;
    let row = row.ok_or_else(|| Error::Other("beginning a session gave no answer".to_owned()))?;
    let begun = begun(&row)?;
    if begun == Begun::Made {
        tx.index(tokens::indexed(beginning.token));
        announce(tx, beginning)?;
    }
    Ok(begun)
}

fn announce(tx: &mut Tx<'_>, beginning: &Beginning<'_>) -> Result<(), Error> {
    beginning.news.as_ref().map_or(Ok(()), |news| tx.announce(news.clone()))
}

/// What a row of [`many::STATEMENT`] says.
fn begun(row: &Row) -> Result<Begun, Error> {
    Ok(match (row.bool(3)?, row.bool(4)?, row.bool(5)?) {
        (false, ..) => Begun::Overtaken,
        (_, false, _) => Begun::TooMany,
        (.., false) => Begun::Unpresented,
        _ => Begun::Made,
    })
}
