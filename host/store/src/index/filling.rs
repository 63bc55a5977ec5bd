//! An index that holds what was asked for, in front of a database that other
//! daemons and programs change.
//!
//! What is read from the database may be overtaken on its way into the index: so
//! whoever reads takes a [`Mark`] first, and what was taken out since then is not
//! put in. Removals come from the database in the order of its commits.

use std::sync::atomic::Ordering;

use uuid::Uuid;

use crate::index::IndexedToken;
use crate::index::tenants::TenantTree;
use crate::index::tokens::{Record, Removals};
use crate::{AuthId, TokenIndex};

/// What had been taken out of the index at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    removals: Removals,
    moves: u64,
}

impl TokenIndex {
    /// To be taken before reading what [`fill`](Self::fill) is given.
    pub(crate) fn mark(&self) -> Mark {
        Mark { removals: self.tokens.removals(), moves: self.moves.load(Ordering::Acquire) }
    }

    /// Takes in a token that was read since `mark`, and the tenant of the user it
    /// was given to, unless they may be gone already.
    pub(crate) fn fill(&self, token: IndexedToken, home: Option<Uuid>, mark: &Mark) {
        if let (Some(user), Some(home)) = (AuthId::uuid(&token.owner.auth_id), home) {
            self.fill_home(user, home, mark);
        }
        let IndexedToken { token, session, expires, owner, acl } = token;
        let mut interner = self.interner.lock();
        let (owner, acl) = (interner.owner(owner), interner.acl(&acl));
        drop(interner);
        let record = Record { token, session, expires, owner, acl };
        self.tokens.insert_if(record, &self.homes, Some(&mark.removals));
    }

    /// Takes in where a user is, as was read since `mark`.
    pub(crate) fn fill_home(&self, user: Uuid, home: Uuid, mark: &Mark) {
        let mut homes = self.homes.write();
        let is_overtaken = self.moves.load(Ordering::Acquire) != mark.moves;
        let was_elsewhere = !is_overtaken && homes.set(user, Some(home));
        drop(homes);
        if was_elsewhere {
            self.tokens.forget_homes(|tenant| self.tenant_exists(tenant));
        }
    }

    /// Takes out a token.
    pub(crate) fn forget_token(&self, token: &Uuid) {
        self.tokens.remove(token);
    }

    /// Forgets where a user is.
    pub(crate) fn forget_home(&self, user: Uuid) {
        let mut homes = self.homes.write();
        self.moves.fetch_add(1, Ordering::AcqRel);
        let was_known = homes.set(user, None);
        drop(homes);
        if was_known {
            self.tokens.forget_homes(|tenant| self.tenant_exists(tenant));
        }
    }

    /// Takes out the tokens that had expired at `now` (epoch seconds).
    pub(crate) fn forget_expired(&self, now: i64) {
        self.tokens.remove_expired(now);
    }

    /// Takes out everything but the tenants.
    pub(crate) fn forget(&self) {
        let fresh = Self::default();
        self.tenants.read().clone_into(&mut fresh.tenants.write());
        self.replace(fresh);
    }

    /// Takes over the whole tree of tenants: each with its parent.
    pub(crate) fn set_tenants(&self, tenants: &[(Uuid, Uuid)]) {
        let mut tree = TenantTree::default();
        tenants.iter().for_each(|(tenant, parent)| tree.insert(*tenant, *parent));
        let old = std::mem::replace(&mut *self.tenants.write(), tree);
        drop(old);
    }
}
