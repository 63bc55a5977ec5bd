//! Sums by which two tables are found to hold the same rows.

use sha2::{Digest, Sha256};

use super::tables::{Kind, Table};
use crate::Value;

/// How many rows there are, and a sum over all of them that does not depend on
/// their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub rows: u64,
    digests: [u64; 4],
}

// === impl Sum ===

impl Sum {
    /// Adds a row of `table`, as [`Table::values`] gives it.
    pub fn add(&mut self, table: &Table, values: &[Value]) {
        let mut hash = Sha256::new();
        for ((_, kind), value) in table.columns.iter().zip(values) {
            add(&mut hash, *kind, value);
        }
        let digest = hash.finalize();
        for (sum, part) in self.digests.iter_mut().zip(digest.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*part));
        }
        self.rows += 1;
    }
}

/// Each value with what tells where it ends.
fn add(hash: &mut Sha256, kind: Kind, value: &Value) {
    let mut bytes = |tag: u8, bytes: &[u8]| {
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    match value {
        Value::Null => bytes(0, &[]),
        Value::Bool(value) => bytes(1, &[u8::from(*value)]),
        Value::Int(value) => bytes(2, &value.to_le_bytes()),
        Value::Real(value) => bytes(3, &value.to_le_bytes()),
        Value::Text(text) if kind == Kind::Xml => bytes(4, document(text).as_bytes()),
        Value::Text(text) => bytes(4, text.as_bytes()),
        Value::Blob(value) => bytes(5, value),
        Value::Time(time) => bytes(6, &time.as_microsecond().to_le_bytes()),
        Value::List(list) => {
            bytes(7, &(list.len() as u64).to_le_bytes());
            list.iter().for_each(|text| bytes(8, text.as_bytes()));
        }
    }
}

/// XML without what stands before the document, of which PostgreSQL gives back as
/// much as it likes.
fn document(xml: &str) -> &str {
    let xml = xml.trim_start();
    match xml.strip_prefix("<?xml") {
        Some(declared) => declared.split_once("?>").map_or(xml, |(_, rest)| rest.trim_start()),
        None => xml,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::tables::TABLES;

    fn sum(rows: &[&[Value]]) -> Sum {
        let table = TABLES.iter().find(|table| table.name == "auth_user_group").unwrap();
        let mut sum = Sum::default();
        rows.iter().for_each(|row| sum.add(table, row));
        sum
    }

    #[test]
    fn it_depends_on_the_rows_and_not_on_their_order() {
        let (a, b) = (["a".into(), "bc".into()], ["ab".into(), "c".into()]);
        let null: [Value; 2] = ["a".into(), Value::Null];
        assert_eq!(sum(&[&a, &b]), sum(&[&b, &a]));
        let all = [sum(&[]), sum(&[&a]), sum(&[&b]), sum(&[&null]), sum(&[&a, &a]), sum(&[&a, &b])];
        for (position, one) in all.iter().enumerate() {
            assert!(all[..position].iter().all(|other| other != one), "{position}");
        }
    }

    #[test]
    fn the_declaration_of_xml_does_not_count() {
        for xml in ["<a/>", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a/>", " <?xml?><a/>"] {
            assert_eq!(document(xml), "<a/>");
        }
    }
}
