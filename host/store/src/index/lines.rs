//! Memory of whole cache lines, on huge pages where there is enough of it, and
//! lines asked for in advance.
//!
//! Tokens are asked for at random: in memory of 4 KiB pages, each look-up of one
//! among a million also waits for the page tables, in a virtual machine for two
//! sets of them.

#![allow(unsafe_code, reason = "no library offers aligned memory on huge pages, or prefetching")]

use std::alloc::{Layout, handle_alloc_error};
use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::slice;

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};

/// The bytes of a huge page of most processors, and of a page of any kind.
const HUGE: usize = 2 << 20;
const PAGE: usize = 4 << 10;

/// A fixed number of places for a `T`, all empty at first and all in memory: who
/// fills them waits for no page.
pub(super) struct Lines<T> {
    first: NonNull<Option<T>>,
    count: usize,
    mapped: Option<(NonNull<c_void>, usize)>,
}

/// Asks for the line at this address, which need not exist: nothing else
/// happens, now or later.
#[inline]
pub(super) fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction takes any address, and neither reads nor faults
        // as far as the program can tell.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(address)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

// === impl Lines ===

impl<T> Lines<T> {
    /// How many places fill whole pages, at least `count`: whole huge pages once
    /// it is one.
    pub fn fitting(count: usize) -> usize {
        let bytes = count.saturating_mul(size_of::<Option<T>>());
        bytes.next_multiple_of(if bytes < HUGE { PAGE } else { HUGE }) / size_of::<Option<T>>()
    }

    /// How many places a huge page has.
    pub const PER_HUGE_PAGE: usize = HUGE / size_of::<Option<T>>();

    /// So many empty places. Takes a while: a millisecond for a few MiB.
    pub fn new(count: usize) -> Self {
        const { assert!(align_of::<Option<T>>() <= PAGE) };
        let Ok(layout) = Layout::array::<Option<T>>(count) else {
            handle_alloc_error(Layout::new::<Option<T>>())
        };
        let Some(size) = NonZeroUsize::new(layout.size()) else { return Self::default() };
        // One huge page more than needed is mapped, so that there is a piece that
        // begins where one does. What is not touched takes no memory.
        let is_huge = size.get() >= HUGE;
        let length = if is_huge { size.saturating_add(HUGE) } else { size };
        let (access, flags) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE);
        // SAFETY: a new mapping at a place that the system chooses touches no other.
        let mapped = unsafe { mmap_anonymous(None, length, access, flags) };
        let Ok(mapped) = mapped else { handle_alloc_error(layout) };
        let skipped = if is_huge { mapped.as_ptr().align_offset(HUGE) } else { 0 };
        // SAFETY: less than HUGE bytes are skipped, and so many more are mapped.
        let first = unsafe { mapped.byte_add(skipped) };
        if is_huge {
            // SAFETY: the range is within the mapping; the advice changes no content.
            // A system without huge pages refuses, and all works as well.
            let _ = unsafe { madvise(first, size.get(), MmapAdvise::MADV_HUGEPAGE) };
        }
        let first = first.cast::<Option<T>>();
        for place in 0..count {
            // SAFETY: `layout.size()` bytes from `first` on are mapped for reading and
            // writing, and it is aligned to a page, which is enough for any T.
            unsafe { first.add(place).write(None) };
        }
        Self { first, count, mapped: Some((mapped, length.get())) }
    }

    /// Where they begin.
    pub fn address(&self) -> usize {
        self.first.addr().get()
    }
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self { first: NonNull::dangling(), count: 0, mapped: None }
    }
}

impl<T> Deref for Lines<T> {
    type Target = [Option<T>];

    #[inline]
    fn deref(&self) -> &[Option<T>] {
        // SAFETY: `new` has written all `count` places, nobody else has them, and they
        // stay as long as `self`. With none, `first` is dangling, which is allowed.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.count) }
    }
}

impl<T> DerefMut for Lines<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Option<T>] {
        // SAFETY: as in `deref`, and `self` is borrowed for as long.
        unsafe { slice::from_raw_parts_mut(self.first.as_ptr(), self.count) }
    }
}

impl<T> Drop for Lines<T> {
    fn drop(&mut self) {
        self.iter_mut().for_each(|place| *place = None);
        if let Some((mapped, length)) = self.mapped {
            // SAFETY: `new` has mapped exactly this, and nothing refers to it any more.
            let _ = unsafe { munmap(mapped, length) };
        }
    }
}

// SAFETY: it owns its places as a Box of a slice would.
unsafe impl<T: Send> Send for Lines<T> {}
// SAFETY: as above; a shared one only hands out shared places.
unsafe impl<T: Sync> Sync for Lines<T> {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn places_begin_empty_and_what_is_in_them_ends_with_them() {
        let counted = Arc::new(());
        for count in [0, 1, 512, HUGE / 8 - 1, HUGE / 8, HUGE] {
            let mut lines = Lines::new(count);
            assert_eq!((lines.len(), lines.iter().flatten().count()), (count, 0));
            lines.iter_mut().step_by(7).for_each(|place| *place = Some(Arc::clone(&counted)));
            assert_eq!(Arc::strong_count(&counted), 1 + count.div_ceil(7));
            let is_huge = size_of_val(&*lines) >= HUGE;
            assert!(!is_huge || lines.address().is_multiple_of(HUGE));
            drop(lines);
            assert_eq!(Arc::strong_count(&counted), 1);
        }
    }

    #[test]
    fn fitting_counts_fill_pages() {
        type Line = [u64; 7];
        assert_eq!(Lines::<Line>::PER_HUGE_PAGE, 1 << 15);
        for (count, fitting) in [(0, 0), (1, 64), (64, 64), (65, 128), (40_000, 1 << 16)] {
            assert_eq!(Lines::<Line>::fitting(count), fitting);
        }
    }

    #[test]
    fn any_address_may_be_asked_for() {
        for address in [0, 1, usize::MAX, Lines::<u64>::new(1).address()] {
            prefetch(address);
        }
    }
}
