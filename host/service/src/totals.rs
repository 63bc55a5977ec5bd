//! How long lists are, remembered until something is written: counting a
//! thousand rows takes longer than all else of a page of ten.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use parking_lot::RwLock;
use uuid::Uuid;
use wazo_auth_store::{self as store, Conn, ListQuery, Page, Store, Tenants};

/// Totals that are remembered at most; then all are forgotten.
const CAPACITY: usize = 4096;

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    Users(Tenants),
    Groups(Tenants),
    Policies(Tenants),
    Tenants(Uuid),
}

/// The totals of lists.
#[derive(Default)]
pub(crate) struct Totals(RwLock<Known>);

/// All of them counted at one version of the store.
#[derive(Default)]
struct Known {
    version: u64,
    totals: HashMap<Counted, u64, RandomState>,
}

// === impl Totals ===

impl Totals {
    /// A page that `list` reads, without counting what has been counted.
    pub(crate) fn page<T>(
        &self,
        store: &Store,
        counted: Counted,
        query: &ListQuery,
        list: impl Fn(&mut dyn Conn, &ListQuery) -> Result<Page<T>, store::Error>,
    ) -> Result<Page<T>, store::Error> {
        // Before the reading: what is counted may be newer than that, never older.
        let version = store.version();
        if let Some(total) = self.find(version, counted) {
            let query = ListQuery { total: Some(total), ..query.clone() };
            let page = store.read(|conn| list(conn, &query))?;
            // Or the rows may be newer than their number.
            if store.version() == version {
                return Ok(page);
            }
        }
        let page = store.read(|conn| list(conn, query))?;
        self.keep(version, counted, page.total);
        Ok(page)
    }

    fn find(&self, version: u64, counted: Counted) -> Option<u64> {
        let known = self.0.read();
        (known.version == version).then(|| known.totals.get(&counted).copied()).flatten()
    }

    fn keep(&self, version: u64, counted: Counted, total: u64) {
        let mut known = self.0.write();
        if known.version < version || known.totals.len() >= CAPACITY {
            *known = Known { version, ..Known::default() };
        }
        if known.version == version {
            known.totals.insert(counted, total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_before_a_write_is_counted_again() {
        let totals = Totals::default();
        let users = Counted::Users(Tenants::Only(Uuid::nil()));
        totals.keep(1, users, 10);
        assert_eq!(totals.find(1, users), Some(10));
        assert_eq!(totals.find(1, Counted::Users(Tenants::Subtree(Uuid::nil()))), None);
        assert_eq!(totals.find(2, users), None);
        totals.keep(2, users, 11);
        // By somebody slow.
        totals.keep(1, users, 10);
        assert_eq!(totals.find(2, users), Some(11));
    }
}
