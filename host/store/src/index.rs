//! Every live token, in memory.
//!
//! ```text
//!   get ──▶ tokens: 64 locks, each a map token ▶ (session, expiry, owner, acl)
//!                                                        │        │
//!           tenants: one lock, child ▶ parent            ▼        ▼
//!           users: one lock, user ▶ current tenant     Owner     Acl   shared by equals
//! ```
//!
//! It is exact: the writer changes it after the commit of a transaction and
//! before it answers; expiry is looked at on every read. Reading neither
//! allocates nor waits for a disk.

mod interner;
mod load;
mod owner;
mod tenants;
mod tokens;

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use uuid::Uuid;
use wazo_auth_acl::Acl;

pub(crate) use load::load;
pub use owner::{AuthId, Owner};

use crate::index::interner::Interner;
use crate::index::tenants::TenantTree;
use crate::index::tokens::{Record, TokenMap};

type UserMap = std::collections::HashMap<Uuid, Uuid, foldhash::fast::RandomState>;

/// The index of live tokens, tenants and users' current tenants.
#[derive(Default)]
pub struct TokenIndex {
    tokens: TokenMap,
    tenants: RwLock<TenantTree>,
    users: RwLock<UserMap>,
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
#[derive(Debug, Clone, Copy)]
pub struct LiveTokenRef<'a> {
    /// Its session.
    pub session: &'a Uuid,
    /// Who it was given to.
    pub owner: &'a Owner,
    /// What it allows.
    pub acl: &'a Acl,
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
        self.tokens.look(token, now, look)
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
        self.users.read().get(user).copied()
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
            IndexChange::UserTenant(user, Some(tenant)) => {
                self.users.write().insert(user, tenant);
            }
            IndexChange::UserTenant(user, None) => {
                self.users.write().remove(&user);
            }
            IndexChange::Tenant { uuid, parent } => self.tenants.write().insert(uuid, parent),
            IndexChange::RemoveTenant(tenant) => self.tenants.write().remove(&tenant),
        }
    }

    fn insert(&self, token: IndexedToken) {
        let mut interner = self.interner.lock();
        let record = Record {
            session: token.session,
            expires: token.expires,
            owner: interner.owner(token.owner),
            acl: interner.acl(&token.acl),
        };
        drop(interner);
        self.tokens.insert(token.token, record);
    }

    /// Takes over everything that `fresh` holds. A reader sees the old or the
    /// new state of each token, tenant and user.
    pub(crate) fn replace(&self, fresh: Self) {
        *self.tenants.write() = fresh.tenants.into_inner();
        *self.users.write() = fresh.users.into_inner();
        *self.interner.lock() = fresh.interner.into_inner();
        self.tokens.replace(fresh.tokens);
    }
}

#[cfg(test)]
mod tests;
