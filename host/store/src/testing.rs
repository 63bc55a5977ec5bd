//! What this crate's own tests share.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use wazo_auth_context::{Clock, Context, Environment, Random};

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_795_262_400).unwrap()
    }
}

/// Numbers that never repeat.
#[derive(Default)]
struct Counter(parking_lot::Mutex<u64>);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let mut state = self.0.lock();
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (*state >> 56) as u8;
        }
    }
}

/// A context whose clock stands still at noon of 21 November 2026.
pub fn context() -> Context {
    let environment = Environment { xivo_uuid: None, time_zone: TimeZone::UTC };
    Context::new(Arc::new(Noon), Arc::new(Counter::default()), environment)
}
