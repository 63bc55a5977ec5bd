//! Why a copy was not made, or not put back.

use std::path::PathBuf;

use crate::{Error, OpenError};

/// Why a copy was not made, or not put back. Each is a sentence that names the
/// file and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A copy would overwrite another file.
    #[error("{} exists already: name another file, or add --force to replace it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The copy would be the database.
    #[error("{} is the database itself: name another file", path.display())]
    Itself {
        /// The file.
        path: PathBuf,
    },
    /// The name of a folder or a device.
    #[error("{} is not a file: name the file itself", path.display())]
    NotAFile {
        /// The name.
        path: PathBuf,
    },
    /// The file has a write-ahead log, which belongs to another content.
    #[error("there is a write-ahead log beside {}, so another program has it open: close that one, or name another file", path.display())]
    HasLog {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot read or write {}: {source}: check that its folder exists, has room and may be written by this account", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The pages could not be copied.
    #[error("cannot copy to {}: {source}", path.display())]
    Copy {
        /// The copy.
        path: PathBuf,
        /// What went wrong.
        source: Error,
    },
    /// The live database cannot be used.
    #[error("{source}")]
    Database {
        /// A sentence that names it.
        source: OpenError,
    },
    /// What was copied is not whole.
    #[error("{} is damaged ({detail}): use another backup", path.display())]
    Damaged {
        /// The file that was copied.
        path: PathBuf,
        /// What was noticed.
        detail: String,
    },
    /// The file to restore is something else.
    #[error("{} is not a database of wazo-auth: name a file that `wazo-auth db backup` made", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The file to restore was made by a newer daemon.
    #[error("{} has schema version {found}, this program knows versions up to {known}: install the wazo-auth that made it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest known version.
        known: i64,
    },
    /// The file to restore needs another key.
    #[error("token_key_file cannot read {} of the {} tokens in {}: restore the key file that belongs to it first, or add --force to do without these tokens", sealed.unreadable, sealed.readable + sealed.unreadable, path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Its tokens.
        sealed: crate::SealedTokens,
    },
}
