//! The merged configuration for people: YAML without secrets and, if wanted,
//! with the place that each value comes from.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::error::ConfigError;
use crate::files::{Read, Sources};
use crate::layer::{self, Layer, Origin};
use crate::places::Places;
use crate::{config, secrets};

/// The merged configuration as YAML, and what was amiss with its files, one
/// sentence each. Secrets are hidden. With `origin`, each value has a comment:
/// which file (with the line), flag or command sets it, or that it is the
/// default. Wrong values are shown as they are.
///
/// # Errors
/// The main file is not valid.
pub fn show(sources: &Sources, origin: bool) -> Result<(String, Vec<String>), ConfigError> {
    let Read { layers, findings } = config::sources(sources)?;
    let tree = config::merged(&layers);
    let mut page = Page {
        text: String::new(),
        layers: &layers,
        places: origin.then(Places::default),
        path: Vec::new(),
    };
    page.mapping(&tree);
    Ok((page.text, findings.iter().map(ToString::to_string).collect()))
}

struct Page<'a> {
    text: String,
    layers: &'a [Layer],
    /// Present: origins are shown.
    places: Option<Places>,
    path: Vec<String>,
}

// === impl Page ===

impl Page<'_> {
    fn mapping(&mut self, mapping: &Map<String, Value>) {
        for (key, value) in mapping {
            self.path.push(key.clone());
            let indent = "  ".repeat(self.path.len() - 1);
            let _ = write!(self.text, "{indent}{}:", text(key));
            self.value(value);
            self.path.pop();
        }
    }

    fn list(&mut self, items: &[Value]) {
        let indent = "  ".repeat(self.path.len());
        for (index, item) in items.iter().enumerate() {
            self.path.push(index.to_string());
            let _ = write!(self.text, "{indent}-");
            self.value(item);
            self.path.pop();
        }
    }

    /// What follows a key or a dash.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(mapping) if !mapping.is_empty() => {
                self.text.push('\n');
                self.mapping(mapping);
            }
            Value::Array(items) if !items.is_empty() => {
                self.text.push('\n');
                self.list(items);
            }
            leaf => {
                let _ = write!(self.text, " {}", self.leaf(leaf));
                self.comment();
                self.text.push('\n');
            }
        }
    }

    fn leaf(&self, value: &Value) -> String {
        match secrets::shown(&self.path, value) {
            Value::String(value) => text(&value),
            other => other.to_string(),
        }
    }

    fn comment(&mut self) {
        let Some(places) = &mut self.places else { return };
        let Some((layer, local)) = layer::locate(self.layers, &self.path) else { return };
        let _ = match &layer.origin {
            Origin::Flags => write!(self.text, "  # command line"),
            Origin::Defaults => write!(self.text, "  # default"),
            Origin::File(file) => {
                let _ = write!(self.text, "  # {}", file.display().to_string().escape_debug());
                let Some(entry) = places.entry(layer, &local) else { return };
                let command = if entry.is_exec { " !exec" } else { "" };
                write!(self.text, ":{}{command}", entry.line)
            }
        };
    }
}

/// A text as YAML on one line: as it is where that is understood as the same
/// text by every parser, else between quotes as JSON writes it, which is YAML.
fn text(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+={}<>".contains(c);
    let starts_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || "/<".contains(c));
    let means_something_else = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null" | "<<"
    );
    let is_safe =
        starts_plain && text.chars().all(is_plain) && !text.ends_with(':') && !means_something_else;
    if is_safe {
        return text.to_owned();
    }
    // JSON leaves some characters as they are that YAML wants escaped.
    let mut quoted = String::new();
    for c in Value::from(text).to_string().chars() {
        if c.is_control() || c == '\u{feff}' {
            let _ = write!(quoted, "\\u{:04x}", u32::from(c));
        } else {
            quoted.push(c);
        }
    }
    quoted
}

#[cfg(test)]
mod tests;
