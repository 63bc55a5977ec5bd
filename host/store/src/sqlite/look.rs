//! A look into a database that a daemon may be using: nothing is made or
//! changed, and nobody waits.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::sqlite::lock_file::beside;
use crate::sqlite::sealed_tokens;
use crate::{Error, Sealer};

/// How many tokens of the database `path` are sealed under another key, when
/// `sealer` can read none; zero as soon as it can read one, and for a file that
/// does not exist. The daemon does not start on such a database.
///
/// Reads only: neither file nor lock stays behind, and a daemon that runs is
/// not disturbed.
///
/// # Errors
/// [`Error`] when the tokens cannot be looked at, be it because another program
/// is just putting the file in order.
pub fn tokens_of_another_key(path: &Path, sealer: Option<&Sealer>) -> Result<u64, Error> {
    let unreadable = |error: io::Error| Error::Unavailable { detail: error.to_string() };
    let path = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        path => path.map_err(unreadable)?,
    };
    let conn = open(&path)?;
    Ok(sealed_tokens::of_another_key(&conn, sealer)?)
}

fn open(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let log = fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
    let in_use = beside(path, "-shm").exists();
    let parameters = match (log, in_use) {
        // A connection to a database in WAL mode makes the files of the log,
        // unless it is told that nobody writes the file: all is in it.
        (false, _) => "immutable=1",
        // A reader as those of the daemon, whose files are there already.
        (true, true) => "mode=ro&readonly_shm=1",
        // A log without the memory that its users share: nobody uses it. It is
        // read into memory of our own.
        (true, false) => "mode=ro&vfs=unix-none",
    };
    let conn = Connection::open_with_flags(uri(path, parameters)?, flags)?;
    // What the log holds is not ours to bring into the file.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.busy_timeout(Duration::ZERO)?;
    if log && !in_use {
        conn.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    }
    Ok(conn)
}

fn uri(path: &Path, parameters: &str) -> Result<String, Error> {
    let path = path
        .to_str()
        .ok_or_else(|| Error::Unavailable { detail: "its name is not UTF-8".into() })?;
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Ok(format!("file:{path}?{parameters}"))
}

#[cfg(test)]
mod tests;
