//! Keys of the database (contract: config.md section 2.3) and of sealed tokens.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

use super::value::{self, Secret};

/// Where data is kept, and how.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Database {
    /// Key `db_uri`.
    #[serde(rename = "db_uri")]
    pub uri: DbUri,
    /// How long to wait at start for a database that does not answer.
    #[serde(rename = "db_connect_retry_timeout_seconds", deserialize_with = "value::seconds")]
    pub connect_retry_timeout: Duration,
    /// Whether to migrate the schema before starting.
    #[serde(rename = "db_upgrade_on_startup", deserialize_with = "value::switch")]
    pub upgrade_on_startup: bool,
    /// The file of the key that seals tokens.
    pub token_key_file: PathBuf,
    /// Whether new tokens are sealed.
    #[serde(deserialize_with = "value::switch")]
    pub seal_tokens: bool,
    /// How long checks of tokens go on from memory while a server cannot be
    /// reached.
    #[serde(deserialize_with = "value::seconds")]
    pub token_check_grace: Duration,
}

/// A database, as `db_uri` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DbUri {
    /// `sqlite:////absolute/path` or `sqlite:///relative/path`.
    Sqlite(PathBuf),
    /// `postgresql://…`, whole: it may hold a password.
    Postgresql(Secret<String>),
}

/// Why a text is no `db_uri`. The text itself is not shown: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DbUriError {
    /// Another scheme, or none.
    #[error("sqlite:////path/to/file or postgresql://user:password@host/database is expected")]
    Scheme,
    /// SQLite without a path, or in memory.
    #[error("the path of a file is expected after sqlite:///, as in sqlite:////var/lib/file.db")]
    NoPath,
    /// SQLite with a `?…` part.
    #[error("a sqlite:/// URI takes no parameters: nothing is expected after the path")]
    Parameters,
}

// === impl DbUri ===

impl DbUri {
    /// What the Python service uses where its `db_uri` is not set.
    pub const OF_THE_PYTHON_SERVICE: &str =
        "postgresql://asterisk:proformatique@localhost/asterisk";
}

impl std::str::FromStr for DbUri {
    type Err = DbUriError;

    fn from_str(uri: &str) -> Result<Self, DbUriError> {
        let (scheme, rest) = uri.split_once("://").ok_or(DbUriError::Scheme)?;
        // As in `postgresql+psycopg2`: the driver after the plus is not ours to choose.
        match scheme.split('+').next() {
            Some("postgresql" | "postgres") => Ok(Self::Postgresql(Secret::new(uri.to_owned()))),
            Some("sqlite") => match rest.strip_prefix('/') {
                None | Some("" | ":memory:") => Err(DbUriError::NoPath),
                Some(path) if path.contains('?') => Err(DbUriError::Parameters),
                Some(path) => Ok(Self::Sqlite(PathBuf::from(path))),
            },
            _ => Err(DbUriError::Scheme),
        }
    }
}

impl<'de> Deserialize<'de> for DbUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
