//! The five levels of the log and their numbers.

use std::str::FromStr;

/// How serious a record is (contract: config.md sections 1 and 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Details for the search of a fault.
    Debug = 10,
    /// The normal course of things.
    Info = 20,
    /// Something an operator should know.
    Warning = 30,
    /// Something failed.
    Error = 40,
    /// The daemon cannot go on.
    Critical = 50,
}

/// A text that names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no log level `{0}`: the levels are critical, error, warning, info and debug")]
pub struct UnknownLevel(pub String);

// === impl Level ===

impl Level {
    /// The number that stands for the level in `GET /config`: 10, 20, 30, 40 or 50.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The word between parentheses in a line of the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }

    /// The most talkative level of the `log` crate that can yield this level.
    pub(crate) const fn filter(self) -> log::LevelFilter {
        match self {
            Self::Debug => log::LevelFilter::Debug,
            Self::Info => log::LevelFilter::Info,
            Self::Warning => log::LevelFilter::Warn,
            // CRITICAL travels through the `log` crate as an error.
            Self::Error | Self::Critical => log::LevelFilter::Error,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Self {
        match number {
            ..20 => Self::Debug,
            20..30 => Self::Info,
            30..40 => Self::Warning,
            40..50 => Self::Error,
            50.. => Self::Critical,
        }
    }
}

impl From<log::Level> for Level {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Error => Self::Error,
            log::Level::Warn => Self::Warning,
            log::Level::Info => Self::Info,
            log::Level::Debug | log::Level::Trace => Self::Debug,
        }
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    /// Reads a name in any letter case.
    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        match name.to_ascii_lowercase().as_str() {
            "debug" => Ok(Self::Debug),
            "info" => Ok(Self::Info),
            "warning" => Ok(Self::Warning),
            "error" => Ok(Self::Error),
            "critical" => Ok(Self::Critical),
            _ => Err(UnknownLevel(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_named_in_any_letter_case() {
        assert_eq!("WaRnInG".parse(), Ok(Level::Warning));
        assert_eq!("CRITICAL".parse(), Ok(Level::Critical));
    }

    #[test]
    fn words_that_look_like_levels_are_refused() {
        for word in ["", "warn", "trace", " info", "20", "fatal"] {
            assert_eq!(word.parse::<Level>(), Err(UnknownLevel(word.to_owned())));
        }
    }

    #[test]
    fn every_number_leads_back_to_its_level() {
        for level in [Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Critical] {
            assert_eq!(Level::from_number(level.number()), level);
            assert_eq!(level.word().parse(), Ok(level));
        }
    }
}
