//! Rows, transactions and the token index.
//!
//! The store knows rows, not rules. Each query is one SQL text over [`Conn`],
//! a small synchronous trait; a module per noun ([`users`], [`tokens`], …)
//! holds them as free functions. Reads run on the calling thread, writes go
//! through one writer thread that groups them ([`Store::write`]). Every live
//! token is also in memory ([`TokenIndex`]), changed before a write is answered.

mod conn;
mod error;
mod fold;
mod outbox;
mod postgresql;
mod sealing;
mod seals;
mod seed;
mod sqlite;
mod store;
mod tx;
mod value;
mod version;

#[cfg(test)]
mod testing;

pub mod backup;
pub mod events;
pub mod external_auth;
pub mod groups;
pub mod index;
pub mod key_file;
pub mod ldap_config;
pub mod list;
pub mod policies;
pub mod reconciliation;
pub mod refresh_tokens;
pub mod sealer;
pub mod sessions;
pub mod tenants;
pub mod tokens;
pub mod transfer;
pub mod users;

pub use conn::{Conn, Dialect, Sent};
pub use error::{Error, OpenError};
pub use fold::fold;
pub use index::{AuthId, Home, IndexChange, LiveToken, LiveTokenRef, Owner, TokenIndex};
pub use key_file::KeyFileError;
pub use list::{Direction, List, ListQuery, Page, Tenants};
pub use outbox::{Outbox, Receipt, Taken};
pub use postgresql::database::Server;
pub use postgresql::inquiry::holds_tables;
pub use postgresql::preparation::{Preparation, PreparationError, Prepared};
pub use sealer::{Sealer, Table};
pub use sealing::Rewritten;
pub use seals::Seals;
pub use sqlite::database::Database;
pub use sqlite::lock_file::is_in_use;
pub use sqlite::look::tokens_of_another_key;
pub use sqlite::migrate::Schema;
pub use sqlite::open::{folder_of, sync_folder_of};
pub use sqlite::sealed_tokens::SealedTokens;
pub use store::{Change, LookedUp, Options, Store};
pub use tx::Tx;
pub use value::{Row, Value};

pub(crate) use outbox::{Announcement, Place};

/// A JSON object, as the `metadata` columns hold it.
pub type Metadata = serde_json::Map<String, serde_json::Value>;
