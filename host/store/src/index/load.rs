//! Reading the whole index from the database.
//!
//! A row that cannot be understood (another program wrote it) is left out with
//! a warning: it must not stop the daemon, and what is left out is not valid.

use std::collections::HashMap;
use std::mem::replace;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use wazo_auth_acl::Acl;

use crate::index::tokens::Record;
use crate::tokens::StoredToken;
use crate::{Conn, Error, IndexChange, Row, Seals, TokenIndex, tenants, tokens, users};

/// How many texts of ACLs are remembered while loading.
const KNOWN_TEXTS: usize = 10_000;
/// Rows that are passed on at once, and how many times so many may wait.
const BATCH: usize = 128;
const WAITING: usize = 4;

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
    loader = load_tokens(conn, now, loader)?;
    loader.warn();
    Ok(loader.index)
}

/// This thread reads the rows, another one makes something of them: each takes
/// about as long.
fn load_tokens(conn: &mut dyn Conn, now: i64, mut loader: Loader) -> Result<Loader, Error> {
    let seals = conn.seals().clone();
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        let other = thread::Builder::new().name("store-index".into());
        let loading = other.spawn_scoped(scope, move || {
            loader.tokens(receiver, &seals)?;
            Ok(loader)
        });
        let loading = loading.map_err(|error| Error::Other(format!("no thread: {error}")))?;
        let read = send_rows(conn, now, &sender);
        drop(sender);
        let loaded = loading.join().unwrap_or_else(|_| Err(stopped()));
        read.and(loaded)
    })
}

fn send_rows(conn: &mut dyn Conn, now: i64, to: &SyncSender<Vec<Row>>) -> Result<(), Error> {
    let mut batch = Vec::with_capacity(BATCH);
    tokens::each_live(conn, now, &mut |row| {
        batch.push(row);
        if batch.len() < BATCH {
            return Ok(());
        }
        let full = replace(&mut batch, Vec::with_capacity(BATCH));
        to.send(full).map_err(|_| stopped())
    })?;
    to.send(batch).map_err(|_| stopped())
}

fn stopped() -> Error {
    Error::Other("the index could not be loaded".into())
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

    fn tokens(&mut self, batches: Receiver<Vec<Row>>, seals: &Seals) -> Result<(), Error> {
        let mut rows = batches.into_iter().flatten();
        rows.try_for_each(|row| self.readable(StoredToken::read(&row, seals), Self::token))
    }

    fn token(&mut self, token: StoredToken<'_>) -> Result<(), Error> {
        let StoredToken { token: Some(token), session, expires, owner, acl } = token else {
            self.other_key += 1;
            return Ok(());
        };
        let acl = self.acl(acl)?;
        let home = self.index.home(&owner);
        let owner = self.index.interner.lock().owner(owner);
        self.index.tokens.insert(Record { token, session, expires, owner, home, acl });
        Ok(())
    }

    fn acl(&mut self, text: &str) -> Result<Arc<Acl>, Error> {
        if let Some(acl) = self.acls.get(text) {
            return Ok(Arc::clone(acl));
        }
        let acl = self.index.interner.lock().acl(&tokens::parse_acl(text)?);
        if self.acls.len() >= KNOWN_TEXTS {
            self.acls.clear();
        }
        self.acls.insert(text.to_owned(), Arc::clone(&acl));
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
