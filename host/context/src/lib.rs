//! Time, randomness and environment, passed in from `main`.
//!
//! Nothing below `main` asks the system for these: it is handed a [`Context`].
//! A test hands over a clock it moves and a generator it knows.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// Gives unpredictable bytes.
pub trait Random: Send + Sync {
    /// Fills `bytes`; the system's generator cannot fail once it has started.
    fn fill(&self, bytes: &mut [u8]);
}

/// What the daemon was told by its surroundings, read once in `main`.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `XIVO_UUID`: the identifier of the platform, any string.
    pub xivo_uuid: Option<String>,
    /// `TZ`: the zone of the local times in tokens and in the log.
    pub time_zone: TimeZone,
}

/// Everything a component may know of the world beyond its arguments.
#[derive(Clone)]
pub struct Context {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    environment: Arc<Environment>,
}

// === impl Context ===

impl Context {
    /// A context made of the given parts.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>, environment: Environment) -> Self {
        Self { clock, random, environment: Arc::new(environment) }
    }

    /// The system's clock and generator with the given environment.
    #[must_use]
    pub fn system(environment: Environment) -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemRandom), environment)
    }

    /// The current instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A random (version 4) UUID: 122 unpredictable bits.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A UUID (version 7) that begins with the time: rows that are added one
    /// after the other stand side by side in an index on it. Its other 74 bits
    /// are unpredictable; it is nevertheless no secret, since it tells when it
    /// was made.
    #[must_use]
    pub fn ordered_uuid(&self) -> Uuid {
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &self.random()).into_uuid()
    }

    /// `N` unpredictable bytes.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// What `main` read from the environment.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// The time zone that a value of `TZ` names: a zone (`Europe/Paris`), a POSIX
/// rule (`UTC+1`, which is one hour *behind* UTC), or nothing for the system's.
///
/// # Errors
/// The value itself, when it is neither.
pub fn time_zone(tz: Option<&str>) -> Result<TimeZone, String> {
    match tz.map(|tz| tz.strip_prefix(':').unwrap_or(tz)) {
        None => Ok(TimeZone::system()),
        Some("") => Ok(TimeZone::UTC),
        Some(name) => {
            TimeZone::get(name).or_else(|_| TimeZone::posix(name)).map_err(|_| name.to_owned())
        }
    }
}

struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that asks the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

struct SystemRandom;

impl Random for SystemRandom {
    #[allow(clippy::disallowed_methods, reason = "the one place that asks for randomness")]
    #[allow(clippy::panic, reason = "a process without randomness must not go on")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the system gives no random bytes: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(i64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_millisecond(self.0).unwrap()
        }
    }

    #[test]
    fn ordered_uuids_sort_by_time_and_are_all_different() {
        let environment = Environment { xivo_uuid: None, time_zone: TimeZone::UTC };
        let at = |millis| {
            Context::new(Arc::new(At(millis)), Arc::new(SystemRandom), environment.clone())
                .ordered_uuid()
        };
        let uuids = [at(1_000), at(1_001), at(1_795_000_000_000)];
        assert!(uuids.is_sorted(), "{uuids:?}");
        assert!(uuids.iter().all(|uuid| uuid.get_version_num() == 7), "{uuids:?}");
        assert_ne!(at(7), at(7));
    }

    #[test]
    fn a_posix_rule_has_its_sign_inverted() {
        let zone = time_zone(Some("UTC+1")).unwrap();
        let offset = zone.to_offset(Timestamp::UNIX_EPOCH);
        assert_eq!(offset.seconds(), -3600);
    }

    #[test]
    fn a_zone_that_does_not_exist_is_named() {
        assert_eq!(time_zone(Some("Mars/Olympus")).unwrap_err(), "Mars/Olympus");
    }
}
