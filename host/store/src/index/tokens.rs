//! The map of tokens, cut into pieces with a lock each.

use std::mem::swap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{RwLock, RwLockWriteGuard};
use uuid::Uuid;
use wazo_auth_acl::Acl;

use crate::index::lines::prefetch;
use crate::index::table::{Keyed, Table, hash, place};
use crate::index::{Home, LiveTokenRef};
use crate::{LiveToken, Owner};

/// Enough that a reader seldom meets the writer, and that a table which moves
/// stops a sixteenth of the readers; few enough that each fills huge pages.
const SHARDS: usize = 16;

#[derive(Default)]
pub(super) struct TokenMap {
    shards: [Shard; SHARDS],
    hints: [Hint; SHARDS],
}

/// In a line of its own: locks of others are taken all the time.
#[derive(Default)]
#[repr(align(64))]
struct Shard(RwLock<Table<Packed>>);

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
    /// Of the user, where a user was given it.
    pub home: Option<Arc<Home>>,
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
    home: Option<Arc<Home>>,
    acl: Arc<Acl>,
}

const _: () = assert!(size_of::<Option<Packed>>() == 64);

const NEVER: i64 = i64::MAX;

// === impl TokenMap ===

impl TokenMap {
    pub fn get(&self, token: &Uuid, now: i64) -> Option<LiveToken> {
        let hash = hash(token);
        let table = self.shard(hash).0.read();
        let Packed { session, expires, owner, acl, .. } = live(&table, hash, token, now)?;
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
        look: impl FnOnce(LiveTokenRef<'_>) -> T,
    ) -> Option<T> {
        let hash = hash(token);
        let table = self.shard(hash).0.read();
        let Packed { session, owner, home, acl, .. } = live(&table, hash, token, now)?;
        Some(look(LiveTokenRef { session, owner, home: home.as_deref(), acl }))
    }

    /// Asks for the memory of a token's record.
    pub fn prefetch(&self, token: &Uuid) {
        let hash = hash(token);
        let Hint { address, count } = &self.hints[piece(hash)];
        let place = place(hash, count.load(Ordering::Relaxed));
        prefetch(address.load(Ordering::Relaxed).wrapping_add(place * size_of::<Packed>()));
    }

    /// Asks for the memory of what its record refers to.
    pub fn prefetch_home(&self, token: &Uuid) {
        let hash = hash(token);
        let table = self.shard(hash).0.read();
        if let Some(Packed { home: Some(home), .. }) = table.get(hash, token) {
            prefetch(Arc::as_ptr(home).addr());
        }
    }

    pub fn insert(&self, record: Record) {
        let Record { token, session, expires, owner, home, acl } = record;
        let expires = expires.unwrap_or(NEVER);
        let packed = Packed { token, session, expires, owner, home, acl };
        let hash = hash(&token);
        self.make_room(hash);
        let replaced = self.shard(hash).0.write().insert(hash, packed);
        // Freed after the lock is given back.
        drop(replaced);
    }

    /// Moves a table that is full. Readers wait for the move, not for the system
    /// to find the memory.
    fn make_room(&self, hash: u64) {
        let more_room = self.shard(hash).0.read().more_room();
        let Some(more_room) = more_room else { return };
        let room = more_room();
        let mut table = self.shard(hash).0.write();
        let left = table.grow(room);
        self.hints[piece(hash)].set(&table);
        drop(table);
        drop(left);
    }

    pub fn remove(&self, token: &Uuid) {
        let hash = hash(token);
        let removed = self.shard(hash).0.write().remove(hash, token);
        // Freed after the lock is given back.
        drop(removed);
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.read().len()).sum()
    }

    /// Exchanges everything with `other`, and calls `exchange_more` while nobody
    /// may read.
    pub fn exchange(&self, other: &mut Self, exchange_more: impl FnOnce()) {
        let mut locked: Vec<RwLockWriteGuard<'_, _>> =
            self.shards.iter().map(|shard| shard.0.write()).collect();
        for ((own, other), hint) in locked.iter_mut().zip(&mut other.shards).zip(&self.hints) {
            swap(&mut **own, other.0.get_mut());
            hint.set(own);
        }
        exchange_more();
    }

    fn shard(&self, hash: u64) -> &Shard {
        &self.shards[piece(hash)]
    }
}

/// In which piece a hash belongs: its last bits, since the first ones say where
/// in the piece.
#[allow(clippy::cast_possible_truncation, reason = "it is below SHARDS")]
fn piece(hash: u64) -> usize {
    (hash % SHARDS as u64) as usize
}

fn live<'a>(table: &'a Table<Packed>, hash: u64, token: &Uuid, now: i64) -> Option<&'a Packed> {
    table.get(hash, token).filter(|record| now <= record.expires)
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
