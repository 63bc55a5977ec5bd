//! Every live token, in memory.
//!
//! ```text
//!   get ──▶ tokens: 16 locks, each a table token ▶ (session, expiry, owner, acl, home)
//!                                                                     │     │    │
//!           tenants: one lock, child ▶ parent                         ▼     ▼    │
//!           homes: one lock, user ▶ tenant                          Owner  Acl   │ shared by equals
//!                             ▲───────── remembered until a user moves ◀─────────┘
//! ```
//!
//! It is exact: the writer changes it after the commit of a transaction and
//! before it answers; expiry is looked at on every read. Reading neither
//! allocates nor waits for a disk.

mod filling;
mod homes;
mod interner;
mod lines;
mod load;
mod owner;
mod table;
mod tenants;
mod tokens;

use std::mem::swap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use uuid::Uuid;
use wazo_auth_acl::Acl;

pub(crate) use load::load;
pub use owner::{AuthId, Owner};

use crate::index::homes::Homes;
use crate::index::interner::Interner;
use crate::index::tenants::TenantTree;
use crate::index::tokens::{Record, TokenMap};

/// The index of live tokens, tenants and users' current tenants.
#[derive(Default)]
pub struct TokenIndex {
    tokens: TokenMap,
    tenants: RwLock<TenantTree>,
    homes: RwLock<Homes>,
    /// How often a user was found to be gone or elsewhere; changed under the lock
    /// of `homes`.
    moves: AtomicU64,
    interner: Mutex<Interner>,
}

/// A token that is valid now.
#[derive(Debug, Clone)]
pub struct LiveToken {
    /// The token itself.
    pub token: Uuid,
    /// Its session.
    pub session: Uuid,
    /// Epoch seconds of its expiry; none never expires.
    pub expires: Option<i64>,
    /// Who it was given to.
    pub owner: Arc<Owner>,
    /// What it allows.
    pub acl: Arc<Acl>,
}

/// A token that is valid now, looked at where it is.
#[derive(Clone, Copy)]
pub struct LiveTokenRef<'a> {
    /// Its session.
    pub session: &'a Uuid,
    /// Who it was given to.
    pub owner: &'a Owner,
    /// What it allows.
    pub acl: &'a Acl,
    remembered: Option<Uuid>,
    home_of_user: &'a dyn Fn(&Uuid) -> Option<Uuid>,
}

/// Where the owner of a token is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// The owner is a user in this tenant.
    Tenant(Uuid),
    /// The owner's `auth_id` is a UUID, but not that of a user (any more).
    Unknown,
    /// The owner's `auth_id` is no UUID, so it is no user.
    NoUser,
}

/// A token to be added to the index.
#[derive(Debug, Clone)]
pub struct IndexedToken {
    /// The token itself.
    pub token: Uuid,
    /// Its session.
    pub session: Uuid,
    /// Epoch seconds of its expiry; none never expires.
    pub expires: Option<i64>,
    /// Who it is given to.
    pub owner: Owner,
    /// Its grants.
    pub acl: Vec<String>,
}

/// A change of the index, made after the commit of the rows it mirrors.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum IndexChange {
    /// A token was inserted.
    Token(Box<IndexedToken>),
    /// A token was deleted.
    RemoveToken(Uuid),
    /// A user is now in this tenant; none: the user was deleted.
    UserTenant(Uuid, Option<Uuid>),
    /// A tenant was inserted or has another parent.
    Tenant {
        /// The tenant.
        uuid: Uuid,
        /// Its parent; itself for the top tenant.
        parent: Uuid,
    },
    /// A tenant was deleted. That its users are gone is said of each of them.
    RemoveTenant(Uuid),
}

// === impl LiveTokenRef ===

impl LiveTokenRef<'_> {
    /// Where its owner is now. As a rule, the token itself remembers.
    #[must_use]
    pub fn home(&self) -> Home {
        if let Some(tenant) = self.remembered {
            return Home::Tenant(tenant);
        }
        match self.owner.auth_id.uuid() {
            Some(user) => (self.home_of_user)(&user).map_or(Home::Unknown, Home::Tenant),
            None => Home::NoUser,
        }
    }
}

// === impl TokenIndex ===

impl TokenIndex {
    /// The token, if it exists and is not expired at `now` (epoch seconds): it
    /// is expired when `now` is strictly greater than its expiry.
    #[must_use]
    pub fn get(&self, token: &Uuid, now: i64) -> Option<LiveToken> {
        self.tokens.get(token, now)
    }

    /// What `look` makes of the token, if it is valid at `now`. Unlike
    /// [`get`](Self::get), it takes no share of what tokens have in common, so
    /// that processors do not have to agree on how many share it. The writer of
    /// a part of the tokens waits for `look`.
    pub fn look<T>(
        &self,
        token: &Uuid,
        now: i64,
        look: impl FnOnce(LiveTokenRef<'_>) -> T,
    ) -> Option<T> {
        self.tokens.look(token, now, &self.homes, look)
    }

    /// Asks for the memory that [`look`](Self::look) will read of the token, to
    /// be called a little earlier, first of all. Changes nothing but the time.
    pub fn prefetch(&self, token: &Uuid) {
        self.tokens.prefetch(token);
    }

    /// The UUID that `text` is, in its canonical form only: 36 characters,
    /// lower case, with dashes.
    #[must_use]
    pub fn parse_token(text: &str) -> Option<Uuid> {
        let uuid = Uuid::try_parse(text).ok()?;
        let mut buffer = Uuid::encode_buffer();
        (text == uuid.hyphenated().encode_lower(&mut buffer)).then_some(uuid)
    }

    /// The current tenant of a user, by its UUID; none for a user that does not
    /// exist (any more).
    #[must_use]
    pub fn tenant_of_user(&self, user: &Uuid) -> Option<Uuid> {
        self.homes.read().tenant(user)
    }

    /// Whether the tenant exists.
    #[must_use]
    pub fn tenant_exists(&self, tenant: &Uuid) -> bool {
        self.tenants.read().contains(tenant)
    }

    /// Whether `tenant` is `ancestor` or below it; false when it does not exist.
    #[must_use]
    pub fn is_in_subtree(&self, tenant: &Uuid, ancestor: &Uuid) -> bool {
        self.tenants.read().is_in_subtree(tenant, ancestor)
    }

    /// `root` and everything below it; empty when it does not exist.
    #[must_use]
    pub fn subtree(&self, root: &Uuid) -> Vec<Uuid> {
        self.tenants.read().subtree(root)
    }

    /// The tenant that is its own parent.
    #[must_use]
    pub fn top_tenant(&self) -> Option<Uuid> {
        self.tenants.read().top()
    }

    /// The number of tokens held, expired ones that were not purged yet
    /// included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether it holds no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes one change. Only the writer does so, after a commit.
    pub(crate) fn apply(&self, change: IndexChange) {
        match change {
            IndexChange::Token(token) => self.insert(*token),
            IndexChange::RemoveToken(token) => self.tokens.remove(&token),
            IndexChange::UserTenant(user, tenant) => self.set_home(user, tenant),
            IndexChange::Tenant { uuid, parent } => self.tenants.write().insert(uuid, parent),
            IndexChange::RemoveTenant(tenant) => self.tenants.write().remove(&tenant),
        }
    }

    fn insert(&self, token: IndexedToken) {
        let mut interner = self.interner.lock();
        let owner = interner.owner(token.owner);
        let acl = interner.acl(&token.acl);
        drop(interner);
        let IndexedToken { token, session, expires, .. } = token;
        self.tokens.insert(Record { token, session, expires, owner, acl }, &self.homes);
    }

    fn set_home(&self, user: Uuid, tenant: Option<Uuid>) {
        let was_elsewhere = self.homes.write().set(user, tenant);
        if was_elsewhere {
            self.tokens.forget_homes(|tenant| self.tenant_exists(tenant));
        }
    }

    /// Takes over everything that `fresh` holds. A reader sees the old state of
    /// everything or the new one.
    pub(crate) fn replace(&self, fresh: Self) {
        let Self { mut tokens, tenants, homes, moves: _, interner } = fresh;
        let (mut tenants, mut homes) = (tenants.into_inner(), homes.into_inner());
        // In the order in which readers take them. What is old is freed after
        // they are given back: it may be much.
        self.tokens.exchange(&mut tokens, || {
            swap(&mut *self.tenants.write(), &mut tenants);
            let mut own = self.homes.write();
            swap(&mut *own, &mut homes);
            self.moves.fetch_add(1, Ordering::AcqRel);
        });
        *self.interner.lock() = interner.into_inner();
    }
}

#[cfg(test)]
mod tests;
