//! The file that wazo-auth-cli reads its user and password from (bootstrap.md
//! section 7.2).

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    os::unix::fs::fchown,
    path::{Path, PathBuf},
};

use nix::unistd::User;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use wazo_auth_context::Context;
use wazo_auth_store::{folder_of, sync_folder_of};

/// So long is a password that nobody has to type.
const PASSWORD_LENGTH: usize = 28;
const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Where the credentials are, and for which account.
pub(super) struct CredentialsFile<'a> {
    pub path: &'a Path,
    pub owner: &'a str,
}

/// A file that is written, but does not have its name yet: goes away unless it
/// is published.
pub(super) struct Written<'a> {
    path: &'a Path,
    file: NamedTempFile,
}

#[derive(Deserialize, Serialize)]
struct Content<T> {
    auth: T,
}

/// What is taken from a file that exists.
#[derive(Deserialize)]
pub(super) struct Found {
    pub username: String,
    pub password: String,
}

#[derive(Serialize)]
struct Made<'a> {
    username: &'a str,
    password: &'a str,
    backend: &'a str,
}

/// Why the file is of no use. Each is a sentence that names it; none holds the
/// password.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredentialsError {
    #[error("cannot read the credentials file {}: {source}: this account must be able to", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the credentials file {} does not hold `auth: {{username: …, password: …}}`: mend it, or remove it to have it made anew", path.display())]
    Malformed { path: PathBuf },
    #[error("cannot write the credentials file {}: {source}: run this as root, or let --credentials-file name a place where this account may write", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "there is no account `{0}`, which the credentials file is for: create it, or name another \
         one with --owner"
    )]
    UnknownOwner(String),
    #[error("cannot give the credentials file {} to the account `{owner}`: {source}: run this as root", path.display())]
    Owner { path: PathBuf, owner: String, source: io::Error },
}

/// 28 characters, each with the same probability.
pub(super) fn random_password(context: &Context) -> String {
    let mut password = String::with_capacity(PASSWORD_LENGTH);
    while password.len() < PASSWORD_LENGTH {
        // Of the 64 values of 6 bits, the last two are no character.
        let [byte]: [u8; 1] = context.random();
        if let Some(character) = ALPHANUMERIC.get(usize::from(byte >> 2)) {
            password.push(char::from(*character));
        }
    }
    password
}

// === impl CredentialsFile ===

impl<'a> CredentialsFile<'a> {
    /// Keeps a second such program waiting until what is returned is dropped.
    /// Makes the folder if it is missing.
    pub fn lock(&self) -> Result<File, CredentialsError> {
        fs::create_dir_all(self.folder()).map_err(|source| self.cannot_write(source))?;
        let locked = File::open(self.folder()).and_then(|folder| {
            folder.lock()?;
            Ok(folder)
        });
        locked.map_err(|source| CredentialsError::Read { path: self.path.to_owned(), source })
    }

    /// What the file holds; nothing when it does not exist.
    pub fn read(&self) -> Result<Option<Found>, CredentialsError> {
        let path = || self.path.to_owned();
        let text = match fs::read(self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CredentialsError::Read { path: path(), source }),
        };
        // What the parser says may hold the password. Nobody can log in with nothing.
        let content = serde_yaml::from_slice(&text).ok();
        let found = content.map(|Content { auth }: Content<Found>| auth);
        let found = found.filter(|auth| !auth.username.is_empty() && !auth.password.is_empty());
        found.map(Some).ok_or_else(|| CredentialsError::Malformed { path: path() })
    }

    /// Writes the file, for its owner only, under another name first.
    pub fn write(&self, username: &str, password: &str) -> Result<Written<'a>, CredentialsError> {
        let owner = User::from_name(self.owner).ok().flatten();
        let owner = owner.ok_or_else(|| CredentialsError::UnknownOwner(self.owner.to_owned()))?;
        let made = Content { auth: Made { username, password, backend: "wazo_user" } };
        let text = serde_yaml::to_string(&made)
            .map_err(|error| self.cannot_write(io::Error::other(error)))?;
        // Made with mode 600, and no name that the readers of the folder look for.
        let mut file = tempfile::Builder::new()
            .prefix(".050-credentials-")
            .tempfile_in(self.folder())
            .map_err(|source| self.cannot_write(source))?;
        file.write_all(text.as_bytes()).map_err(|source| self.cannot_write(source))?;
        let given = fchown(file.as_file(), Some(owner.uid.as_raw()), Some(owner.gid.as_raw()));
        given.map_err(|source| CredentialsError::Owner {
            path: self.path.to_owned(),
            owner: self.owner.to_owned(),
            source,
        })?;
        file.as_file().sync_all().map_err(|source| self.cannot_write(source))?;
        Ok(Written { path: self.path, file })
    }

    fn folder(&self) -> &'a Path {
        folder_of(self.path)
    }

    fn cannot_write(&self, source: io::Error) -> CredentialsError {
        CredentialsError::Write { path: self.path.to_owned(), source }
    }
}

// === impl Written ===

impl Written<'_> {
    /// Gives the file its name, in the place of any other.
    pub fn publish(self) -> Result<(), CredentialsError> {
        let Self { path, file } = self;
        let named = file.persist(path).map_err(|error| error.error);
        named
            .and_then(|_| sync_folder_of(path))
            .map_err(|source| CredentialsError::Write { path: path.to_owned(), source })
    }
}
