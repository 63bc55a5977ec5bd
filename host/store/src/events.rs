//! Events that the bus has not confirmed yet: table `wazo_auth_event`, one of
//! ours (`contract/bus.md` sections 5 and 6).
//!
//! A row is written by the transaction that it tells of ([`Tx::announce`]) and
//! deleted once the broker has confirmed it. What is in a row is all there is to
//! a message: its routing key, and a body that repeats the headers.
//!
//! A row belongs to the daemon that publishes it: the one that wrote it, or the one
//! that took it over. Of several daemons' events of one subject the oldest goes
//! first: the others wait until its row is deleted. So nobody hears of the end of a
//! session before its beginning. With SQLite there is one daemon, and nothing waits.

use std::sync::Arc;

use uuid::Uuid;

use crate::{Announcement, Conn, Dialect, Error, Outbox, Receipt, Row, Tx, Value};

/// A message about to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// `subject`: what it is about, a session for example. The order of the events
    /// of one subject is kept, whichever daemons write them.
    pub subject: String,
    /// `routing_key`: at most 255 bytes.
    pub routing_key: String,
    /// `body`: a JSON object.
    pub body: String,
}

/// A message that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `id`: given by the database, never again. Of two events of which one is the
    /// consequence of the other, the consequence has the higher one.
    pub id: i64,
    /// `subject`; empty where there is one daemon only.
    pub subject: String,
    /// `routing_key`
    pub routing_key: String,
    /// `body`
    pub body: String,
    /// Whether an older event of its subject, which another daemon publishes, was
    /// not confirmed when this was read or written.
    pub waits: bool,
}

/// Messages for an outbox.
#[derive(Clone)]
pub struct News {
    /// That of the daemon whose messages they are.
    pub outbox: Arc<Outbox>,
    /// The messages, in order.
    pub events: Vec<NewEvent>,
    /// Epoch seconds.
    pub created_at: i64,
    /// Hears of it once they are sent.
    pub receipt: Receipt,
}

/// How many events are taken over at once: as many as no server takes long for.
pub const TAKEN_AT_ONCE: u32 = 5000;
/// Who has the events that any daemon may publish.
const NOBODY: &str = "";
/// Whether an older event of the subject of `e` belongs to another daemon.
const WAITS: &str = "EXISTS (SELECT FROM wazo_auth_event older \
    WHERE older.subject = e.subject AND older.id < e.id AND older.daemon <> e.daemon)";

/// Into a table of PostgreSQL.
pub(crate) const INSERT: &str =
    "INSERT INTO wazo_auth_event (daemon, created_at, routing_key, body, subject)";
/// Whether a row that is inserted waits.
pub(crate) const GOES_AFTER_ANOTHER: &str =
    "wazo_auth_goes_after_another(wazo_auth_event.subject, wazo_auth_event.daemon)";

// === impl NewEvent ===

impl NewEvent {
    /// As the database keeps it.
    pub(crate) fn kept(self, id: i64, waits: bool) -> Event {
        let Self { subject, routing_key, body } = self;
        Event { id, subject, routing_key, body, waits }
    }
}

// === impl Tx ===

impl Tx<'_> {
    /// Keeps messages, and hands them over once this transaction is committed.
    ///
    /// # Errors
    /// What the database reports.
    pub fn announce(&mut self, news: News) -> Result<(), Error> {
        let News { outbox, events, created_at, receipt } = news;
        let mut kept = Vec::with_capacity(events.len());
        for event in events {
            kept.push(insert(self.conn(), outbox.daemon(), created_at, event)?);
        }
        self.hand_over(Announcement::new(&outbox, kept, &receipt));
        Ok(())
    }
}

/// Adds an event of `daemon`; `created_at` in epoch seconds.
fn insert(
    conn: &mut dyn Conn,
    daemon: &Uuid,
    created_at: i64,
    event: NewEvent,
) -> Result<Event, Error> {
    let NewEvent { subject, routing_key, body } = event;
    let (daemon, created_at) = (daemon.into(), created_at.into());
    let rows = match conn.dialect() {
        Dialect::Sqlite => {
            let sql = "INSERT INTO wazo_auth_event (daemon, created_at, routing_key, body) \
                 VALUES (?1, ?2, ?3, ?4) RETURNING id, 0";
            conn.query(sql, &[daemon, created_at, (&routing_key).into(), (&body).into()])?
        }
        // Whatever this is a consequence of is committed: it is seen.
        Dialect::Postgresql => {
            let sql =
                format!("{INSERT} VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id, {GOES_AFTER_ANOTHER}");
            let texts = [&routing_key, &body, &subject].map(Value::from);
            let params: Vec<_> = [daemon, created_at].into_iter().chain(texts).collect();
            conn.query(&sql, &params)?
        }
    };
    let row = rows.first().ok_or(Error::Content { column: 0, wanted: "an id" })?;
    Ok(NewEvent { subject, routing_key, body }.kept(row.int(0)?, row.bool(1)?))
}

/// The oldest events of `daemon`, in order.
///
/// # Errors
/// What the database reports; so for all functions below.
pub fn oldest(conn: &mut dyn Conn, daemon: &Uuid, limit: u32) -> Result<Vec<Event>, Error> {
    let columns = match conn.dialect() {
        Dialect::Sqlite => "'', 0".to_owned(),
        Dialect::Postgresql => format!("coalesce(subject, ''), {WAITS}"),
    };
    let sql = format!(
        "SELECT id, routing_key, body, {columns} FROM wazo_auth_event e WHERE daemon = ?1 \
         ORDER BY id LIMIT ?2"
    );
    conn.query(&sql, &[daemon.into(), i64::from(limit).into()])?.iter().map(from_row).collect()
}

/// Of these events those that are still kept for `daemon`, and whether each still
/// waits: until there is no older one of its subject, whoever has that by now.
///
/// # Errors
/// See [`oldest`].
pub fn still_waiting(
    conn: &mut dyn Conn,
    daemon: &Uuid,
    ids: &[i64],
) -> Result<Vec<(i64, bool)>, Error> {
    if conn.dialect() == Dialect::Sqlite {
        return Ok(ids.iter().map(|id| (*id, false)).collect());
    }
    let sql = format!(
        "SELECT id, EXISTS (SELECT FROM wazo_auth_event older \
         WHERE older.subject = e.subject AND older.id < e.id) \
         FROM wazo_auth_event e WHERE {IS_ONE_OF} AND daemon = ?2"
    );
    let rows = conn.query(&sql, &[list(ids), daemon.into()])?;
    rows.iter().map(|row| Ok((row.int(0)?, row.bool(1)?))).collect()
}

/// Deletes these events.
///
/// # Errors
/// See [`oldest`].
pub fn delete(conn: &mut dyn Conn, ids: &[i64]) -> Result<(), Error> {
    if conn.dialect() == Dialect::Postgresql {
        // Between ours are those of other daemons.
        conn.execute(&format!("DELETE FROM wazo_auth_event WHERE {IS_ONE_OF}"), &[list(ids)])?;
        return Ok(());
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    for run in ids.chunk_by(|id, next| id + 1 == *next) {
        if let [first, .., last] | [first @ last] = run {
            let sql = "DELETE FROM wazo_auth_event WHERE id BETWEEN ?1 AND ?2";
            conn.execute(sql, &[(*first).into(), (*last).into()])?;
        }
    }
    Ok(())
}

/// Whether a row of PostgreSQL is in the first parameter, a [`list`].
const IS_ONE_OF: &str = "id = ANY ((?1::text[])::bigint[])";

fn list(ids: &[i64]) -> Value {
    Value::List(ids.iter().map(ToString::to_string).collect())
}

/// Deletes the oldest events of `daemon` and of nobody: those beyond the newest
/// `keep`, and those from before `since` (epoch seconds). Gives how many.
///
/// # Errors
/// See [`oldest`].
pub fn trim(conn: &mut dyn Conn, daemon: &Uuid, keep: u32, since: i64) -> Result<u64, Error> {
    let whose = format!("daemon IN (?1, '{NOBODY}')");
    let too_old = format!("DELETE FROM wazo_auth_event WHERE {whose} AND created_at < ?2");
    let old = conn.execute(&too_old, &[daemon.into(), since.into()])?;
    let too_many = format!(
        "DELETE FROM wazo_auth_event WHERE {whose} AND id <= \
         (SELECT id FROM wazo_auth_event WHERE {whose} ORDER BY id DESC LIMIT 1 OFFSET ?2)"
    );
    Ok(old + conn.execute(&too_many, &[daemon.into(), i64::from(keep).into()])?)
}

/// Lets any daemon publish what `daemon` was to, with PostgreSQL; gives how many
/// events.
///
/// # Errors
/// See [`oldest`].
pub fn give_up(conn: &mut dyn Conn, daemon: &Uuid) -> Result<u64, Error> {
    if conn.dialect() == Dialect::Sqlite {
        return Ok(0);
    }
    let sql = format!("UPDATE wazo_auth_event SET daemon = '{NOBODY}' WHERE daemon = ?1");
    conn.execute(&sql, &[daemon.into()])
}

/// Makes `daemon` publish all that those daemons have which its event `id` waits
/// for, whatever they are doing; gives how many events.
///
/// # Errors
/// See [`oldest`].
pub fn claim(conn: &mut dyn Conn, daemon: &Uuid, id: i64) -> Result<u64, Error> {
    if conn.dialect() == Dialect::Sqlite {
        return Ok(0);
    }
    let sql = "UPDATE wazo_auth_event SET daemon = ?1 WHERE daemon IN ( \
         SELECT older.daemon FROM wazo_auth_event e JOIN wazo_auth_event older \
         ON older.subject = e.subject AND older.id < e.id AND older.daemon <> e.daemon \
         WHERE e.id = ?2 AND e.daemon = ?1)";
    conn.execute(sql, &[daemon.into(), id.into()])
}

/// Makes `daemon` publish the oldest of what nobody has, and of what daemons left that
/// are no more; gives how many events. There may be more if these are [`TAKEN_AT_ONCE`].
///
/// # Errors
/// See [`oldest`].
pub fn take_over(conn: &mut dyn Conn, daemon: &Uuid) -> Result<u64, Error> {
    let whose = match conn.dialect() {
        // The one who has the file is the only one there is.
        Dialect::Sqlite => "daemon <> ?1",
        // Each daemon that runs holds its lock; nobody holds that of nobody.
        Dialect::Postgresql => {
            "daemon IN ( \
                 SELECT gone.daemon FROM (SELECT DISTINCT daemon FROM wazo_auth_event \
                 WHERE daemon <> ?1) gone \
                 WHERE pg_try_advisory_xact_lock(hashtextextended(gone.daemon, 0)))"
        }
    };
    let sql = format!(
        "UPDATE wazo_auth_event SET daemon = ?1 WHERE id IN ( \
         SELECT id FROM wazo_auth_event WHERE {whose} ORDER BY id LIMIT ?2)"
    );
    conn.execute(&sql, &[daemon.into(), i64::from(TAKEN_AT_ONCE).into()])
}

fn from_row(row: &Row) -> Result<Event, Error> {
    Ok(Event {
        id: row.int(0)?,
        routing_key: row.string(1)?,
        body: row.string(2)?,
        subject: row.string(3)?,
        waits: row.bool(4)?,
    })
}
