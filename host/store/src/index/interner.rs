//! Equal owners and equal ACLs are kept once.
//!
//! An ACL is found again by the SHA-256 of its grants: two lists of one digest
//! would share rights, so it must be one that nobody can make collide.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};
use wazo_auth_acl::Acl;

use crate::Owner;

#[derive(Default)]
pub(super) struct Interner {
    owners: Pool<Owner>,
    acls: Pool<Acl>,
}

/// Weak references by key; dead ones are swept when the map has doubled.
struct Pool<T> {
    map: HashMap<[u8; 32], Weak<T>, RandomState>,
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 1024;

// === impl Interner ===

impl Interner {
    pub(super) fn owner(&mut self, owner: Owner) -> Arc<Owner> {
        self.owners.get_or_insert(digest_of_owner(&owner), || owner)
    }

    pub(super) fn acl(&mut self, grants: &[String]) -> Arc<Acl> {
        self.acls.get_or_insert(digest_of_grants(grants), || Acl::compile(grants))
    }
}

// === impl Pool ===

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { map: HashMap::default(), sweep_at: FIRST_SWEEP }
    }
}

impl<T> Pool<T> {
    fn get_or_insert(&mut self, key: [u8; 32], make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(value) = self.map.get(&key).and_then(Weak::upgrade) {
            return value;
        }
        if self.map.len() >= self.sweep_at {
            self.map.retain(|_, value| value.strong_count() > 0);
            self.sweep_at = FIRST_SWEEP.max(self.map.len() * 2);
        }
        let value = Arc::new(make());
        self.map.insert(key, Arc::downgrade(&value));
        value
    }
}

fn digest_of_grants(grants: &[String]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for grant in grants {
        digest.update(grant.len().to_le_bytes());
        digest.update(grant);
    }
    digest.finalize().into()
}

fn digest_of_owner(owner: &Owner) -> [u8; 32] {
    let mut digest = Sha256::new();
    for uuid in [owner.user_uuid, owner.tenant_uuid] {
        digest.update([u8::from(uuid.is_some())]);
        digest.update(uuid.unwrap_or_default().as_bytes());
    }
    let mut buffer = [0; 36];
    digest.update(owner.auth_id.text(&mut buffer));
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(list: &[&str]) -> Vec<String> {
        list.iter().map(|&grant| grant.to_owned()).collect()
    }

    #[test]
    fn equal_grants_are_shared_and_others_are_not() {
        let mut interner = Interner::default();
        let one = interner.acl(&grants(&["a.b", "c"]));
        assert!(Arc::ptr_eq(&one, &interner.acl(&grants(&["a.b", "c"]))));
        for other in [&["a.b"][..], &["a.bc"], &["a", ".bc"], &["c", "a.b"]] {
            assert!(!Arc::ptr_eq(&one, &interner.acl(&grants(other))), "{other:?}");
        }
    }

    #[test]
    fn what_nobody_holds_any_more_is_forgotten() {
        let mut interner = Interner::default();
        let kept = interner.acl(&grants(&["kept"]));
        for number in 0..10 * FIRST_SWEEP {
            drop(interner.acl(&[format!("gone.{number}")]));
        }
        assert!(interner.acls.map.len() <= FIRST_SWEEP, "{}", interner.acls.map.len());
        assert!(Arc::ptr_eq(&kept, &interner.acl(&grants(&["kept"]))));
    }
}
