//! What an author may name: every item that can be reached from outside.

use std::collections::BTreeSet;

use crate::{record::Record, sources};

const RECORD: Record = Record {
    file: "public-items.txt",
    about: "What plugins in Rust may name, one item a line: made by tests/promise/public_items.rs.\n\
            Lines may be added with scripts/record-promise; none is ever removed or changed.",
    refuses,
};

/// What breaks the sources of plugins though it is only added.
fn refuses(line: &str, recorded: &BTreeSet<String>) -> Option<String> {
    let (item, rest) = line.split_once(": ")?;
    let is_old = |item: &str| {
        let start = format!("{item}: ");
        recorded.iter().any(|line| line.starts_with(&start) || line.starts_with(item))
    };
    if item.starts_with("trait ") && rest.ends_with(';') && is_old(item) {
        return Some(format!("{line} (a method that is added to a trait needs a default)"));
    }
    None
}

#[test]
fn what_authors_may_name_is_what_was_promised() {
    let items = sources::public_items();
    assert!(items.len() > 200, "{items:?}");
    RECORD.check(&items);
}

#[test]
fn a_method_without_a_default_is_not_added() {
    let recorded = BTreeSet::from(["trait Backend: fn new(config: C) -> Self;".to_owned()]);
    assert!(refuses("trait Backend: fn more(&self);", &recorded).is_some());
    assert!(refuses("trait Backend: fn more(&self) { .. }", &recorded).is_none());
    assert!(refuses("trait Later: fn more(&self);", &recorded).is_none());
}
