//! From the daemon's configuration to the author's own type.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{Error, Result, Value};

/// The configuration of a plugin that has nothing to configure: any key in
/// `plugins.<name>.config` is refused.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Reads the JSON text of a plugin's configuration.
pub(crate) fn read<C: DeserializeOwned>(text: &str) -> Result<C> {
    let value = match text {
        "" => Value::Object(crate::Map::new()),
        text => serde_json::from_str(text)
            .map_err(|error| Error::malformed("the configuration", &error))?,
    };
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        Error::config(sentence(&path, &error.into_inner().to_string()))
    })
}

/// Where and what, without the values: one of them may be a password that was
/// put under the wrong key.
fn sentence(path: &str, text: &str) -> String {
    let text = without_value(text);
    let path = if text.starts_with("unknown field") {
        // The text names the field: only what is above it is worth adding.
        path.rsplit_once('.').map_or("", |(above, _)| above)
    } else {
        path
    };
    if path.is_empty() || path == "." { text } else { format!("{path}: {text}") }
}

/// Takes the value out of serde's own sentences.
fn without_value(text: &str) -> String {
    let quotes_value = ["invalid type: ", "invalid value: ", "unknown variant "];
    let Some(start) = quotes_value.iter().find(|start| text.starts_with(**start)) else {
        return text.to_owned();
    };
    let Some((found, expected)) = text.rsplit_once(", expected ") else {
        return start.trim_end_matches([':', ' ']).to_owned();
    };
    let what = found[start.len()..].split(['`', '"']).next().unwrap_or_default();
    let found = format!("{start}{what}");
    format!("{}, expected {expected}", found.trim_end_matches([':', ' ']))
}

#[cfg(test)]
mod tests;
