//! How single values are read: what operators write for true, seconds, "none".

use std::fmt;
use std::time::Duration;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A value that no log line or error may show.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret<T>(T);

// === impl Secret ===

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<hidden>")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

/// Has types that are derived as `remote = "Self"` read from mappings only: a
/// derived struct would take a list as well, for its fields one after the other.
macro_rules! only_mappings {
    ($($name:ty),+) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Mapping;

                impl<'de> serde::de::Visitor<'de> for Mapping {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a mapping")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        map: A,
                    ) -> Result<Self::Value, A::Error> {
                        <$name>::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                }

                deserializer.deserialize_map(Mapping)
            }
        }
    )+};
}

pub(crate) use only_mappings;

/// Reads the spellings of YAML 1.1 (`yes`, `off`, …), which the parser leaves as text.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// True or false; nothing (null) is false.
pub(super) fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Switch;

    impl Visitor<'_> for Switch {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true or false")
        }

        fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
            Ok(value)
        }

        fn visit_unit<E>(self) -> Result<bool, E> {
            Ok(false)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
            boolean(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    deserializer.deserialize_any(Switch)
}

/// A mapping of names to true or false, in the order of the files.
pub(super) fn switches<'de, D>(deserializer: D) -> Result<IndexMap<String, bool>, D::Error>
where
    D: Deserializer<'de>,
{
    #[derive(serde::Deserialize)]
    struct Switch(#[serde(deserialize_with = "switch")] bool);

    let switches = or_default::<_, IndexMap<String, Switch>>(deserializer)?;
    Ok(switches.into_iter().map(|(name, switch)| (name, switch.0)).collect())
}

/// Nothing (null) is the empty mapping, list or section.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Nothing (null) and the empty text both mean "none".
pub(super) fn non_empty<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// A duration in seconds, with a fraction or without.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const EXPECTED: &str = "a number of seconds, 0 or more";

    struct Seconds;

    impl Visitor<'_> for Seconds {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(EXPECTED)
        }

        fn visit_u64<E>(self, seconds: u64) -> Result<Duration, E> {
            Ok(Duration::from_secs(seconds))
        }

        fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
            Duration::try_from_secs_f64(seconds)
                .map_err(|_| E::invalid_value(Unexpected::Float(seconds), &self))
        }
    }

    deserializer.deserialize_any(Seconds)
}

/// A duration in seconds that has to be one.
pub(super) fn positive_seconds<'de, D>(deserializer: D) -> Result<Duration, D::Error>
where
    D: Deserializer<'de>,
{
    let duration = seconds(deserializer)?;
    if duration.is_zero() {
        let expected = "a number of seconds above 0";
        return Err(D::Error::invalid_value(Unexpected::Unsigned(0), &expected));
    }
    Ok(duration)
}

/// A duration in seconds; a negative one is none.
pub(super) fn seconds_or_never<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds.max(0.0))
        .map_err(|_| D::Error::invalid_value(Unexpected::Float(seconds), &"a number of seconds"))
}

/// A whole number of at least one.
pub(super) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = u32::deserialize(deserializer)?;
    if number == 0 {
        return Err(D::Error::invalid_value(Unexpected::Unsigned(0), &"a whole number above 0"));
    }
    Ok(number)
}
