//! Which tenant each user is in now.

use std::collections::HashMap;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use foldhash::fast::RandomState;
use uuid::Uuid;

/// The current tenant of one user, shared with the tokens that the user was
/// given: a token check finds it there, without asking a map of all users.
///
/// The nil UUID stands for none. Two words cannot be read at once, so each
/// change makes `changes` odd before and even after: who has read across one
/// reads again. A reader writes nothing, so processors need not agree on it.
#[derive(Debug, Default)]
pub struct Home {
    changes: AtomicU64,
    tenant: [AtomicU64; 2],
}

/// The homes by user. Those of users that do not exist stay as long as a token
/// refers to them, because such a user may come (back).
pub(super) struct Homes {
    homes: HashMap<Uuid, Arc<Home>, RandomState>,
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 1024;

// === impl Home ===

impl Home {
    /// The tenant; none when the user does not exist (any more).
    #[must_use]
    pub fn tenant(&self) -> Option<Uuid> {
        loop {
            let before = self.changes.load(Ordering::Acquire);
            let [high, low] = self.tenant.each_ref().map(|word| word.load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && before == self.changes.load(Ordering::Relaxed) {
                return Some(Uuid::from_u64_pair(high, low)).filter(|tenant| !tenant.is_nil());
            }
            spin_loop();
        }
    }

    /// Only [`Homes`] does so, one change after the other.
    fn set(&self, tenant: Option<Uuid>) {
        let (high, low) = tenant.unwrap_or_default().as_u64_pair();
        let before = self.changes.load(Ordering::Relaxed);
        self.changes.store(before.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        for (word, value) in self.tenant.iter().zip([high, low]) {
            word.store(value, Ordering::Relaxed);
        }
        self.changes.store(before.wrapping_add(2), Ordering::Release);
    }
}

// === impl Homes ===

impl Default for Homes {
    fn default() -> Self {
        Self { homes: HashMap::default(), sweep_at: FIRST_SWEEP }
    }
}

impl Homes {
    pub fn tenant(&self, user: &Uuid) -> Option<Uuid> {
        self.homes.get(user)?.tenant()
    }

    /// The user's home, to be kept with a token.
    pub fn of(&mut self, user: &Uuid) -> Arc<Home> {
        if let Some(home) = self.homes.get(user) {
            return Arc::clone(home);
        }
        self.sweep();
        Arc::clone(self.homes.entry(*user).or_default())
    }

    pub fn set(&mut self, user: Uuid, tenant: Option<Uuid>) {
        self.of(&user).set(tenant);
    }

    /// Forgets users that do not exist and have no token, when there are twice
    /// as many entries as after the last time.
    fn sweep(&mut self) {
        if self.homes.len() < self.sweep_at {
            return;
        }
        self.homes.retain(|_, home| home.tenant().is_some() || Arc::strong_count(home) > 1);
        self.sweep_at = FIRST_SWEEP.max(self.homes.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    #[test]
    fn a_home_that_a_token_keeps_follows_its_user() {
        let mut homes = Homes::default();
        let kept = homes.of(&uuid(1));
        assert_eq!(kept.tenant(), None);
        for tenant in [Some(uuid(7)), Some(uuid(8)), None, Some(uuid(9))] {
            homes.set(uuid(1), tenant);
            assert_eq!((kept.tenant(), homes.tenant(&uuid(1))), (tenant, tenant));
        }
    }

    #[test]
    fn a_tenant_is_read_whole_while_it_changes() {
        let home = Home::default();
        let whole = |half| Uuid::from_u64_pair(half, half);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut last = 0;
                while last < 100_000 {
                    let (high, low) = home.tenant().unwrap_or_default().as_u64_pair();
                    assert!(high == low && high >= last, "{last} {high} {low}");
                    last = high;
                }
            });
            (1..=100_000).for_each(|half| home.set(Some(whole(half))));
            reader.join().unwrap();
        });
    }

    #[test]
    fn users_that_are_gone_are_forgotten_and_others_are_not() {
        let mut homes = Homes::default();
        let kept = homes.of(&uuid(1));
        homes.set(uuid(2), Some(uuid(7)));
        for number in 3..10 * FIRST_SWEEP {
            homes.set(uuid(number), Some(uuid(7)));
            homes.set(uuid(number), None);
        }
        assert!(homes.homes.len() <= FIRST_SWEEP, "{}", homes.homes.len());
        homes.set(uuid(1), Some(uuid(8)));
        assert_eq!(kept.tenant(), Some(uuid(8)));
        assert_eq!(homes.tenant(&uuid(2)), Some(uuid(7)));
    }
}
