//! A hash table that keeps keys and values in one place: a look-up of one among
//! a million waits for one line of memory as a rule.
//!
//! Open addressing with linear probing; what is removed leaves no mark. The
//! order of the places follows that of the hashes, so that growing reads and
//! writes memory from front to back.

use std::hash::BuildHasher;
use std::mem::replace;
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use uuid::Uuid;

use crate::index::lines::Lines;

/// Other programs may write rows with keys that they choose, so places must not
/// be foreseen. One for the process: [`place`] is asked without a table.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// What is found by a UUID.
pub(super) trait Keyed {
    fn key(&self) -> &Uuid;
}

pub(super) struct Table<T> {
    places: Lines<T>,
    used: usize,
}

/// The hash of a key.
#[inline]
pub(super) fn hash(key: &Uuid) -> u64 {
    HASHER.hash_one(key.as_u128())
}

/// Where a key belongs among so many places.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the product is below count * 2^64")]
pub(super) fn place(hash: u64, count: usize) -> usize {
    ((u128::from(hash) * count as u128) >> 64) as usize
}

// === impl Table ===

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { places: Lines::default(), used: 0 }
    }
}

impl<T: Keyed> Table<T> {
    pub fn len(&self) -> usize {
        self.used
    }

    /// Where its places begin, and how many there are.
    pub fn extent(&self) -> (usize, usize) {
        (self.places.address(), self.places.len())
    }

    #[inline]
    pub fn get(&self, hash: u64, key: &Uuid) -> Option<&T> {
        let count = self.places.len();
        let mut at = place(hash, count);
        // It ends: a table is never full.
        while let Some(Some(found)) = self.places.get(at) {
            if found.key() == key {
                return Some(found);
            }
            at = next(at, count);
        }
        None
    }

    /// All values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().flatten()
    }

    /// Room for more, when there is none left: to be given to
    /// [`grow`](Self::grow). Making it takes a while.
    pub fn more_room(&self) -> Option<impl FnOnce() -> Lines<T> + use<T>> {
        let count = self.places.len();
        // Beyond four fifths, look-ups would walk far.
        if (self.used + 1) * 5 <= count * 4 {
            return None;
        }
        let huge = Lines::<T>::PER_HUGE_PAGE;
        let half_more = (count + count / 2).max(count + 1);
        // Rounded up, it would be a lot more where it is a few huge pages.
        let rounded = half_more / huge * huge;
        let larger = if rounded > count { rounded } else { half_more };
        Some(move || Lines::new(Lines::<T>::fitting(larger)))
    }

    /// Moves into `room`; the places that it had are for the caller to free.
    pub fn grow(&mut self, room: Lines<T>) -> Lines<T> {
        if room.len() <= self.places.len() {
            return room;
        }
        let mut old = replace(&mut self.places, room);
        for found in old.iter_mut().filter_map(Option::take) {
            let at = self.seek(hash(found.key()), found.key());
            self.put(at, found);
        }
        old
    }

    /// Puts it in, and hands back what was there of its key.
    pub fn insert(&mut self, hash: u64, value: T) -> Option<T> {
        if let Some(make) = self.more_room() {
            drop(self.grow(make()));
        }
        let at = self.seek(hash, value.key());
        let old = self.put(at, value);
        self.used += usize::from(old.is_none());
        old
    }

    pub fn remove(&mut self, hash: u64, key: &Uuid) -> Option<T> {
        let mut gap = self.seek(hash, key);
        let removed = self.places.get_mut(gap)?.take()?;
        self.used -= 1;
        // Whatever was put beyond its place because this one was taken moves up.
        let count = self.places.len();
        let mut at = next(gap, count);
        while let Some(Some(found)) = self.places.get(at) {
            let home = place(self::hash(found.key()), count);
            if distance(home, at, count) >= distance(gap, at, count) {
                self.places.swap(gap, at);
                gap = at;
            }
            at = next(at, count);
        }
        Some(removed)
    }

    /// Where the key is, or else may be put.
    fn seek(&self, hash: u64, key: &Uuid) -> usize {
        let count = self.places.len();
        let mut at = place(hash, count);
        while let Some(Some(found)) = self.places.get(at) {
            if found.key() == key {
                break;
            }
            at = next(at, count);
        }
        at
    }

    fn put(&mut self, at: usize, value: T) -> Option<T> {
        self.places.get_mut(at).and_then(|place| place.replace(value))
    }
}

#[inline]
fn next(at: usize, count: usize) -> usize {
    if at + 1 < count { at + 1 } else { 0 }
}

/// The steps from one place to another.
fn distance(from: usize, to: usize, count: usize) -> usize {
    if from <= to { to - from } else { to + count - from }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    /// A key and a value, and who counts how many there are.
    #[derive(Debug, Clone)]
    #[allow(dead_code, reason = "the last field counts by being there")]
    struct Counted(Uuid, u16, Arc<()>);

    impl Keyed for Counted {
        fn key(&self) -> &Uuid {
            &self.0
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(Uuid, u16),
        Remove(Uuid),
    }

    /// So few keys that most are met again.
    fn key() -> impl Strategy<Value = Uuid> {
        (0..600_u128).prop_map(Uuid::from_u128)
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (key(), any::<u16>()).prop_map(|(key, value)| Step::Insert(key, value)),
            2 => key().prop_map(Step::Remove),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

        #[test]
        fn it_holds_what_a_map_holds(steps in prop::collection::vec(step(), 0..1500)) {
            let (mut table, mut map) = (Table::default(), HashMap::new());
            let counted = Arc::new(());
            for step in steps {
                match step {
                    Step::Insert(key, value) => {
                        let old = table.insert(hash(&key), Counted(key, value, counted.clone()));
                        prop_assert_eq!(old.map(|old| old.1), map.insert(key, value));
                    }
                    Step::Remove(key) => {
                        let removed = table.remove(hash(&key), &key);
                        prop_assert_eq!(removed.map(|old| old.1), map.remove(&key));
                    }
                }
                prop_assert_eq!((table.len(), Arc::strong_count(&counted)), (map.len(), 1 + map.len()));
            }
            for key in (0..600).map(Uuid::from_u128) {
                let found = table.get(hash(&key), &key);
                prop_assert_eq!(found.map(|found| found.1), map.get(&key).copied());
            }
            drop(table);
            prop_assert_eq!(Arc::strong_count(&counted), 1);
        }

        /// Keys that all belong in the last places of a table, so that they go on
        /// at its beginning, and are removed in any order.
        #[test]
        fn what_goes_on_at_the_beginning_is_found(order in Just((0..40).collect::<Vec<_>>()).prop_shuffle()) {
            let mut table = Table::default();
            let count = Lines::<Counted>::fitting(1);
            let keys = keys_of_last_places(40, count);
            for key in &keys {
                table.insert(hash(key), Counted(*key, 0, Arc::default()));
            }
            prop_assert_eq!(table.extent().1, count);
            for (gone, &first) in order.iter().enumerate() {
                prop_assert!(table.remove(hash(&keys[first]), &keys[first]).is_some());
                for (number, key) in keys.iter().enumerate() {
                    let is_there = table.get(hash(key), key).is_some();
                    prop_assert_eq!(is_there, !order[..=gone].contains(&number));
                }
            }
        }
    }

    fn keys_of_last_places(many: usize, count: usize) -> Vec<Uuid> {
        let keys = (0..).map(Uuid::from_u128);
        keys.filter(|key| place(hash(key), count) >= count - 3).take(many).collect()
    }

    #[test]
    fn it_grows_by_no_more_than_half_and_a_huge_page() {
        let mut table = Table::default();
        let mut before = 0;
        for number in 0..200_000 {
            let key = Uuid::from_u128(number);
            table.insert(hash(&key), Counted(key, 0, Arc::default()));
            let (_, now) = table.extent();
            assert!(table.len() * 5 <= now * 4, "{} of {now}", table.len());
            let most = (before + before / 2).max(before + Lines::<Counted>::PER_HUGE_PAGE);
            assert!(now <= most, "{before} {now}");
            before = now;
        }
        assert_eq!(table.len(), 200_000);
    }
}
