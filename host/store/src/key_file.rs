//! The file that holds the key of the [`Sealer`](crate::Sealer).
//!
//! 32 random bytes as base64 text, made on first start with mode 0600. It is
//! the same on all daemons of one database; losing it logs everybody out.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wazo_auth_context::Context;
use zeroize::Zeroizing;

use crate::sqlite::lock_file::beside;
use crate::sqlite::open::sync_folder_of;

/// Why the key cannot be had. Each is a sentence that names the file and what
/// to do; none holds the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read the token key file {}: {source}: this account must be able to read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be made.
    #[error("cannot create the token key file {}: {source}: its folder must exist and be writable, or token_key_file must name another place", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read it.
    #[error("the token key file {} can be read by other accounts (mode {mode:03o}): run `chmod 600` on it", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds something else.
    #[error("the token key file {} does not hold 32 bytes as base64: restore it from a backup, or remove it and run `wazo-auth db forget-tokens` to log everybody out", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// It does not exist, but tokens that need it do.
    #[error("the token key file {} is missing, and {tokens} tokens of the database {} can be read with it only: restore it from a backup, or run `wazo-auth db forget-tokens` to log everybody out", path.display(), database)]
    Missing {
        /// The file.
        path: PathBuf,
        /// The database.
        database: String,
        /// How many tokens are sealed in it.
        tokens: u64,
    },
    /// It is not the one that the tokens were sealed with.
    #[error("the token key file {} cannot read any of the {tokens} tokens of the database {}, which were sealed with another one: restore that one from a backup, or run `wazo-auth db forget-tokens` to log everybody out", path.display(), database)]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The database.
        database: String,
        /// How many tokens are sealed in it.
        tokens: u64,
    },
}

/// A key, forgotten when dropped.
pub type Key = Zeroizing<[u8; KEY_BYTES]>;

const KEY_BYTES: usize = 32;
/// Far beyond the 45 bytes of a good file.
const MAX_FILE_BYTES: u64 = 1024;

/// The key in `path`; a new one, written there, when the file does not exist.
///
/// # Errors
/// See [`KeyFileError`].
pub fn read_or_create(path: &Path, context: &Context) -> Result<Key, KeyFileError> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    match create(path, context) {
        // Another daemon was quicker: its key is the one to use.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path)?.ok_or(error),
        created => created,
    }
    .map_err(|source| KeyFileError::Create { path: path.into(), source })
}

/// The key in `path`; nothing when the file does not exist.
///
/// # Errors
/// See [`KeyFileError`].
pub fn read(path: &Path) -> Result<Option<Key>, KeyFileError> {
    match File::open(path) {
        Ok(file) => read_file(path, file).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyFileError::Read { path: path.into(), source }),
    }
}

fn read_file(path: &Path, file: File) -> Result<Key, KeyFileError> {
    let unreadable = |source| KeyFileError::Read { path: path.into(), source };
    let malformed = || KeyFileError::Malformed { path: path.into() };
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Mode { path: path.into(), mode });
    }
    if !metadata.is_file() {
        return Err(malformed());
    }
    let mut text = Zeroizing::new(String::with_capacity(64));
    match file.take(MAX_FILE_BYTES).read_to_string(&mut text) {
        Err(error) if error.kind() == ErrorKind::InvalidData => return Err(malformed()),
        result => result.map_err(unreadable)?,
    };
    let bytes = Zeroizing::new(STANDARD.decode(text.trim_end()).map_err(|_| malformed())?);
    let key: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| malformed())?;
    Ok(Zeroizing::new(key))
}

/// The name appears with the whole key behind it, and only if it is free:
/// neither a daemon that starts at the same time nor a power cut meets half of
/// one.
fn create(path: &Path, context: &Context) -> io::Result<Key> {
    let key = Zeroizing::new(context.random::<KEY_BYTES>());
    let mut text = Zeroizing::new(STANDARD.encode(*key));
    text.push('\n');
    let temporary = beside(path, &format!(".{:032x}", u128::from_ne_bytes(context.random())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let named = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::hard_link(&temporary, path));
    let removed = std::fs::remove_file(&temporary);
    named.and(removed)?;
    sync_folder_of(path)?;
    log::info!(target: "wazo_auth.store", "created the token key file {}", path.display());
    Ok(key)
}
