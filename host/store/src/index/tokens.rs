//! The map of tokens, cut into pieces with a lock each.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::RwLock;
use uuid::Uuid;
use wazo_auth_acl::Acl;

use crate::{LiveToken, Owner, index::LiveTokenRef};

/// Enough that a reader seldom meets the writer, and that a map which grows
/// stops a sixty-fourth of the readers.
const SHARDS: usize = 64;

pub(super) struct TokenMap {
    shards: [RwLock<Shard>; SHARDS],
}

type Shard = HashMap<Uuid, Packed, RandomState>;

/// What is known of a token.
pub(super) struct Record {
    pub session: Uuid,
    pub expires: Option<i64>,
    pub owner: Arc<Owner>,
    pub acl: Arc<Acl>,
}

/// [`Record`] in 40 bytes: with its key 56, where an `Option` would cost 64.
struct Packed {
    session: Uuid,
    expires: i64,
    owner: Arc<Owner>,
    acl: Arc<Acl>,
}

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
        let record = shard.get(token).filter(|record| now <= record.expires)?;
        Some(LiveToken {
            token: *token,
            session: record.session,
            expires: (record.expires != NEVER).then_some(record.expires),
            owner: Arc::clone(&record.owner),
            acl: Arc::clone(&record.acl),
        })
    }

    pub fn look<T>(
        &self,
        token: &Uuid,
        now: i64,
        look: impl FnOnce(LiveTokenRef<'_>) -> T,
    ) -> Option<T> {
        let shard = self.shard(token).read();
        let Packed { session, owner, acl, .. } =
            shard.get(token).filter(|record| now <= record.expires)?;
        Some(look(LiveTokenRef { session, owner, acl }))
    }

    pub fn insert(&self, token: Uuid, record: Record) {
        let Record { session, expires, owner, acl } = record;
        let packed = Packed { session, expires: expires.unwrap_or(NEVER), owner, acl };
        self.shard(&token).write().insert(token, packed);
    }

    pub fn remove(&self, token: &Uuid) {
        self.shard(token).write().remove(token);
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    pub fn replace(&self, fresh: Self) {
        for (shard, fresh) in self.shards.iter().zip(fresh.shards) {
            let old = std::mem::replace(&mut *shard.write(), fresh.into_inner());
            // Freed after the lock is given back: it may be large.
            drop(old);
        }
    }

    fn shard(&self, token: &Uuid) -> &RwLock<Shard> {
        // Neither the version nor the variant bits of a UUID: all random.
        let [.., last] = *token.as_bytes();
        &self.shards[usize::from(last) % SHARDS]
    }
}
