//! What is said about a configuration: where, which key, what is wrong.

use std::fmt;

use crate::layer::Origin;

/// One thing that an operator should know, in one or two lines that begin as
/// editors understand it: `FILE:LINE: KEY: sentence`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether something has to be done about it.
    pub severity: Severity,
    /// Where it stands.
    pub place: Place,
    /// The key with those around it, joined by dots; empty: the file as a whole.
    pub key: String,
    /// What is wrong, what is allowed, what to do; without a full stop.
    pub sentence: String,
}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The daemon does not start with it, or does not do what is configured.
    Mistake,
    /// It works as configured, which may surprise.
    Warning,
}

/// A place in a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The source; none: no source says anything about the key.
    pub origin: Option<Origin>,
    /// The line of a file, from 1.
    pub line: Option<usize>,
    /// The column of that line, from 1; known where a file is no YAML.
    pub column: Option<usize>,
}

// === impl Finding ===

impl Finding {
    pub(crate) fn of_file(severity: Severity, path: &std::path::Path, sentence: String) -> Self {
        let origin = Some(Origin::File(path.to_owned()));
        let place = Place { origin, ..Place::default() };
        Self { severity, place, key: String::new(), sentence }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        f.write_str(&self.sentence)
    }
}

/// Ends with a colon and a space, unless it is empty.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(origin) = &self.origin else { return Ok(()) };
        write!(f, "{origin}")?;
        for number in self.line.iter().chain(&self.column) {
            write!(f, ":{number}")?;
        }
        f.write_str(": ")
    }
}
