//! Events that wait until another daemon's older ones, of the same subject, are
//! confirmed; and those behind them.

use std::{
    collections::{HashMap, HashSet},
    mem,
    time::Duration,
};

use tokio::time::Instant;
use wazo_auth_store::{Receipt, events::Event};

/// The first and the longest pause between two looks at the table.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// What is committed and not published yet, in order. What does not wait, nor is
/// behind something that waits, leaves at once.
pub(crate) struct Held {
    requests: Vec<Request>,
    /// So many of them were looked at since the table was, and these are the subjects of
    /// their events: what comes later is looked at alone.
    examined: usize,
    behind: HashSet<String>,
    due: Instant,
    pause: Duration,
}

/// The events of a transaction that are left.
struct Request {
    events: Vec<Event>,
    receipt: Receipt,
    since: Instant,
}

/// What may be published now, and whom to tell once it is.
pub(crate) struct Released {
    pub events: Vec<Event>,
    pub receipts: Vec<Receipt>,
}

// === impl Held ===

impl Held {
    pub fn new() -> Self {
        let (requests, behind) = (Vec::new(), HashSet::new());
        Self { requests, examined: 0, behind, due: Instant::now(), pause: PAUSES.0 }
    }

    /// Adds the events of a transaction.
    pub fn add(&mut self, events: Vec<Event>, receipt: Receipt) {
        let since = Instant::now();
        if self.requests.is_empty() {
            (self.due, self.pause) = (since, PAUSES.0);
        }
        self.requests.push(Request { events, receipt, since });
    }

    /// Gives what need not wait: no event overtakes one of its transaction, nor one
    /// of its subject.
    pub fn release(&mut self) -> Released {
        let mut released = Released { events: Vec::new(), receipts: Vec::new() };
        let behind = &mut self.behind;
        for mut request in self.requests.split_off(self.examined) {
            let waits = |event: &Event| event.waits || behind.contains(&event.subject);
            let free = request.events.iter().position(waits).unwrap_or(request.events.len());
            released.events.extend(request.events.drain(..free));
            if request.events.is_empty() {
                released.receipts.push(mem::take(&mut request.receipt));
                continue;
            }
            for event in &request.events {
                if !behind.contains(&event.subject) {
                    behind.insert(event.subject.clone());
                }
            }
            self.requests.push(request);
        }
        self.examined = self.requests.len();
        released
    }

    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// How many events are left.
    pub fn len(&self) -> usize {
        self.requests.iter().map(|request| request.events.len()).sum()
    }

    /// When the table is to be looked at, as long as anything is left.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Which wait for another daemon's.
    pub fn waiting(&self) -> Vec<i64> {
        let events = self.requests.iter().flat_map(|request| &request.events);
        events.filter(|event| event.waits).map(|event| event.id).collect()
    }

    /// Notes what the table says of those that were `asked` about: which are still
    /// ours, and whether they still wait.
    pub fn note(&mut self, asked: &[i64], found: &[(i64, bool)]) {
        (self.due, self.pause) = (Instant::now() + self.pause, (self.pause * 2).min(PAUSES.1));
        let found: HashMap<i64, bool> = found.iter().copied().collect();
        let asked: HashSet<i64> = asked.iter().copied().collect();
        for request in &mut self.requests {
            request.events.retain_mut(|event| match found.get(&event.id) {
                Some(waits) => {
                    event.waits = *waits;
                    true
                }
                // Another daemon has taken it over.
                None => !asked.contains(&event.id),
            });
        }
        self.examined = 0;
        self.behind.clear();
    }

    /// Which waits longest, and since when.
    pub fn longest(&self) -> Option<(i64, Instant)> {
        let request = self.requests.first()?;
        Some((request.events.first()?.id, request.since))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // They stand in the table.
        self.requests.iter().for_each(|request| request.receipt.done());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `subject:id`, with `!` where it waits.
    fn events(text: &str) -> Vec<Event> {
        let event = |text: &str| {
            let (subject, id) = text.trim_end_matches('!').split_once(':').unwrap();
            Event {
                id: id.parse().unwrap(),
                subject: subject.to_owned(),
                routing_key: String::new(),
                body: String::new(),
                waits: text.ends_with('!'),
            }
        };
        text.split(' ').map(event).collect()
    }

    fn held(requests: &[&str]) -> Held {
        let mut held = Held::new();
        requests.iter().for_each(|request| held.add(events(request), Receipt::default()));
        held
    }

    fn released(held: &mut Held) -> Vec<i64> {
        held.release().events.into_iter().map(|event| event.id).collect()
    }

    #[test]
    fn only_what_is_behind_one_that_waits_is_held() {
        let mut held = held(&["a:1", "b:2 c:3! d:4", "e:5", "d:6 f:7", "f:8", "g:9"]);
        assert_eq!(released(&mut held), [1, 2, 5, 9]);
        assert_eq!((held.waiting(), held.longest().unwrap().0), (vec![3], 3));
        held.note(&[3], &[(3, true)]);
        assert!(released(&mut held).is_empty());
        // What comes while it waits, one after the other.
        for (more, free) in [("d:10", &[][..]), ("h:11 f:12", &[11]), ("h:13", &[13])] {
            held.add(events(more), Receipt::default());
            assert_eq!(released(&mut held), free, "{more}");
        }
        assert_eq!(held.len(), 7);
        held.note(&[3], &[(3, false)]);
        assert_eq!(released(&mut held), [3, 4, 6, 7, 8, 10, 12]);
        assert!(held.is_empty());
    }

    #[test]
    fn what_another_daemon_has_taken_over_is_forgotten() {
        let mut held = held(&["a:1!", "a:2"]);
        held.note(&[1], &[]);
        assert_eq!(released(&mut held), [2]);
    }
}
