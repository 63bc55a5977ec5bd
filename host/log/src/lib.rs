//! The log: one format, every destination (contract: config.md section 6).
//!
//! Every record is one line and one unbuffered write to the log file, and to
//! standard output (below ERROR) or standard error. Code logs with the `log`
//! crate; [`critical!`] adds the level that crate does not have.
//!
//! The target of a record is its logger name. Names that begin with
//! `wazo_auth` or `wazo-auth` are heard from the configured level on, those of
//! libraries only from WARNING on.

mod file;
mod level;
mod line;
mod logger;
mod panics;
mod syslog;

use std::io;
use std::path::PathBuf;

pub use file::open_file;
pub use level::{Level, UnknownLevel};
pub use logger::{Handle, LogOptions, Logger, init};
pub use panics::log_panics;

#[doc(hidden)]
pub use log as __log;

/// Marks a target whose records are CRITICAL; it is not shown.
const CRITICAL_SUFFIX: &str = "!critical";

/// Logs that the daemon cannot go on.
///
/// ```
/// wazo_auth_log::critical!(target: "wazo_auth.main", "The account {} does not exist.", "wazo");
/// ```
#[macro_export]
macro_rules! critical {
    (target: $target:literal, $($message:tt)+) => {
        $crate::__log::error!(target: concat!($target, "!critical"), $($message)+)
    };
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The log file cannot be opened.
    #[error("The log file {} cannot be opened: {source}. Its name is the setting `log_filename`.",
        path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Standard output or standard error is closed.
    #[error("Standard output or standard error cannot be used for the log: {0}.")]
    Closed(#[source] io::Error),
    /// No thread could be started.
    #[error("The thread that sends to syslog cannot be started: {0}.")]
    Thread(#[source] io::Error),
    /// This process has a log already.
    #[error("The log of this process was set up before.")]
    Twice,
}
