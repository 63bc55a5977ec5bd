//! The map of tokens, cut into pieces with a lock each.

use std::mem::swap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{RwLock, RwLockWriteGuard};
use uuid::Uuid;
use wazo_auth_acl::Acl;

use crate::index::LiveTokenRef;
use crate::index::homes::{Homes, Known, Memory};
use crate::index::lines::prefetch;
use crate::index::table::{Keyed, Table, hash, place};
use crate::{LiveToken, Owner};

/// Enough that a reader seldom meets the writer, and that a table which moves
/// stops a sixteenth of the readers; few enough that each fills huge pages.
const SHARDS: usize = 16;

#[derive(Default)]
pub(super) struct TokenMap {
    shards: [Shard; SHARDS],
    hints: [Hint; SHARDS],
    /// How often something was taken out of each shard; changed under its lock.
    removals: [AtomicU64; SHARDS],
}

/// What had been taken out of a map at some moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Removals([u64; SHARDS]);

/// In a line of its own: locks of others are taken all the time.
#[derive(Default)]
#[repr(align(64))]
struct Shard(RwLock<Piece>);

#[derive(Default)]
struct Piece {
    table: Table<Packed>,
    tenants: Known,
}

/// Where a shard's table was a moment ago, to be read without a lock: good
/// enough to ask for memory in advance, and for nothing else.
#[derive(Default)]
struct Hint {
    address: AtomicUsize,
    count: AtomicUsize,
}

/// What is known of a token.
pub(super) struct Record {
    pub token: Uuid,
    pub session: Uuid,
    pub expires: Option<i64>,
    pub owner: Arc<Owner>,
    pub acl: Arc<Acl>,
}

/// [`Record`] in one line of the processor's cache: tokens are asked for at
/// random, so that each line is one to be waited for.
#[repr(align(64))]
struct Packed {
    token: Uuid,
    session: Uuid,
    expires: i64,
    owner: Arc<Owner>,
    acl: Arc<Acl>,
    /// The tenant of the user, where a user was given it.
    tenant: Memory,
}

const _: () = assert!(size_of::<Option<Packed>>() == 64);

const NEVER: i64 = i64::MAX;

// === impl TokenMap ===

impl TokenMap {
    pub fn get(&self, token: &Uuid, now: i64) -> Option<LiveToken> {
        let hash = hash(token);
        let piece = self.shard(hash).0.read();
        let Packed { session, expires, owner, acl, .. } = piece.live(hash, token, now)?;
        Some(LiveToken {
            token: *token,
            session: *session,
            expires: (*expires != NEVER).then_some(*expires),
            owner: Arc::clone(owner),
            acl: Arc::clone(acl),
        })
    }

    #[inline]
    pub fn look<T>(
        &self,
        token: &Uuid,
        now: i64,
        homes: &RwLock<Homes>,
        look: impl FnOnce(LiveTokenRef<'_>) -> T,
    ) -> Option<T> {
        let hash = hash(token);
        let piece = self.shard(hash).0.read();
        let Packed { session, owner, acl, tenant, .. } = piece.live(hash, token, now)?;
        let home_of_user = &|user: &Uuid| piece.home(tenant, user, homes);
        let remembered = piece.tenants.recall(tenant);
        Some(look(LiveTokenRef { session, owner, acl, remembered, home_of_user }))
    }

    /// Asks for the memory of a token's record.
    pub fn prefetch(&self, token: &Uuid) {
        let hash = hash(token);
        let Hint { address, count } = &self.hints[number(hash)];
        let place = place(hash, count.load(Ordering::Relaxed));
        prefetch(address.load(Ordering::Relaxed).wrapping_add(place * size_of::<Packed>()));
    }

    /// To be asked for before reading what [`insert_if`](Self::insert_if) is given.
    pub fn removals(&self) -> Removals {
        Removals(self.removals.each_ref().map(|removals| removals.load(Ordering::Acquire)))
    }

    pub fn insert(&self, record: Record, homes: &RwLock<Homes>) {
        self.insert_if(record, homes, None);
    }

    /// Inserts a token, unless one of its shard was taken out since `unless`: it
    /// may have been this one.
    pub fn insert_if(&self, record: Record, homes: &RwLock<Homes>, unless: Option<&Removals>) {
        let Record { token, session, expires, owner, acl } = record;
        let expires = expires.unwrap_or(NEVER);
        let packed = Packed { token, session, expires, owner, acl, tenant: Memory::default() };
        let hash = hash(&token);
        self.make_room(hash);
        let mut piece = self.shard(hash).0.write();
        let removals = self.removals[number(hash)].load(Ordering::Acquire);
        if unless.is_some_and(|unless| unless.0[number(hash)] != removals) {
            return;
        }
        if let Some(user) = packed.owner.auth_id.uuid() {
            piece.learn_home(&packed.tenant, &user, homes);
        }
        let replaced = piece.table.insert(hash, packed);
        // Freed after the lock is given back.
        drop(piece);
        drop(replaced);
    }

    /// Makes tokens ask again where their users are: one of them was in another
    /// tenant before.
    pub fn forget_homes(&self, exists: impl Fn(&Uuid) -> bool) {
        self.shards.iter().for_each(|shard| shard.0.write().tenants.forget(&exists));
    }

    /// Moves a table that is full. Readers wait for the move, not for the system
    /// to find the memory.
    fn make_room(&self, hash: u64) {
        let more_room = self.shard(hash).0.read().table.more_room();
        let Some(more_room) = more_room else { return };
        let room = more_room();
        let mut piece = self.shard(hash).0.write();
        let left = piece.table.grow(room);
        self.hints[number(hash)].set(&piece.table);
        drop(piece);
        drop(left);
    }

    pub fn remove(&self, token: &Uuid) {
        let hash = hash(token);
        let mut piece = self.shard(hash).0.write();
        let removed = piece.table.remove(hash, token);
        self.removals[number(hash)].fetch_add(1, Ordering::AcqRel);
        // Freed after the lock is given back.
        drop(piece);
        drop(removed);
    }

    /// Takes out what had expired at `now` (epoch seconds).
    pub fn remove_expired(&self, now: i64) {
        for shard in &self.shards {
            let piece = shard.0.read();
            let expired = piece.table.iter().filter(|record| record.expires < now);
            let expired: Vec<Uuid> = expired.map(|record| record.token).collect();
            drop(piece);
            expired.iter().for_each(|token| self.remove(token));
        }
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.read().table.len()).sum()
    }

    /// Exchanges everything with `other`, and calls `exchange_more` while nobody
    /// may read.
    pub fn exchange(&self, other: &mut Self, exchange_more: impl FnOnce()) {
        let mut locked: Vec<RwLockWriteGuard<'_, _>> =
            self.shards.iter().map(|shard| shard.0.write()).collect();
        for ((own, other), hint) in locked.iter_mut().zip(&mut other.shards).zip(&self.hints) {
            swap(&mut **own, other.0.get_mut());
            hint.set(&own.table);
        }
        self.removals.iter().for_each(|removals| _ = removals.fetch_add(1, Ordering::AcqRel));
        exchange_more();
    }

    fn shard(&self, hash: u64) -> &Shard {
        &self.shards[number(hash)]
    }
}

/// In which piece a hash belongs: its last bits, since the first ones say where
/// in the piece.
#[allow(clippy::cast_possible_truncation, reason = "it is below SHARDS")]
fn number(hash: u64) -> usize {
    (hash % SHARDS as u64) as usize
}

// === impl Piece ===

impl Piece {
    #[inline]
    fn live(&self, hash: u64, token: &Uuid, now: i64) -> Option<&Packed> {
        self.table.get(hash, token).filter(|record| now <= record.expires)
    }

    /// The tenant of a token's user, to be remembered. Who changes it writes it
    /// into `homes` first and makes this piece forget then, for which it waits
    /// until nobody is here: what is old now is not remembered for long enough
    /// to be wrong.
    fn home(&self, memory: &Memory, user: &Uuid, homes: &RwLock<Homes>) -> Option<Uuid> {
        let tenant = homes.read().tenant(user)?;
        self.tenants.remember(memory, &tenant);
        Some(tenant)
    }

    /// The same, of a tenant that may be new here.
    fn learn_home(&mut self, memory: &Memory, user: &Uuid, homes: &RwLock<Homes>) {
        let Some(tenant) = homes.read().tenant(user) else { return };
        self.tenants.learn(tenant);
        self.tenants.remember(memory, &tenant);
    }
}

// === impl Hint ===

impl Hint {
    fn set(&self, table: &Table<Packed>) {
        let (address, count) = table.extent();
        self.address.store(address, Ordering::Relaxed);
        self.count.store(count, Ordering::Relaxed);
    }
}

// === impl Packed ===

impl Keyed for Packed {
    fn key(&self) -> &Uuid {
        &self.token
    }
}
