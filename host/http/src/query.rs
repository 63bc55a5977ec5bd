//! The query string, read without copying it.

use std::borrow::Cow;

/// The first value of `name`, which has no character that would be encoded.
pub(crate) fn first<'q>(query: Option<&'q str>, name: &str) -> Option<Cow<'q, str>> {
    let [value] = firsts(query, [name]);
    value
}

/// The first value of each of `names`.
///
/// Token checks ask this of every query: what is not encoded is neither decoded
/// nor copied.
pub(crate) fn firsts<'q, const N: usize>(
    query: Option<&'q str>,
    names: [&str; N],
) -> [Option<Cow<'q, str>>; N] {
    let mut values = [const { None }; N];
    let mut rest = query;
    while let Some(text) = rest {
        let pair = Pair::at(text);
        rest = text.get(pair.end + 1..);
        let Some((key, value)) = pair.read(text) else { continue };
        let wanted = names.iter().position(|name| *name == key);
        if let Some(slot) = wanted.and_then(|wanted| values.get_mut(wanted)) {
            slot.get_or_insert(value);
        }
    }
    values
}

/// The first pair of a query: where its parts end.
struct Pair {
    key: usize,
    end: usize,
    /// Whether it stands for itself.
    is_plain: bool,
}

// === impl Pair ===

impl Pair {
    fn at(text: &str) -> Self {
        let bytes = text.as_bytes();
        let end = memchr::memchr(b'&', bytes).unwrap_or(bytes.len());
        let pair = bytes.get(..end).unwrap_or_default();
        let key = memchr::memchr(b'=', pair).unwrap_or(end);
        Self { key, end, is_plain: memchr::memchr2(b'%', b'+', pair).is_none() }
    }

    /// Name and value; none of nothing between two `&`.
    fn read<'q>(&self, text: &'q str) -> Option<(Cow<'q, str>, Cow<'q, str>)> {
        let pair = text.get(..self.end)?;
        if pair.is_empty() || !self.is_plain {
            return pairs(Some(pair)).next();
        }
        let value = pair.get(self.key + 1..).unwrap_or_default();
        Some((pair.get(..self.key)?.into(), value.into()))
    }
}

/// Every parameter in order.
pub(crate) fn pairs(query: Option<&str>) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
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
            let twice = firsts(Some(query), ["tenant", "scope"]);
            assert_eq!(twice, [first(Some(query), "tenant"), slowly], "{query}");
        }
        assert_eq!(first(None, "scope"), None);
    }
}
