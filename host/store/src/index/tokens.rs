//! The map of tokens, cut into pieces with a lock each.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::{RwLock, RwLockWriteGuard};
use uuid::Uuid;
use wazo_auth_acl::Acl;

use crate::index::{Home, LiveTokenRef};
use crate::{LiveToken, Owner};

/// Enough that a reader seldom meets the writer, and that a map which grows
/// stops a sixty-fourth of the readers.
const SHARDS: usize = 64;

pub(super) struct TokenMap {
    shards: [RwLock<Shard>; SHARDS],
}

#[derive(Default)]
pub(super) struct Shard {
    records: HashTable<Packed>,
    hasher: RandomState,
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

const _: () = assert!(size_of::<Packed>() == 64);

const NEVER: i64 = i64::MAX;

// === impl TokenMap ===

impl Default for TokenMap {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()) }
    }
}

impl TokenMap {
    pub fn get(&self, token: &Uuid, now: i64) -> Option<LiveToken> {
        let shard = self.shard(token).read();
        let Packed { session, expires, owner, acl, .. } = shard.live(token, now)?;
        Some(LiveToken {
            token: *token,
            session: *session,
            expires: (*expires != NEVER).then_some(*expires),
            owner: Arc::clone(owner),
            acl: Arc::clone(acl),
        })
    }

    pub fn look<T>(
        &self,
        token: &Uuid,
        now: i64,
        look: impl FnOnce(LiveTokenRef<'_>) -> T,
    ) -> Option<T> {
        let shard = self.shard(token).read();
        let Packed { session, owner, home, acl, .. } = shard.live(token, now)?;
        Some(look(LiveTokenRef { session, owner, home: home.as_deref(), acl }))
    }

    pub fn insert(&self, record: Record) {
        let Record { token, session, expires, owner, home, acl } = record;
        let expires = expires.unwrap_or(NEVER);
        let packed = Packed { token, session, expires, owner, home, acl };
        self.shard(&token).write().insert(packed);
    }

    pub fn remove(&self, token: &Uuid) {
        let removed = self.shard(token).write().remove(token);
        // Freed after the lock is given back.
        drop(removed);
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().records.len()).sum()
    }

    /// All of it, for as long as nobody may read.
    pub fn lock(&self) -> Vec<RwLockWriteGuard<'_, Shard>> {
        self.shards.iter().map(RwLock::write).collect()
    }

    pub fn into_shards(self) -> impl Iterator<Item = Shard> {
        self.shards.into_iter().map(RwLock::into_inner)
    }

    fn shard(&self, token: &Uuid) -> &RwLock<Shard> {
        // Neither the version nor the variant bits of a UUID: all random.
        let [.., last] = *token.as_bytes();
        &self.shards[usize::from(last) % SHARDS]
    }
}

// === impl Shard ===

impl Shard {
    fn live(&self, token: &Uuid, now: i64) -> Option<&Packed> {
        let found = self.records.find(self.hasher.hash_one(token), |record| record.token == *token);
        found.filter(|record| now <= record.expires)
    }

    fn insert(&mut self, record: Packed) {
        let Self { records, hasher } = self;
        let hash = hasher.hash_one(record.token);
        let entry = records.entry(
            hash,
            |other| other.token == record.token,
            |other| hasher.hash_one(other.token),
        );
        match entry {
            Entry::Occupied(mut entry) => *entry.get_mut() = record,
            Entry::Vacant(entry) => drop(entry.insert(record)),
        }
    }

    fn remove(&mut self, token: &Uuid) -> Option<Packed> {
        let hash = self.hasher.hash_one(token);
        let entry = self.records.find_entry(hash, |record| record.token == *token).ok()?;
        Some(entry.remove().0)
    }
}
