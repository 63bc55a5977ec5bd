//! Who uses a database: every daemon holds a lock of it, shared with the others, on
//! the connection that it listens on. The server gives it back when that ends,
//! however it ends.

use std::thread;
use std::time::{Duration, Instant};

use crate::postgresql::connection::Link;
use crate::{Conn, Error, OpenError};

/// The number of the lock: "wazohere".
const PRESENCE_LOCK: i64 = 0x7761_7a6f_6865_7265;
/// How long the server may take to notice that a daemon has ended.
const PATIENCE: Duration = Duration::from_secs(2);
const INTERVAL: Duration = Duration::from_millis(50);

/// What a connection of a daemon begins with. It waits while the database is being
/// [detached](crate::Server::detach).
pub(super) fn hold() -> String {
    format!("SELECT pg_advisory_lock_shared({PRESENCE_LOCK})")
}

/// Keeps daemons from starting, until the transaction ends.
///
/// # Errors
/// [`OpenError::InUse`] while one runs.
pub(crate) fn keep_out(link: &mut Link, name: &str) -> Result<(), OpenError> {
    let failed = |source| OpenError::Server { name: name.to_owned(), source };
    let began = Instant::now();
    while !try_lock(link).map_err(failed)? {
        if began.elapsed() > PATIENCE {
            let by = holders(link).map_err(failed)?;
            return Err(OpenError::InUse { name: name.to_owned(), by: by.join(", ") });
        }
        thread::park_timeout(INTERVAL);
    }
    Ok(())
}

fn try_lock(link: &mut Link) -> Result<bool, Error> {
    let mut is_ours = false;
    let sql = format!("SELECT pg_try_advisory_xact_lock({PRESENCE_LOCK})");
    link.each(&sql, &[], &mut |row| {
        is_ours = row.bool(0)?;
        Ok(())
    })?;
    Ok(is_ours)
}

/// Where daemons that run are, as far as this role may know.
fn holders(link: &mut Link) -> Result<Vec<String>, Error> {
    let mut holders = Vec::new();
    // An address is missing where the connection is local, and is kept from other roles.
    let sql =
        of_holders("DISTINCT coalesce(host(a.client_addr), 'the host of the server, perhaps')");
    link.each(&sql, &[], &mut |row| {
        holders.push(row.string(0)?);
        Ok(())
    })?;
    Ok(holders)
}

/// How many daemons run.
pub(crate) fn number(conn: &mut dyn Conn) -> Result<i64, Error> {
    let rows = conn.query(&of_holders("count(*)"), &[])?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

fn of_holders(what: &str) -> String {
    let (high, low) = (PRESENCE_LOCK >> 32, PRESENCE_LOCK & 0xFFFF_FFFF);
    format!(
        "SELECT {what} FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.classid = {high}::oid AND l.objid = {low}::oid \
         AND l.objsubid = 1 AND l.granted AND l.mode = 'ShareLock' \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
}
