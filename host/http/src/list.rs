//! Parameters that every list takes (http.md section 7).
//!
//! All bad ones are reported at once, so each is read on its own and the
//! errors are gathered.

use std::borrow::Cow;

use serde_json::json;

use crate::{
    errors::Error,
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

/// Reads the parameters of one request.
pub(crate) struct Reader<'q> {
    query: Option<&'q str>,
    errors: Vec<FieldError>,
}

type Read<T> = Result<Option<T>, FieldError>;

// === impl ListParams ===

impl ListParams {
    /// Reads what all lists know; `columns` are what the resource can be sorted
    /// by.
    pub(crate) fn read(reader: &mut Reader<'_>, columns: &[&str]) -> Self {
        let direction =
            reader.value("direction", |name, value| choice(name, value, &["asc", "desc"]));
        Self {
            limit: reader.value("limit", count),
            offset: reader.value("offset", count).unwrap_or(0),
            order: reader.value("order", |name, value| choice(name, value, columns)),
            descending: direction.as_deref() == Some("desc"),
            search: reader.text("search").filter(|search| !search.is_empty()),
            recurse: reader.flag("recurse").unwrap_or(false),
        }
    }
}

// === impl Reader ===

impl<'q> Reader<'q> {
    pub(crate) fn new(query: Option<&'q str>) -> Self {
        Self { query, errors: Vec::new() }
    }

    /// A text; an exact filter may well be empty.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.value(name, |name, value| match value.contains('\0') {
            true => Err(wrong_type(name, "string")),
            false => Ok(Some(value.into_owned())),
        })
    }

    /// A boolean.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.value(name, |name, word| {
            boolean_word(&word).map(Some).ok_or_else(|| wrong_type(name, "boolean"))
        })
    }

    /// What `read` makes of the first value of a parameter that is there.
    pub(crate) fn value<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'static str, Cow<'q, str>) -> Read<T>,
    ) -> Option<T> {
        let value = query::first(self.query, name)?;
        read(name, value).unwrap_or_else(|error| {
            self.errors.push(error);
            None
        })
    }

    /// To be called when all parameters were read: refuses if one was bad.
    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.errors.is_empty() { Ok(()) } else { Err(Error::invalid_list_params(self.errors)) }
    }
}

fn count(name: &str, value: Cow<'_, str>) -> Read<u64> {
    let number: i64 = value.trim().parse().map_err(|_| wrong_type(name, "integer"))?;
    u64::try_from(number).map(Some).map_err(|_| {
        wrapped(name, "range", json!({"min": 0}), "Must be greater than or equal to 0.")
    })
}

fn choice(name: &str, value: Cow<'_, str>, choices: &[&str]) -> Read<String> {
    if choices.contains(&&*value) {
        return Ok(Some(value.into_owned()));
    }
    let message = format!("Must be one of: {}.", choices.join(", "));
    Err(wrapped(name, "enum", json!({"choices": choices}), &message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> (ListParams, Vec<FieldError>) {
        let mut reader = Reader::new(Some(query));
        let params = ListParams::read(&mut reader, &["created_at"]);
        (params, reader.errors)
    }

    #[test]
    fn the_first_of_repeated_parameters_counts() {
        let (params, errors) = read("limit=3&limit=4&recurse=True");
        assert_eq!((params.limit, params.recurse), (Some(3), true));
        assert!(errors.is_empty());
    }

    #[test]
    fn a_negative_limit_is_out_of_range() {
        let (_, errors) = read("limit=-1");
        assert_eq!(errors[0].descriptor["message"], "Must be greater than or equal to 0.");
    }

    #[test]
    fn all_bad_parameters_are_reported() {
        let (_, errors) = read("limit=&order=nope&direction=up&recurse=maybe&offset=1");
        let fields: Vec<_> = errors.iter().map(|error| &*error.field).collect();
        assert_eq!(fields, ["direction", "limit", "order", "recurse"]);
    }
}
