//! Reading the whole index from the database.
//!
//! A row that cannot be understood (another program wrote it) is left out with
//! a warning: it must not stop the daemon, and what is left out is not valid.

use std::collections::HashMap;
use std::sync::Arc;

use wazo_auth_acl::Acl;

use crate::index::tokens::Record;
use crate::tokens::StoredToken;
use crate::{Conn, Error, IndexChange, TokenIndex, tenants, tokens, users};

/// How many texts of ACLs are remembered while loading.
const KNOWN_TEXTS: usize = 10_000;

/// An index being filled.
#[derive(Default)]
struct Loader {
    index: TokenIndex,
    /// The same text is the same ACL; most tokens have one of a few.
    acls: HashMap<String, Arc<Acl>, foldhash::fast::RandomState>,
    other_key: u64,
    unreadable: u64,
}

/// An index of what the database holds at `now` (epoch seconds). To be called
/// inside one transaction.
///
/// # Errors
/// What the database reports.
pub(crate) fn load(conn: &mut dyn Conn, now: i64) -> Result<TokenIndex, Error> {
    let mut loader = Loader::default();
    tenants::each_parent(conn, &mut |row| {
        loader.readable(row, |loader, (uuid, parent)| {
            loader.index.apply(IndexChange::Tenant { uuid, parent });
            Ok(())
        })
    })?;
    users::each_tenant(conn, &mut |row| {
        loader.readable(row, |loader, (user, tenant)| {
            loader.index.apply(IndexChange::UserTenant(user, Some(tenant)));
            Ok(())
        })
    })?;
    tokens::each_live(conn, now, &mut |row| loader.readable(row, Loader::token))?;
    loader.warn();
    Ok(loader.index)
}

// === impl Loader ===

impl Loader {
    /// Takes a row in, unless its content is wrong.
    fn readable<T>(
        &mut self,
        row: Result<T, Error>,
        take: impl FnOnce(&mut Self, T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match row.and_then(|row| take(self, row)) {
            Err(Error::Content { .. }) => {
                self.unreadable += 1;
                Ok(())
            }
            result => result,
        }
    }

    fn token(&mut self, token: StoredToken) -> Result<(), Error> {
        let StoredToken { token: Some(uuid), session, expires, owner, acl } = token else {
            self.other_key += 1;
            return Ok(());
        };
        let acl = self.acl(acl)?;
        let owner = self.index.interner.lock().owner(owner);
        self.index.tokens.insert(uuid, Record { session, expires, owner, acl });
        Ok(())
    }

    fn acl(&mut self, text: String) -> Result<Arc<Acl>, Error> {
        if let Some(acl) = self.acls.get(&text) {
            return Ok(Arc::clone(acl));
        }
        let acl = self.index.interner.lock().acl(&tokens::parse_acl(&text)?);
        if self.acls.len() >= KNOWN_TEXTS {
            self.acls.clear();
        }
        self.acls.insert(text, Arc::clone(&acl));
        Ok(acl)
    }

    fn warn(&self) {
        if self.other_key > 0 {
            log::warn!(
                target: "wazo_auth.store",
                "{} tokens were sealed under another key and are not valid here: \
                 check token_key_file", self.other_key
            );
        }
        if self.unreadable > 0 {
            log::warn!(
                target: "wazo_auth.store",
                "{} rows of tenants, users or tokens cannot be understood and are ignored",
                self.unreadable
            );
        }
    }
}
