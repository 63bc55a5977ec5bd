//! Sets of places in the required access that a part of a pattern can have reached.
//!
//! Place `p` stands before byte `p`; a text of `n` bytes has the places 0 to `n`. Moving the whole
//! set through a pattern, instead of trying one place after the other, is what keeps the time
//! linear: no pattern can make the matcher go back.

/// A set of places.
pub(crate) trait Positions: Clone {
    /// The set of nothing but place 0, fit for a text of `length` bytes.
    fn at_start(length: usize) -> Self;
    /// An empty set for the same text.
    fn none(&self) -> Self;
    /// Adds the places `first` to `last`, both included.
    fn insert(&mut self, first: usize, last: usize);
    /// Whether `place` belongs to the set.
    fn contains(&self, place: usize) -> bool;
    /// The lowest place that is `from` or above.
    fn next(&self, from: usize) -> Option<usize>;
    /// The only place of the set, if it has just one.
    fn single(&self) -> Option<usize>;

    fn is_empty(&self) -> bool {
        self.next(0).is_none()
    }
}

/// A set for texts of up to [`Short::MAX_LENGTH`] bytes: one bit for each place, on the stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Short(u128);

/// A set for texts of any length.
#[derive(Debug, Clone)]
pub(crate) struct Long(Vec<u128>);

const BITS: usize = 128;

/// The bits `first` to `last`, both included and below 128.
fn run(first: usize, last: usize) -> u128 {
    (u128::MAX >> (BITS - 1 - (last - first))) << first
}

// === impl Short ===

impl Short {
    pub(crate) const MAX_LENGTH: usize = BITS - 1;
}

impl Positions for Short {
    fn at_start(_length: usize) -> Self {
        Short(1)
    }

    fn none(&self) -> Self {
        Short(0)
    }

    fn insert(&mut self, first: usize, last: usize) {
        self.0 |= run(first, last);
    }

    fn contains(&self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }

    fn next(&self, from: usize) -> Option<usize> {
        if from >= BITS {
            return None;
        }
        let rest = self.0 >> from;
        (rest != 0).then(|| from + rest.trailing_zeros() as usize)
    }

    fn single(&self) -> Option<usize> {
        self.0.is_power_of_two().then(|| self.0.trailing_zeros() as usize)
    }
}

// === impl Long ===

impl Positions for Long {
    fn at_start(length: usize) -> Self {
        let mut words = vec![0; length / BITS + 1];
        words[0] = 1;
        Long(words)
    }

    fn none(&self) -> Self {
        Long(vec![0; self.0.len()])
    }

    fn insert(&mut self, first: usize, last: usize) {
        for word in first / BITS..=last / BITS {
            let start = word * BITS;
            self.0[word] |= run(first.max(start) - start, last.min(start + BITS - 1) - start);
        }
    }

    fn contains(&self, place: usize) -> bool {
        self.0[place / BITS] >> (place % BITS) & 1 == 1
    }

    fn next(&self, from: usize) -> Option<usize> {
        let mut mask = u128::MAX << (from % BITS);
        for (word, bits) in self.0.iter().enumerate().skip(from / BITS) {
            if bits & mask != 0 {
                return Some(word * BITS + (bits & mask).trailing_zeros() as usize);
            }
            mask = u128::MAX;
        }
        None
    }

    fn single(&self) -> Option<usize> {
        let first = self.next(0)?;
        self.next(first + 1).is_none().then_some(first)
    }
}

#[cfg(test)]
mod tests;
