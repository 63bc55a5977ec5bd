//! PostgreSQL: one database, any number of daemons.

pub(crate) mod attachment;
pub(crate) mod connection;
pub(crate) mod database;
pub(crate) mod engine;
pub(crate) mod error;
mod exchange;
pub(crate) mod filler;
pub(crate) mod inquiry;
pub(crate) mod joint;
pub(crate) mod lease;
pub(crate) mod listener;
pub(crate) mod lookup;
pub(crate) mod pool;
pub(crate) mod preparation;
pub(crate) mod presence;
pub(crate) mod reach;
pub(crate) mod schema;
pub(crate) mod sealed_tokens;
mod tls;
pub(crate) mod together;
mod unknown;
pub(crate) mod uri;
pub(crate) mod value;
pub(crate) mod version;
