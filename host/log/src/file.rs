//! Opens the log file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::LogError;
use crate::logger::duplicate;

/// Opens a log file for appending, made if missing; to be called before the
/// daemon gives up its privileges. `/dev/stdout` and `/dev/stderr` also work
/// where they are sockets, as under a service manager.
///
/// # Errors
/// The file cannot be opened.
pub fn open_file(path: &Path) -> Result<File, LogError> {
    match path.to_str() {
        Some("/dev/stdout") => duplicate(&io::stdout()),
        Some("/dev/stderr") => duplicate(&io::stderr()),
        _ => OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o640)
            .open(path)
            .map_err(|source| LogError::File { path: path.to_owned(), source }),
    }
}
