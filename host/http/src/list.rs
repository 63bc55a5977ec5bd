//! Lists (http.md section 7): the parameters of a request, read by the
//! description of what is listed, and the answer.
//!
//! All bad parameters are reported at once, so each is read on its own and the
//! errors are gathered.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;
use wazo_auth_store::{
    Direction, List, ListQuery, Page, Tenants, Value,
    list::{Filter, Kind},
};

use crate::{
    call::Call,
    dates,
    errors::Error,
    fields::{FieldError, boolean_word, wrapped, wrong_type},
    query,
    reply::Reply,
};

/// What a request asks of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listing {
    pub(crate) query: ListQuery,
    pub(crate) recurse: bool,
}

/// Reads the parameters of one request.
struct Reader<'q> {
    query: Option<&'q str>,
    errors: Vec<FieldError>,
}

type Read<T> = Result<T, FieldError>;

/// A page as it is answered.
#[derive(Serialize)]
struct Answer<T> {
    items: Vec<T>,
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    filtered: Option<u64>,
}

/// What `call` asks of `list`.
pub(crate) fn read(call: &Call, list: &List) -> Result<Listing, Error> {
    let mut reader = Reader { query: call.parts.uri.query(), errors: Vec::new() };
    let listing = reader.listing(list);
    if reader.errors.is_empty() {
        Ok(listing)
    } else {
        Err(Error::invalid_list_params(reader.errors))
    }
}

/// The answer: `show` makes what clients see of a row.
pub(crate) fn reply<'p, T, S: Serialize>(page: &'p Page<T>, show: impl Fn(&'p T) -> S) -> Reply {
    let items = page.items.iter().map(show).collect();
    Reply::json(&Answer { items, total: page.total, filtered: Some(page.filtered) })
}

/// The same for lists that do not say how many rows match their filters.
pub(crate) fn reply_with_total<'p, T, S: Serialize>(
    page: &'p Page<T>,
    show: impl Fn(&'p T) -> S,
) -> Reply {
    let items = page.items.iter().map(show).collect();
    Reply::json(&Answer { items, total: page.total, filtered: None })
}

// === impl Listing ===

impl Listing {
    /// The tenants whose rows are listed, in a request about `tenant`.
    pub(crate) fn tenants(&self, tenant: Uuid) -> Tenants {
        if self.recurse { Tenants::Subtree(tenant) } else { Tenants::Only(tenant) }
    }
}

// === impl Reader ===

impl<'q> Reader<'q> {
    fn listing(&mut self, list: &List) -> Listing {
        let direction = self.value("direction", |name, value| {
            let choices = [("asc", Direction::Asc), ("desc", Direction::Desc)];
            choice(name, &value, &choices).map(|(_, direction)| direction)
        });
        let query = ListQuery {
            limit: self.value("limit", count),
            offset: self.value("offset", count).unwrap_or(0),
            order: self.value("order", |name, value| {
                choice(name, &value, list.sort).map(|(column, _)| column)
            }),
            direction: direction.unwrap_or_default(),
            search: self.value("search", text).filter(|search| !search.is_empty()),
            ..ListQuery::default()
        };
        let recurse = self.value("recurse", flag).unwrap_or(false);
        let filters =
            list.filters.iter().filter_map(|filter| Some((filter.name, self.filter(filter)?)));
        Listing { query: ListQuery { filters: filters.collect(), ..query }, recurse }
    }

    fn filter(&mut self, filter: &Filter) -> Option<Value> {
        let name = filter.name;
        match filter.kind {
            Kind::Text => self.value(name, text).map(Value::Text),
            Kind::NonEmptyText => {
                self.value(name, text).filter(|text| !text.is_empty()).map(Value::Text)
            }
            Kind::Flag => self.value(name, flag).map(Value::Bool),
            Kind::Time => self.value(name, |name, text| {
                dates::read(&text).map(Value::Time).ok_or_else(|| wrong_type(name, "datetime"))
            }),
            Kind::Texts(max) => self.texts(name, max).map(Value::List),
        }
    }

    /// All values of a parameter that is there.
    fn texts(&mut self, name: &'static str, max: usize) -> Option<Vec<String>> {
        let values = query::pairs(self.query).filter(|(key, _)| key == name);
        let values: Vec<_> = values.map(|(_, value)| value.into_owned()).collect();
        if values.iter().any(|value| value.contains('\0')) {
            self.errors.push(wrong_type(name, "string"));
        }
        if values.len() > max {
            let message = format!("Longer than maximum length {max}.");
            let constraint = json!({"min": null, "max": max});
            self.errors.push(wrapped(name, "length", constraint, &message));
        }
        (!values.is_empty()).then_some(values)
    }

    /// What `read` makes of the first value of a parameter that is there.
    fn value<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'static str, Cow<'q, str>) -> Read<T>,
    ) -> Option<T> {
        let value = query::first(self.query, name)?;
        read(name, value).map_err(|error| self.errors.push(error)).ok()
    }
}

/// A text; an exact filter may well be empty.
fn text(name: &str, value: Cow<'_, str>) -> Read<String> {
    if value.contains('\0') { Err(wrong_type(name, "string")) } else { Ok(value.into_owned()) }
}

fn flag(name: &str, word: Cow<'_, str>) -> Read<bool> {
    boolean_word(&word).ok_or_else(|| wrong_type(name, "boolean"))
}

fn count(name: &str, value: Cow<'_, str>) -> Read<u64> {
    let number: i64 = value.trim().parse().map_err(|_| wrong_type(name, "integer"))?;
    u64::try_from(number).map_err(|_| {
        wrapped(name, "range", json!({"min": 0}), "Must be greater than or equal to 0.")
    })
}

/// The choice of this name.
fn choice<T: Copy>(
    name: &str,
    value: &str,
    choices: &[(&'static str, T)],
) -> Read<(&'static str, T)> {
    if let Some(found) = choices.iter().find(|(choice, _)| *choice == value) {
        return Ok(*found);
    }
    let names: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
    let message = format!("Must be one of: {}.", names.join(", "));
    Err(wrapped(name, "enum", json!({"choices": names}), &message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> (Listing, Vec<FieldError>) {
        let mut reader = Reader { query: Some(query), errors: Vec::new() };
        let listing = reader.listing(&wazo_auth_store::refresh_tokens::LIST);
        (listing, reader.errors)
    }

    #[test]
    fn the_first_of_repeated_parameters_counts() {
        let (listing, errors) = read("limit=3&limit=4&recurse=True");
        assert_eq!((listing.query.limit, listing.recurse), (Some(3), true));
        assert!(errors.is_empty());
    }

    #[test]
    fn a_negative_limit_is_out_of_range() {
        let (_, errors) = read("limit=-1");
        assert_eq!(errors[0].descriptor["message"], "Must be greater than or equal to 0.");
    }

    #[test]
    fn all_bad_parameters_are_reported() {
        let (_, errors) =
            read("limit=&order=nope&direction=up&recurse=maybe&offset=1&mobile=2&created_at=x");
        let fields: Vec<_> = errors.iter().map(|error| &*error.field).collect();
        let expected = ["direction", "limit", "order", "recurse", "created_at", "mobile"];
        assert_eq!(fields, expected);
    }
}
