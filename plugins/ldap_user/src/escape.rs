//! Logins in places where some of their characters mean something.

use std::fmt::Write as _;

/// A text that stands for itself in a filter (RFC 4515 section 3).
pub(crate) fn in_filter(text: &str) -> String {
    escaped(text, |_, c| matches!(c, '\\' | '*' | '(' | ')' | '\0').then_some(Form::Hexadecimal))
}

/// A text that is the value of an attribute in a DN (RFC 4514 section 2.4).
pub(crate) fn in_dn(text: &str) -> String {
    let last = text.len().saturating_sub(1);
    escaped(text, |at, c| match c {
        '\0' => Some(Form::Hexadecimal),
        '\\' | ',' | '+' | '"' | '<' | '>' | ';' | '=' => Some(Form::Backslash),
        ' ' if at == 0 || at == last => Some(Form::Backslash),
        '#' if at == 0 => Some(Form::Backslash),
        _ => None,
    })
}

enum Form {
    /// `\2a`
    Hexadecimal,
    /// `\,`
    Backslash,
}

fn escaped(text: &str, form: impl Fn(usize, char) -> Option<Form>) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match form(at, c) {
            // What is written to a String is written.
            Some(Form::Hexadecimal) => drop(write!(escaped, "\\{:02x}", u32::from(c))),
            Some(Form::Backslash) => escaped.extend(['\\', c]),
            None => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_filter_is_literal() {
        assert_eq!(in_filter(r"a*)(uid=\é"), r"a\2a\29\28uid=\5cé");
        assert_eq!(in_filter("a\0b"), r"a\00b");
        assert_eq!(in_filter("alice@example.org"), "alice@example.org");
    }

    #[test]
    fn what_means_something_in_a_dn_is_literal() {
        assert_eq!(in_dn(r#"a,b+c"d<e>f;g=h\i"#), r#"a\,b\+c\"d\<e\>f\;g\=h\\i"#);
        assert_eq!(in_dn("  a b  "), r"\  a b \ ");
        assert_eq!(in_dn("#a#"), r"\#a#");
        assert_eq!(in_dn("a\0"), r"a\00");
        assert_eq!(in_dn(" "), r"\ ");
        assert_eq!(in_dn(""), "");
    }
}
