//! SQLite: one file, one daemon, one writer.

pub(crate) mod checkpoint;
pub(crate) mod connection;
pub(crate) mod database;
pub(crate) mod engine;
pub(crate) mod error;
pub(crate) mod files;
pub(crate) mod lock_file;
pub(crate) mod look;
pub(crate) mod migrate;
pub(crate) mod open;
pub(crate) mod sealed_tokens;
pub(crate) mod task;
pub(crate) mod wal;
pub(crate) mod writer;
