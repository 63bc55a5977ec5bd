//! Which tenant each user is in now, and how tokens remember it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use uuid::Uuid;

/// The tenants by user.
#[derive(Default)]
pub(super) struct Homes(HashMap<Uuid, Uuid, RandomState>);

/// What a token remembers of its user's tenant: a number of [`Known`], and since
/// when. To ask [`Homes`] would take as long as to find the token.
#[derive(Default)]
pub(super) struct Memory(AtomicU64);

/// The tenants that tokens of one piece of the map remember.
///
/// When any user goes or moves, all tokens forget at once, and each asks again
/// when it is looked at: that is rare, and to find the tokens of that user would
/// take a list for each.
pub(super) struct Known {
    /// How many times all was forgotten, below 2^40.
    age: u64,
    tenants: IndexSet<Uuid, RandomState>,
    sweep_at: usize,
}

/// A memory is an age and, in these last bits, a number beginning at one.
const NUMBER_BITS: u32 = 24;
const FIRST_SWEEP: usize = 1024;

// === impl Homes ===

impl Homes {
    pub fn tenant(&self, user: &Uuid) -> Option<Uuid> {
        self.0.get(user).copied()
    }

    /// Whether the user was somewhere else before, so that what is remembered
    /// may be wrong now.
    #[must_use]
    pub fn set(&mut self, user: Uuid, tenant: Option<Uuid>) -> bool {
        let before = match tenant {
            Some(tenant) => self.0.insert(user, tenant),
            None => self.0.remove(&user),
        };
        before.is_some() && before != tenant
    }
}

// === impl Known ===

impl Default for Known {
    fn default() -> Self {
        Self { age: 0, tenants: IndexSet::default(), sweep_at: FIRST_SWEEP }
    }
}

impl Known {
    /// The tenant, if it is remembered since nobody has moved.
    #[inline]
    pub fn recall(&self, memory: &Memory) -> Option<Uuid> {
        let memory = memory.0.load(Ordering::Relaxed);
        let number = memory & ((1 << NUMBER_BITS) - 1);
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let is_of_now = memory >> NUMBER_BITS == self.age;
        is_of_now.then(|| self.tenants.get_index(index).copied()).flatten()
    }

    /// Remembers a tenant, if it is a [learned](Self::learn) one.
    pub fn remember(&self, memory: &Memory, tenant: &Uuid) {
        let Some(index) = self.tenants.get_index_of(tenant) else { return };
        let number = index as u64 + 1;
        if number >> NUMBER_BITS == 0 {
            memory.0.store(self.age << NUMBER_BITS | number, Ordering::Relaxed);
        }
    }

    pub fn learn(&mut self, tenant: Uuid) {
        self.tenants.insert(tenant);
    }

    /// Makes everybody ask again. Tenants that do not exist any more are left
    /// out, when there are twice as many as after the last time.
    pub fn forget(&mut self, exists: impl Fn(&Uuid) -> bool) {
        self.age += 1;
        if self.tenants.len() >= self.sweep_at {
            self.tenants.retain(exists);
            self.sweep_at = FIRST_SWEEP.max(self.tenants.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    #[test]
    fn only_a_user_who_was_somewhere_else_makes_memories_wrong() {
        let mut homes = Homes::default();
        for (tenant, is_wrong) in
            [(None, false), (Some(7), false), (Some(7), false), (Some(8), true), (None, true)]
        {
            assert_eq!(homes.set(uuid(1), tenant.map(uuid)), is_wrong, "{tenant:?}");
            assert_eq!(homes.tenant(&uuid(1)), tenant.map(uuid));
        }
    }

    #[test]
    fn what_is_remembered_is_recalled_until_all_is_forgotten() {
        let (mut known, memory) = (Known::default(), Memory::default());
        assert_eq!(known.recall(&memory), None);
        known.remember(&memory, &uuid(8));
        assert_eq!(known.recall(&memory), None, "it was never learned");
        for tenant in [7, 8, 7] {
            known.learn(uuid(tenant));
            known.remember(&memory, &uuid(tenant));
            assert_eq!(known.recall(&memory), Some(uuid(tenant)));
        }
        known.forget(|_| true);
        assert_eq!(known.recall(&memory), None);
        known.remember(&memory, &uuid(8));
        assert_eq!(known.recall(&memory), Some(uuid(8)));
    }

    #[test]
    fn tenants_that_are_gone_are_left_out_and_never_taken_for_others() {
        let (mut known, memory) = (Known::default(), Memory::default());
        for number in 1..10 * FIRST_SWEEP {
            known.learn(uuid(number));
            known.remember(&memory, &uuid(number));
            known.forget(|tenant| tenant.as_u128() % 100 == 0);
            assert_eq!(known.recall(&memory), None);
        }
        assert!(known.tenants.len() <= FIRST_SWEEP, "{}", known.tenants.len());
        assert!(known.tenants.contains(&uuid(100)));
    }
}
