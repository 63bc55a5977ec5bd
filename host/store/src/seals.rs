//! How one database writes the values of tokens: sealed or clear.

use std::sync::Arc;

use uuid::Uuid;

use crate::index::TokenIndex;
use crate::{Sealer, Table, Value};

/// Writes and reads the key columns of tokens, with a [`Sealer`] or, beside the
/// original on one database (`seal_tokens: false`), in clear. Without a sealer,
/// or with one for reading, what is written is clear.
#[derive(Debug, Clone, Default)]
pub struct Seals(Option<Arc<Sealer>>);

// === impl Seals ===

impl Seals {
    /// Sealed by `sealer`, unless it is for reading; clear without one.
    #[must_use]
    pub fn new(sealer: Option<Sealer>) -> Self {
        Self(sealer.map(Arc::new))
    }

    /// The text to write for `uuid`.
    #[must_use]
    pub fn write(&self, table: Table, uuid: &Uuid) -> Value {
        match &self.0 {
            Some(sealer) if sealer.is_for_writing() => Value::Text(sealer.seal(table, *uuid)),
            Some(_) | None => uuid.into(),
        }
    }

    /// The two texts under which `uuid` may stand in the table: sealed, and
    /// clear as the original wrote it.
    #[must_use]
    pub fn find(&self, table: Table, uuid: &Uuid) -> [Value; 2] {
        match &self.0 {
            Some(sealer) => [Value::Text(sealer.seal(table, *uuid)), uuid.into()],
            None => [uuid.into(), uuid.into()],
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealer_for_reading_finds_both_kinds_and_writes_clear() {
        let uuid = Uuid::from_u128(0x5b046ec3_8ac7_4908_9814_692f55d57e77);
        let sealing = Seals::new(Some(Sealer::new(&[7; 32])));
        let reading = Seals::new(Some(Sealer::new(&[7; 32]).for_reading()));
        let sealed = sealing.write(Table::Token, &uuid);
        assert_eq!(reading.write(Table::Token, &uuid), Value::from(&uuid));
        assert_eq!(reading.find(Table::Token, &uuid), [sealed.clone(), Value::from(&uuid)]);
        let Value::Text(sealed) = sealed else { panic!("not a text: {sealed:?}") };
        assert_eq!(reading.read(Table::Token, &sealed), Some(uuid));
    }
}
