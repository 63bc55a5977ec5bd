//! How one database writes the values of tokens: sealed or clear.

use std::sync::Arc;

use uuid::Uuid;

use crate::index::TokenIndex;
use crate::{Sealer, Table, Value};

/// Writes and reads the key columns of tokens, with a [`Sealer`] or, beside the
/// original on one database (`seal_tokens: false`), in clear.
#[derive(Debug, Clone, Default)]
pub struct Seals(Option<Arc<Sealer>>);

// === impl Seals ===

impl Seals {
    /// Sealed by `sealer`, or clear without one.
    #[must_use]
    pub fn new(sealer: Option<Sealer>) -> Self {
        Self(sealer.map(Arc::new))
    }

    /// The text to write for `uuid`.
    #[must_use]
    pub fn write(&self, table: Table, uuid: &Uuid) -> Value {
        match &self.0 {
            Some(sealer) => Value::Text(sealer.seal(table, *uuid)),
            None => uuid.into(),
        }
    }

    /// The two texts under which `uuid` may stand in the table: as it is
    /// written now, and clear as the original wrote it.
    #[must_use]
    pub fn find(&self, table: Table, uuid: &Uuid) -> [Value; 2] {
        [self.write(table, uuid), uuid.into()]
    }

    /// The value behind a text of the column; nothing when it was sealed under
    /// a key that this daemon does not have.
    #[must_use]
    pub fn read(&self, table: Table, text: &str) -> Option<Uuid> {
        match &self.0 {
            Some(sealer) => sealer.open(table, text),
            None => TokenIndex::parse_token(text),
        }
    }
}
