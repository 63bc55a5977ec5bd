//! Parameters that every list takes (http.md section 7).

use serde_json::json;

use crate::{
    fields::{FieldError, boolean_word, wrapped, wrong_type},
    query,
};

/// The page and the order that a request wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListParams {
    pub(crate) limit: Option<u64>,
    pub(crate) offset: u64,
    pub(crate) order: Option<String>,
    pub(crate) descending: bool,
    pub(crate) search: Option<String>,
    pub(crate) recurse: bool,
}

// === impl ListParams ===

impl ListParams {
    /// Reads the query; `columns` are what the resource can be sorted by.
    pub(crate) fn of(query: Option<&str>, columns: &[&str]) -> Result<Self, FieldError> {
        let recurse = match query::first(query, "recurse") {
            None => false,
            Some(word) => boolean_word(&word).ok_or_else(|| wrong_type("recurse", "boolean"))?,
        };
        Ok(Self {
            limit: count(query, "limit")?,
            offset: count(query, "offset")?.unwrap_or(0),
            order: choice(query, "order", columns)?,
            descending: choice(query, "direction", &["asc", "desc"])?.as_deref() == Some("desc"),
            search: text(query, "search")?,
            recurse,
        })
    }
}

/// A non-empty text parameter.
pub(crate) fn text(query: Option<&str>, name: &str) -> Result<Option<String>, FieldError> {
    let value = query::first(query, name).filter(|value| !value.is_empty());
    match value {
        Some(value) if value.contains('\0') => Err(wrong_type(name, "string")),
        value => Ok(value.map(std::borrow::Cow::into_owned)),
    }
}

/// A boolean filter.
pub(crate) fn flag(query: Option<&str>, name: &str) -> Result<Option<bool>, FieldError> {
    let Some(word) = query::first(query, name) else { return Ok(None) };
    boolean_word(&word).map(Some).ok_or_else(|| wrong_type(name, "boolean"))
}

fn count(query: Option<&str>, name: &str) -> Result<Option<u64>, FieldError> {
    let Some(value) = query::first(query, name) else { return Ok(None) };
    let number: i64 = value.trim().parse().map_err(|_| wrong_type(name, "integer"))?;
    u64::try_from(number).map(Some).map_err(|_| {
        wrapped(name, "range", json!({"min": 0}), "Must be greater than or equal to 0.")
    })
}

fn choice(
    query: Option<&str>,
    name: &str,
    choices: &[&str],
) -> Result<Option<String>, FieldError> {
    let Some(value) = query::first(query, name) else { return Ok(None) };
    if choices.contains(&&*value) {
        return Ok(Some(value.into_owned()));
    }
    let message = format!("Must be one of: {}.", choices.join(", "));
    Err(wrapped(name, "enum", json!({"choices": choices}), &message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_repeated_parameters_counts() {
        let params = ListParams::of(Some("limit=3&limit=4&recurse=True"), &[]).unwrap();
        assert_eq!((params.limit, params.recurse), (Some(3), true));
    }

    #[test]
    fn a_negative_limit_is_out_of_range() {
        let error = ListParams::of(Some("limit=-1"), &[]).unwrap_err();
        assert_eq!(error.descriptor["message"], "Must be greater than or equal to 0.");
        assert!(ListParams::of(Some("limit="), &[]).is_err());
        assert!(ListParams::of(Some("order=nope"), &["created_at"]).is_err());
    }
}
