//! Logins in names of entries.

/// A text that is the value of an attribute in a DN (RFC 4514 section 2.4).
///
/// By backslashes, as the contract has it (plugins.md section 8.5); the library writes
/// hexadecimal digits, which servers of version 2 do not know (RFC 1779).
pub(crate) fn in_dn(text: &str) -> String {
    let last = text.len().saturating_sub(1);
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\0' => escaped.push_str(r"\00"),
            '\\' | ',' | '+' | '"' | '<' | '>' | ';' | '=' => escaped.extend(['\\', c]),
            ' ' if at == 0 || at == last => escaped.extend(['\\', c]),
            '#' if at == 0 => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

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
