//! Words that all lists share (`contract/http.md` section 7).

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows of the page.
    pub items: Vec<T>,
    /// Rows in scope, whatever the filters.
    pub total: u64,
    /// Rows that match the filters and the search.
    pub filtered: u64,
}

/// Which way a list is sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first, NULL last.
    #[default]
    Asc,
    /// Largest first, NULL first.
    Desc,
}

// === impl Direction ===

impl Direction {
    /// The words after a sort column. SQLite would put NULL at the other end.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Asc => "ASC NULLS LAST",
            Self::Desc => "DESC NULLS FIRST",
        }
    }
}

/// `LIMIT` for an absent limit: NULL is refused by SQLite, -1 by PostgreSQL.
pub(crate) fn limit(limit: Option<u64>) -> i64 {
    limit.and_then(|limit| i64::try_from(limit).ok()).unwrap_or(i64::MAX)
}

/// `OFFSET` as the databases count.
pub(crate) fn offset(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// The pattern of a search: the words in this order with anything around,
/// folded; to be compared with a folded column by `LIKE ?n ESCAPE '\'`. Nothing
/// when there is no word.
pub(crate) fn search_pattern(search: &str) -> Option<String> {
    let mut pattern = String::from("%");
    for word in search.split(' ').filter(|word| !word.is_empty()) {
        for letter in crate::fold(word).chars() {
            if matches!(letter, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern.push('%');
    }
    (pattern.len() > 1).then_some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_searched_in_order_and_wildcards_taken_literally() {
        assert_eq!(search_pattern("My  100%_app").as_deref(), Some(r"%my%100\%\_app%"));
        assert_eq!(search_pattern("  "), None);
    }
}
