//! The query string, read without copying it.

use std::borrow::Cow;

/// The first value of `name`.
pub(crate) fn first<'q>(query: Option<&'q str>, name: &str) -> Option<Cow<'q, str>> {
    pairs(query).find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Every parameter in order.
pub(crate) fn pairs(query: Option<&str>) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
}
