//! What can be wrong with a configuration, said to who wrote it.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::layer::{self, Layer, Origin};

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
    #[error("The configuration file {} is not valid: {reason}.", path.display())]
    InvalidMainFile {
        /// The file.
        path: PathBuf,
        /// Why, with line and column where they are known.
        reason: String,
    },
    /// A value has the wrong type.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The program was built with defaults it cannot read.
    #[error("The built-in defaults are damaged: {0}.")]
    Defaults(String),
}

/// One key whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The key with those around it, joined by dots.
    pub key: String,
    /// Where the value stands.
    pub origin: Option<Origin>,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Wrong { found: String, expected: String },
    Missing { parent: String },
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
        let parent = path.join(".");
        let problem = if let Some(field) = missing_field(&message) {
            path.push(field.to_owned());
            Problem::Missing { parent }
        } else {
            let found = layer::lookup(tree, &path).map_or_else(String::new, |v| found(&path, v));
            Problem::Wrong { found, expected: expected(&message) }
        };
        Self { key: path.join("."), origin: layer::origin(layers, &path).cloned(), problem }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, origin, problem } = self;
        match (problem, origin) {
            (Problem::Wrong { found, expected }, Some(origin)) => {
                write!(f, "The setting `{key}` is {found} in {origin}: {expected}.")
            }
            (Problem::Wrong { found, expected }, None) => {
                write!(f, "The setting `{key}` is {found}: {expected}.")
            }
            (Problem::Missing { .. }, Some(origin)) => write!(
                f,
                "The setting `{key}` has no value, because a line of {origin} sets a section \
                 to nothing and so hides its defaults: remove that line."
            ),
            (Problem::Missing { parent }, None) => {
                write!(f, "The setting `{key}` is missing: it must be given in `{parent}`.")
            }
        }
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
    let secret = path.iter().any(|key| {
        key == "token" || ["password", "secret", "uri"].iter().any(|word| key.ends_with(word))
    });
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
fn expected(message: &str) -> String {
    let Some((_, expected)) = message.rsplit_once(", expected ") else {
        return message.to_owned();
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
        section if section.starts_with("struct ") => "a mapping",
        other => other,
    };
    format!("{expected} is expected")
}
