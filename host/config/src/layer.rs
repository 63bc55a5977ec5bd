//! Where values come from.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value};

/// One source of values. Sources are kept in a list, the highest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Where the values stand.
    pub origin: Origin,
    /// The values, as this source alone gives them.
    pub tree: Map<String, Value>,
}

/// The place a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flags,
    /// A configuration file.
    File(PathBuf),
    /// Built in.
    Defaults,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flags => f.write_str("the command line"),
            Self::File(path) => path.display().fmt(f),
            Self::Defaults => f.write_str("the built-in defaults"),
        }
    }
}

/// The origin of the value at `path`: the highest source that sets it or, by
/// a value that is no mapping, one of the mappings around it.
pub(crate) fn origin<'a>(layers: &'a [Layer], path: &[String]) -> Option<&'a Origin> {
    layers.iter().find(|layer| decides(&layer.tree, path)).map(|layer| &layer.origin)
}

fn decides(tree: &Map<String, Value>, path: &[String]) -> bool {
    let Some((key, rest)) = path.split_first() else { return true };
    match tree.get(key) {
        None => false,
        Some(Value::Object(inner)) => decides(inner, rest),
        Some(_) => true,
    }
}

/// The value at `path`; items of lists are named by their index.
pub(crate) fn lookup<'a>(tree: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(tree.get(first)?, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}
