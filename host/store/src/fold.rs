//! The one way in which logins, slugs and names are compared ignoring case.

/// The name of [`fold`] on SQLite's connections and in its schema.
pub(crate) const FOLD: &str = "wazo_auth_fold";

/// `text` in lower case, character by character.
///
/// [`Dialect::fold`](crate::Dialect::fold) is this function in SQL, so that the
/// unique indexes, the look-ups and the callers' locks all agree. It looks at
/// no neighbours (a final sigma stays a plain one), as PostgreSQL's `lower()`
/// does.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_script_are_folded_one_by_one() {
        assert_eq!(fold("ÉLODIE@Example.COM"), "élodie@example.com");
        assert_eq!(fold("ΟΔΟΣ"), "οδοσ");
    }
}
