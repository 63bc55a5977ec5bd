//! What can be wrong with a configuration, said to who wrote it.

use std::fmt;

use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::finding::{Finding, Place, Severity};
use crate::layer::{self, Layer};
use crate::places::Places;
use crate::{known, secrets};

/// Start-up cannot go on with this configuration.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
#[non_exhaustive]
pub struct ConfigError {
    /// What was found amiss before, one sentence each: to be printed as well.
    pub warnings: Vec<String>,
    /// What stops the start.
    #[source]
    pub cause: Cause,
}

/// What stops the start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The main file is no YAML mapping, or one of its commands failed.
    #[error("{0}")]
    InvalidMainFile(Box<Finding>),
    /// A value has the wrong type.
    #[error(transparent)]
    Setting(Box<SettingError>),
    /// The program was built with defaults it cannot read.
    #[error("The built-in defaults are damaged: {0}.")]
    Defaults(String),
}

/// One key whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The key with those around it.
    pub(crate) path: Vec<String>,
    /// Where the value stands.
    place: Place,
    pub(crate) problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// What was found, and what is expected.
    Wrong(String),
    /// Its section lacks it or, `hidden`, the defaults of the section.
    Missing { hidden: bool },
    /// The key is none of a section that takes no others.
    Unknown,
}

// === impl SettingError ===

impl SettingError {
    pub(crate) fn new(
        error: &serde_path_to_error::Error<serde_json::Error>,
        tree: &Map<String, Value>,
        layers: &[Layer],
    ) -> Self {
        let mut path: Vec<String> = error.path().iter().filter_map(step).collect();
        let message = error.inner().to_string();
        let mut places = Places::default();
        let mut place = places.merged(layers, &path);
        let problem = if let Some(field) = missing_field(&message) {
            path.push(field.to_owned());
            let hiding = places.merged(layers, &path);
            let hidden = hiding.origin.is_some();
            if hidden {
                place = hiding;
            }
            Problem::Missing { hidden }
        } else if message.starts_with("unknown field `") {
            Problem::Unknown
        } else {
            let value = layer::lookup(tree, &path);
            let found = value.map_or_else(String::new, |value| found(&path, value));
            Problem::Wrong(format!("it is {found}: {}", expected(&message, value)))
        };
        Self { path, place, problem }
    }

    /// The same, to be shown beside others.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let sentence = match &self.problem {
            Problem::Wrong(sentence) => sentence.clone(),
            Problem::Missing { hidden: true } => {
                "it has no value, because this line sets a section to nothing and so hides its \
                 defaults: remove the line"
                    .to_owned()
            }
            Problem::Missing { hidden: false } => {
                let section = self.path.split_last().map_or(&[][..], |(_, section)| section);
                format!("it is missing: it must be given in `{}`", section.join("."))
            }
            Problem::Unknown => known::unknown_key(&self.path),
        };
        let place = self.place.clone();
        Finding { severity: Severity::Mistake, place, key: self.path.join("."), sentence }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.finding().fmt(f)
    }
}

impl std::error::Error for SettingError {}

fn step(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// What stands there; the values of keys that hold secrets stay out.
fn found(path: &[String], value: &Value) -> String {
    let secret = secrets::is_secret(path) || path.iter().any(|key| key.ends_with("uri"));
    match value {
        Value::String(_) | Value::Number(_) if secret => {
            format!("{} that is not shown here", crate::kind(value))
        }
        Value::String(text) if text.chars().count() > 60 => "a long text".to_owned(),
        Value::String(text) => format!("the text `{}`", text.escape_debug()),
        Value::Number(_) | Value::Bool(_) => format!("`{value}`"),
        Value::Null | Value::Array(_) | Value::Object(_) => crate::kind(value).to_owned(),
    }
}

/// The end of serde's message in the words of this file's reader. Its start
/// is dropped because it quotes the value.
fn expected(message: &str, found: Option<&Value>) -> String {
    let Some((_, expected)) = message.rsplit_once(", expected ") else {
        return message.to_owned();
    };
    let looks_like_number =
        |found: &Value| found.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
    let hint = match found {
        Some(Value::Number(_) | Value::Bool(_))
            if matches!(expected, "a string" | "path string") =>
        {
            "; put it between quotes"
        }
        Some(Value::Null) => "; without the key, its default counts",
        Some(text) if looks_like_number(text) => "; remove the quotes",
        _ => "",
    };
    let expected = match expected {
        "a string" | "string or map" => "a text",
        "path string" => "a path",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "a boolean" => "true or false",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "i64" => "a whole number",
        "f64" => "a number",
        section if section.starts_with("struct ") => "a mapping",
        other => other,
    };
    format!("{expected} is expected{hint}")
}
