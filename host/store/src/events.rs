//! Events that the bus has not confirmed yet: table `wazo_auth_event`, one of
//! ours (`contract/bus.md` sections 5 and 6).
//!
//! A row is written by the transaction that it tells of ([`Tx::announce`]) and
//! deleted once the broker has confirmed it. What is in a row is all there is to
//! a message: its routing key, and a body that repeats the headers.

use uuid::Uuid;

use crate::{Announcement, Conn, Dialect, Error, Outbox, Receipt, Row, Tx};

/// A message about to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
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
    /// `routing_key`
    pub routing_key: String,
    /// `body`
    pub body: String,
}

// === impl Tx ===

impl Tx<'_> {
    /// Keeps `events` of the daemon behind `outbox`, and hands them over once this
    /// transaction is committed; then `receipt` is heard of.
    ///
    /// # Errors
    /// What the database reports.
    pub fn announce(
        &mut self,
        outbox: &std::sync::Arc<Outbox>,
        events: Vec<NewEvent>,
        created_at: i64,
        receipt: &Receipt,
    ) -> Result<(), Error> {
        let mut kept = Vec::with_capacity(events.len());
        for event in events {
            kept.push(insert(self.conn(), outbox.daemon(), created_at, event)?);
        }
        self.hand_over(Announcement::new(outbox, kept, receipt));
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
    let NewEvent { routing_key, body } = event;
    let sql = "INSERT INTO wazo_auth_event (daemon, created_at, routing_key, body) \
         VALUES (?1, ?2, ?3, ?4) RETURNING id";
    let params = [daemon.into(), created_at.into(), (&routing_key).into(), (&body).into()];
    let rows = conn.query(sql, &params)?;
    let id =
        rows.first().map_or(Err(Error::Content { column: 0, wanted: "an id" }), |row| row.int(0));
    Ok(Event { id: id?, routing_key, body })
}

/// The oldest events of `daemon`, in order.
///
/// # Errors
/// What the database reports; so for all functions below.
pub fn oldest(conn: &mut dyn Conn, daemon: &Uuid, limit: u32) -> Result<Vec<Event>, Error> {
    let sql = "SELECT id, routing_key, body FROM wazo_auth_event WHERE daemon = ?1 \
         ORDER BY id LIMIT ?2";
    conn.query(sql, &[daemon.into(), i64::from(limit).into()])?.iter().map(from_row).collect()
}

/// Deletes these events.
///
/// # Errors
/// See [`oldest`].
pub fn delete(conn: &mut dyn Conn, ids: &[i64]) -> Result<(), Error> {
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

/// Deletes the oldest events of `daemon`: those beyond the newest `keep`, and
/// those from before `since` (epoch seconds). Gives how many.
///
/// # Errors
/// See [`oldest`].
pub fn trim(conn: &mut dyn Conn, daemon: &Uuid, keep: u32, since: i64) -> Result<u64, Error> {
    let too_old = "DELETE FROM wazo_auth_event WHERE daemon = ?1 AND created_at < ?2";
    let old = conn.execute(too_old, &[daemon.into(), since.into()])?;
    let too_many = "DELETE FROM wazo_auth_event WHERE daemon = ?1 AND id <= \
         (SELECT id FROM wazo_auth_event WHERE daemon = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    Ok(old + conn.execute(too_many, &[daemon.into(), i64::from(keep).into()])?)
}

/// Makes `daemon` publish what daemons left that are no more; gives how many
/// events.
///
/// # Errors
/// See [`oldest`].
pub fn take_over(conn: &mut dyn Conn, daemon: &Uuid) -> Result<u64, Error> {
    match conn.dialect() {
        // The one who has the file is the only one there is.
        Dialect::Sqlite => {
            let sql = "UPDATE wazo_auth_event SET daemon = ?1 WHERE daemon <> ?1";
            conn.execute(sql, &[daemon.into()])
        }
        // Each daemon that runs holds its lock.
        Dialect::Postgresql => {
            let sql = "UPDATE wazo_auth_event SET daemon = ?1 WHERE daemon IN ( \
                 SELECT gone.daemon FROM (SELECT DISTINCT daemon FROM wazo_auth_event \
                 WHERE daemon <> ?1) gone \
                 WHERE pg_try_advisory_xact_lock(hashtextextended(gone.daemon, 0)))";
            conn.execute(sql, &[daemon.into()])
        }
    }
}

fn from_row(row: &Row) -> Result<Event, Error> {
    Ok(Event { id: row.int(0)?, routing_key: row.string(1)?, body: row.string(2)? })
}
