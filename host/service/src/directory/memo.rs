//! Answers to one question, remembered within a bound of memory.
//!
//! They are in two generations. New ones go to the young generation; once that
//! is full it becomes the old one, and what was the old one is forgotten. So
//! answers to as many as fit are all there, and with more of them half of the
//! bound is always in use.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    mem,
    sync::Arc,
    thread,
};

use foldhash::fast::RandomState;
use parking_lot::RwLock;

/// What can be remembered.
pub(super) trait Answer: Clone + Send + 'static {
    /// Bytes that it holds beyond its own size.
    fn bytes(&self) -> usize;

    /// The answer to keep in place of this one, and the bytes that it adds to
    /// those that are kept already. `others` keeps what others may share.
    fn shared(self, _others: &mut HashSet<Self, RandomState>) -> (Self, usize) {
        let bytes = self.bytes();
        (self, bytes)
    }
}

/// What is in a list that is remembered.
pub(super) trait Item: Hash + Eq + Send + Sync + 'static {
    /// Bytes that it holds beyond its own size.
    fn bytes(&self) -> usize;
}

/// Answers to one question, all of them read at one version.
pub(super) struct Memo<K, V> {
    /// Bytes that one generation may take, at most.
    most: usize,
    answers: RwLock<Answers<K, V>>,
}

struct Answers<K, V> {
    version: u64,
    young: Generation<K, V>,
    old: Generation<K, V>,
}

struct Generation<K, V> {
    known: HashMap<K, V, RandomState>,
    /// Those that may be shared.
    shared: HashSet<V, RandomState>,
    bytes: usize,
}

/// What the allocator adds to each piece of memory, about.
pub(super) const PIECE: usize = 16;

/// From so many bytes on, freeing them takes longer than starting a thread that
/// does it.
const LARGE: usize = 1 << 20;

// === impl Memo ===

impl<K: Hash + Eq + Send + 'static, V: Answer> Memo<K, V> {
    /// Remembers what fits into so many bytes.
    pub(super) fn within(bytes: usize) -> Self {
        Self { most: bytes / 2, answers: RwLock::default() }
    }

    /// What was read at this version.
    pub(super) fn find<Q>(&self, version: u64, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let answers = self.answers.read();
        if answers.version != version {
            return None;
        }
        answers.young.known.get(key).or_else(|| answers.old.known.get(key)).cloned()
    }

    /// Remembers what was read at this version, in which `key` holds so many
    /// bytes beyond its own size. Gives the equal answer that is there already,
    /// if any.
    pub(super) fn keep(&self, version: u64, key: K, key_bytes: usize, value: V) -> V {
        let mut answers = self.answers.write();
        // Freed after the lock: these may be many.
        let mut forgotten = [None, None];
        if answers.version < version {
            let Answers { young, old, .. } =
                mem::replace(&mut *answers, Answers { version, ..Answers::default() });
            forgotten = [Some(young), Some(old)];
        } else if answers.young.bytes >= self.most {
            let young = mem::take(&mut answers.young);
            forgotten[0] = Some(mem::replace(&mut answers.old, young));
        }
        let kept = if answers.version == version {
            answers.young.add(key, key_bytes, value)
        } else {
            value
        };
        drop(answers);
        free(forgotten);
        kept
    }

    /// Bytes that the remembered answers take, about.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let answers = self.answers.read();
        answers.young.bytes + answers.old.bytes
    }
}

/// Frees what may be hundreds of thousands of pieces of memory beside the request,
/// which is not to wait for that.
fn free<K: Send + 'static, V: Send + 'static>(forgotten: [Option<Generation<K, V>>; 2]) {
    let bytes: usize = forgotten.iter().flatten().map(|generation| generation.bytes).sum();
    if bytes >= LARGE {
        // Where there is no thread to be had, it is freed here.
        let _ = thread::Builder::new().name("memory".into()).spawn(move || drop(forgotten));
    }
}

// === impl Answers ===

impl<K, V> Default for Answers<K, V> {
    fn default() -> Self {
        Self { version: 0, young: Generation::default(), old: Generation::default() }
    }
}

// === impl Generation ===

impl<K, V> Default for Generation<K, V> {
    fn default() -> Self {
        Self { known: HashMap::default(), shared: HashSet::default(), bytes: 0 }
    }
}

impl<K: Hash + Eq, V: Answer> Generation<K, V> {
    /// A table of hashes has up to twice the room that it needs.
    const ENTRY: usize = 2 * size_of::<(K, V)>();

    fn add(&mut self, key: K, key_bytes: usize, value: V) -> V {
        let (value, bytes) = value.shared(&mut self.shared);
        // Two threads may have read the same: what is replaced is not counted
        // out, which errs on the safe side.
        self.bytes += Self::ENTRY + key_bytes + bytes;
        self.known.insert(key, value.clone());
        value
    }
}

// === impl Answer ===

/// Most users hold one of few lists.
impl<T: Item> Answer for Arc<[T]> {
    fn bytes(&self) -> usize {
        let items: usize = self.iter().map(Item::bytes).sum();
        size_of_val::<[T]>(self) + items + 2 * PIECE
    }

    fn shared(self, others: &mut HashSet<Self, RandomState>) -> (Self, usize) {
        if let Some(known) = others.get(&*self) {
            return (Arc::clone(known), 0);
        }
        others.insert(Arc::clone(&self));
        let bytes = self.bytes() + 2 * size_of::<Self>();
        (self, bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Sender, channel},
        thread::ThreadId,
        time::Duration,
    };

    use super::*;

    impl Answer for u64 {
        fn bytes(&self) -> usize {
            1000
        }
    }

    impl Item for u64 {
        fn bytes(&self) -> usize {
            0
        }
    }

    #[test]
    fn what_a_newer_version_overtook_is_not_given() {
        let memo = Memo::within(1 << 20);
        memo.keep(1, "a", 0, 10);
        assert_eq!(memo.find(1, "a"), Some(10));
        assert_eq!(memo.find(2, "a"), None);
        memo.keep(2, "b", 0, 20);
        assert_eq!((memo.find(1, "a"), memo.find(2, "a")), (None, None));
        // Read before, by somebody slow.
        memo.keep(1, "a", 0, 10);
        assert_eq!(memo.find(2, "a"), None);
        assert_eq!(memo.find(2, "b"), Some(20));
    }

    #[test]
    fn memory_is_bounded_and_the_newest_half_of_it_stays() {
        let memo = Memo::within(100_000);
        for number in 0..1_000 {
            memo.keep(1, number, 0, number);
            assert!(memo.bytes() <= 102_000, "{number}: {}", memo.bytes());
        }
        for number in 960..1_000 {
            assert_eq!(memo.find(1, &number), Some(number));
        }
        assert_eq!(memo.find(1, &0), None);
    }

    /// Tells which thread it is dropped by.
    #[derive(Clone)]
    struct Traced {
        _tracer: Arc<Tracer>,
    }

    struct Tracer(Sender<ThreadId>);

    impl Drop for Tracer {
        fn drop(&mut self) {
            // Nobody listens at the end of the test.
            let _ = self.0.send(thread::current().id());
        }
    }

    impl Answer for Traced {
        fn bytes(&self) -> usize {
            1000
        }
    }

    #[test]
    fn much_is_not_freed_by_the_request() {
        let memo = Memo::within(1 << 30);
        let (tell, told) = channel();
        let keep = |version, count| {
            (0..count).for_each(|key| {
                memo.keep(version, key, 0, Traced { _tracer: Arc::new(Tracer(tell.clone())) });
            });
        };
        keep(1, 10);
        keep(2, 10_000);
        let here = thread::current().id();
        assert!(told.try_iter().all(|dropper| dropper == here), "few");
        keep(3, 1);
        let dropper = told.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_ne!(dropper, here, "many");
    }

    #[test]
    fn equal_lists_are_kept_once_and_counted_once() {
        let memo = Memo::within(1 << 20);
        let list = || Arc::<[u64]>::from(vec![7; 1000]);
        let first = memo.keep(1, 1, 0, list());
        for key in 2..100 {
            assert!(Arc::ptr_eq(&first, &memo.keep(1, key, 0, list())));
        }
        assert!(Arc::ptr_eq(&first, &memo.find(1, &50).unwrap()));
        assert!(memo.bytes() < 20_000, "{}", memo.bytes());
    }
}
