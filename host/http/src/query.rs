//! The query string, read without copying it.

use std::borrow::Cow;

/// The first value of `name`, which has no character that would be encoded.
pub(crate) fn first<'q>(query: Option<&'q str>, name: &str) -> Option<Cow<'q, str>> {
    // Token checks ask this of every query: what is not encoded is not decoded.
    query?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if is_plain(key) && key != name {
            return None;
        }
        if is_plain(pair) && !pair.is_empty() {
            return Some(Cow::Borrowed(value));
        }
        let (key, value) = pairs(Some(pair)).next()?;
        (key == name).then_some(value)
    })
}

/// Every parameter in order.
pub(crate) fn pairs(query: Option<&str>) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
}

/// Whether it stands for itself.
fn is_plain(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, b'%' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_that_of_the_decoded_query() {
        let queries = [
            "",
            "scope",
            "scope=",
            "scope=a.b",
            "scope=a=b",
            "=x",
            "&",
            "&&scope=1&scope=2",
            "scop%65=a",
            "s=1&scope=%61+b",
            "scope%3Da=b",
            "scope=%ff",
            "Scope=a",
            "scope+=a",
            "scope=é",
            "+=a&scope=%",
            "x=%&scope=y",
            "scope&scope=1",
            "scope=a;tenant=b",
        ];
        for query in queries {
            let slowly = pairs(Some(query)).find(|(key, _)| key == "scope").map(|(_, value)| value);
            assert_eq!(first(Some(query), "scope"), slowly, "{query}");
        }
        assert_eq!(first(None, "scope"), None);
    }
}
