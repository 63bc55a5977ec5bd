//! From the text of a file to a tree: YAML as operators write it.
//!
//! Differences from a plain parse: keys are always text, a key that is given
//! twice keeps its last value (and is listed), `<<` merges the mappings it
//! names, and `!exec` runs a command (contract: config.md section 1).

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde_json::{Map, Number, Value};

use crate::exec;

/// The most that a file may hold once its aliases are followed: bytes of text and
/// [`VALUE_SIZE`] for each value. Two lines of aliases of aliases are enough to
/// fill any memory.
const MAX_SIZE: usize = 4 * 1024 * 1024;
const VALUE_SIZE: usize = 16;

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub tree: Map<String, Value>,
    /// The keys that are given twice in one mapping: the last one counts.
    pub repeated: Vec<String>,
}

/// Why a text is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("it is not encoded in UTF-8")]
    NotUtf8,
    #[error("{0}")]
    Yaml(#[from] serde_yaml::Error),
    #[error("a mapping of keys to values is expected, and it holds {0}")]
    NotAMapping(&'static str),
}

// === impl ParseError ===

impl ParseError {
    /// Line and column, from 1, where they are known.
    pub fn location(&self) -> Option<(usize, usize)> {
        let Self::Yaml(error) = self else { return None };
        error.location().map(|location| (location.line(), location.column()))
    }
}

/// Reads the bytes of a file; an empty file holds no keys.
pub(crate) fn parse(bytes: &[u8]) -> Result<Document, ParseError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ParseError::NotUtf8)?;
    let repeated = RefCell::new(Vec::new());
    match read(text, &Node { repeated: &repeated, may_exec: true, room: &Cell::new(MAX_SIZE) })? {
        Value::Null => Ok(Document { tree: Map::new(), repeated: Vec::new() }),
        Value::Object(tree) => Ok(Document { tree, repeated: repeated.into_inner() }),
        other => Err(ParseError::NotAMapping(crate::kind(&other))),
    }
}

/// Reads what an `!exec` command printed: any value, but no further command.
pub(crate) fn parse_output(text: &str) -> Result<Value, serde_yaml::Error> {
    let (repeated, room) = (RefCell::new(Vec::new()), Cell::new(MAX_SIZE));
    read(text, &Node { repeated: &repeated, may_exec: false, room: &room })
}

fn read(text: &str, node: &Node<'_>) -> Result<Value, serde_yaml::Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    node.deserialize(serde_yaml::Deserializer::from_str(text))
}

/// Reads one value of the document.
#[derive(Clone, Copy)]
struct Node<'a> {
    repeated: &'a RefCell<Vec<String>>,
    may_exec: bool,
    /// What is left of [`MAX_SIZE`].
    room: &'a Cell<usize>,
}

// === impl Node ===

impl Node<'_> {
    fn take_room<E: serde::de::Error>(&self, size: usize) -> Result<(), E> {
        let left = self.room.get().checked_sub(size).ok_or_else(|| {
            E::custom("it holds too much: its aliases (`*name`) stand for megabytes of values")
        })?;
        self.room.set(left);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.take_room(VALUE_SIZE)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    // JSON has no infinities: they stay the text they were.
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.take_room(value.len())?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut merged = Map::new();
        let mut own = Map::new();
        while let Some(key) = entries.next_key_seed(self)? {
            let key = key_text(key).map_err(A::Error::custom)?;
            let value = entries.next_value_seed(self)?;
            if key == "<<" {
                merge_key(&mut merged, value).map_err(A::Error::custom)?;
            } else if own.insert(key.clone(), value).is_some() {
                self.repeated.borrow_mut().push(key);
            }
        }
        if merged.is_empty() {
            return Ok(Value::Object(own));
        }
        merged.extend(own);
        Ok(Value::Object(merged))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (tag, content): (String, _) = data.variant()?;
        let content = content.newtype_variant_seed(self)?;
        match tag.as_str() {
            "exec" if self.may_exec => exec::run(&content).map_err(A::Error::custom),
            "exec" => Err(A::Error::custom("the output of an !exec command holds another !exec")),
            // Not quoted: it may be a password that begins with `!`.
            _ => Err(A::Error::custom(
                "a value that begins with `!` is a tag, and the only one that is known is !exec: \
                 put quotes around a text that begins so",
            )),
        }
    }
}

/// Keys are text: `1: x` and `"1": x` are the same key.
fn key_text(key: Value) -> Result<String, String> {
    match key {
        Value::String(text) => Ok(text),
        Value::Array(_) | Value::Object(_) => Err(format!("{} cannot be a key", crate::kind(&key))),
        scalar => Ok(scalar.to_string()),
    }
}

/// Adds what `<<` names; the first mapping that sets a key wins.
fn merge_key(merged: &mut Map<String, Value>, value: Value) -> Result<(), String> {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                merged.entry(key).or_insert(value);
            }
            Ok(())
        }
        Value::Array(mappings) => {
            mappings.into_iter().try_for_each(|mapping| merge_key(merged, mapping))
        }
        other => {
            Err(format!("`<<` takes a mapping or a list of them, not {}", crate::kind(&other)))
        }
    }
}

#[cfg(test)]
mod tests;
