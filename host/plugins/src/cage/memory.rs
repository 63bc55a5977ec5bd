//! What was told in confidence in calls that have ended.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How long it is remembered: the process may have written it to its output, which
/// is read later.
const LASTS: Duration = Duration::from_secs(5);
/// Of how many calls.
const MOST: usize = 256;

/// The secrets of the last calls, the oldest ones first.
#[derive(Default)]
pub(crate) struct Memory(VecDeque<(Instant, Vec<String>)>);

// === impl Memory ===

impl Memory {
    /// A call has ended that was told these.
    pub(crate) fn keep(&mut self, secrets: Vec<String>) {
        if secrets.is_empty() {
            return;
        }
        let now = Instant::now();
        let is_old = |at: Instant| now.duration_since(at) > LASTS;
        while self.0.len() >= MOST || self.0.front().is_some_and(|(at, _)| is_old(*at)) {
            self.0.pop_front();
        }
        self.0.push_back((now, secrets));
    }

    /// All that is remembered.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flat_map(|(_, secrets)| secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_calls_are_remembered_and_no_more() {
        let mut memory = Memory::default();
        (0..2 * MOST).for_each(|call| memory.keep(vec![call.to_string()]));
        memory.keep(Vec::new());
        assert_eq!(memory.secrets().count(), MOST);
        assert_eq!(memory.secrets().last(), Some(&(2 * MOST - 1).to_string()));
    }
}
