//! What PostgreSQL's errors mean here.

use tokio_postgres::error::{DbError, SqlState};

use crate::Error;
use crate::postgresql::tls;

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(detail) = tls::sentence(&error) {
            return Self::Tls { detail };
        }
        match error.as_db_error() {
            Some(said) => from_server(said),
            // A value that does not fit its parameter never leaves this process.
            None if !is_connection(&error) => Self::Other(chain(&error)),
            None => Self::Unavailable { detail: chain(&error) },
        }
    }
}

/// Whether the connection failed, rather than what was asked.
fn is_connection(error: &tokio_postgres::Error) -> bool {
    let source = std::error::Error::source(error);
    error.is_closed() || source.is_none_or(|source| source.is::<std::io::Error>())
}

/// An error with its causes, which `tokio_postgres` leaves out of the text.
fn chain(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn from_server(said: &DbError) -> Error {
    let state = said.code();
    let detail = || format!("{} ({})", said.message(), state.code());
    match *state {
        SqlState::UNIQUE_VIOLATION => {
            Error::Unique { constraint: said.constraint().unwrap_or_default().to_owned() }
        }
        SqlState::FOREIGN_KEY_VIOLATION => Error::ForeignKey,
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Error::Conflict,
        SqlState::LOCK_NOT_AVAILABLE => Error::Busy,
        SqlState::DISK_FULL => Error::Full,
        SqlState::READ_ONLY_SQL_TRANSACTION => Error::ReadOnly,
        _ if is_outage(state.code()) => Error::Unavailable { detail: detail() },
        // The words of these repeat the value. The last one: too long for an index.
        _ if state.code().starts_with("22") || *state == SqlState::PROGRAM_LIMIT_EXCEEDED => {
            Error::Unfit { state: state.code().to_owned() }
        }
        _ => Error::Other(detail()),
    }
}

/// By class: the connection (08), the authorisation (28), a database that is not
/// there (3D), a transaction that was left alone (25P03), resources (53), an operator
/// who ends it or has not begun it, or a statement that takes too long (57), the
/// system (58, XX).
fn is_outage(code: &str) -> bool {
    ["08", "25P03", "28", "3D", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class))
}
