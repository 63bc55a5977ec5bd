//! Tokens that were looked up in vain a moment ago: a client that asks for one again
//! and again costs the database little.
//!
//! A token is known to nobody before it is made, so hardly any is made that was
//! asked for. One that is, by whatever way, is refused no longer than a lease lasts.

use std::time::Instant;

use parking_lot::Mutex;
use uuid::Uuid;

use crate::postgresql::lease::TERM;

/// So many are remembered at most: each has one place.
const PLACES: usize = 1024;

/// A token, and when it was asked for.
type Place = Mutex<Option<(Uuid, Instant)>>;

pub(crate) struct Unknown {
    places: Box<[Place]>,
}

// === impl Unknown ===

impl Default for Unknown {
    fn default() -> Self {
        Self { places: (0..PLACES).map(|_| Mutex::default()).collect() }
    }
}

impl Unknown {
    /// A look-up that began at `asked` has not found the token.
    pub fn note(&self, token: &Uuid, asked: Instant) {
        if let Some(place) = self.place(token) {
            *place.lock() = Some((*token, asked));
        }
    }

    /// The token is made now.
    pub fn forget(&self, token: &Uuid) {
        if let Some(place) = self.place(token) {
            place.lock().take_if(|(unknown, _)| unknown == token);
        }
    }

    /// Whether the token was not there, less than a lease ago.
    pub fn holds(&self, token: &Uuid) -> bool {
        self.place(token)
            .and_then(|place| *place.lock())
            .is_some_and(|(unknown, asked)| unknown == *token && asked.elapsed() < TERM)
    }

    /// Tokens are random: any of their bytes will do.
    fn place(&self, token: &Uuid) -> Option<&Place> {
        let [a, b, ..] = *token.as_bytes();
        self.places.get(usize::from(u16::from_ne_bytes([a, b])) % PLACES)
    }
}
