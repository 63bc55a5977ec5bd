//! Reading the whole index from the database.
//!
//! A row that cannot be understood (another program wrote it) is left out with
//! a warning: it must not stop the daemon, and what is left out is not valid.

use std::collections::HashMap;
use std::mem::replace;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use uuid::Uuid;
use wazo_auth_acl::Acl;

use crate::index::tokens::Record;
use crate::tokens::StoredToken;
use crate::{Conn, Error, IndexChange, Owner, TokenIndex, tenants, tokens, users};

/// How many texts of ACLs are remembered while loading.
const KNOWN_TEXTS: usize = 10_000;
/// Tokens that are passed on at once (a few dozen KiB), and how many times so
/// many may wait.
const BATCH: usize = 512;
const WAITING: usize = 8;

/// An index being filled.
#[derive(Default)]
struct Loader {
    index: Arc<TokenIndex>,
    batch: Vec<Understood>,
    /// The same text is the same ACL; most tokens have one of a few.
    acls: HashMap<String, Arc<Acl>, foldhash::fast::RandomState>,
    other_key: u64,
    unreadable: u64,
}

/// What a row says of a token.
struct Understood {
    token: Uuid,
    session: Uuid,
    expires: Option<i64>,
    owner: Owner,
    acl: Arc<Acl>,
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
    load_tokens(conn, now, &mut loader)?;
    loader.warn();
    Arc::into_inner(loader.index).ok_or_else(stopped)
}

/// This thread reads the rows and understands them, another one fills the index:
/// the one waits for the database, the other for memory. What goes from one to
/// the other is small: texts that one thread makes and another frees cost both.
fn load_tokens(conn: &mut dyn Conn, now: i64, loader: &mut Loader) -> Result<(), Error> {
    let index = Arc::clone(&loader.index);
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        let filler = thread::Builder::new().name("store-index".into());
        let filler = filler.spawn_scoped(scope, move || fill(&index, receiver));
        let filler = filler.map_err(|error| Error::Other(format!("no thread: {error}")))?;
        let seals = conn.seals().clone();
        let read = tokens::each_live(conn, now, &mut |row| {
            loader.readable(StoredToken::read(&row, &seals), Loader::token)?;
            if loader.batch.len() < BATCH { Ok(()) } else { loader.pass_on(&sender) }
        });
        let read = read.and_then(|()| loader.pass_on(&sender));
        drop(sender);
        let filled = filler.join();
        read.and(filled.map_err(|_| stopped()))
    })
}

fn fill(index: &TokenIndex, batches: Receiver<Vec<Understood>>) {
    for Understood { token, session, expires, owner, acl } in batches.into_iter().flatten() {
        let owner = index.interner.lock().owner(owner);
        index.tokens.insert(Record { token, session, expires, owner, acl }, &index.homes);
    }
}

fn stopped() -> Error {
    Error::Other("the index could not be filled".into())
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

    fn token(&mut self, token: StoredToken<'_>) -> Result<(), Error> {
        let StoredToken { token: Some(token), session, expires, owner, acl } = token else {
            self.other_key += 1;
            return Ok(());
        };
        let acl = self.acl(acl)?;
        self.batch.push(Understood { token, session, expires, owner, acl });
        Ok(())
    }

    fn pass_on(&mut self, to: &SyncSender<Vec<Understood>>) -> Result<(), Error> {
        let batch = replace(&mut self.batch, Vec::with_capacity(BATCH));
        to.send(batch).map_err(|_| stopped())
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
