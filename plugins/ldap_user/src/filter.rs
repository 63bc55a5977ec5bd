//! Search filters, as they are configured (RFC 4515).

use ldap3::{ldap_escape, parse_filter};

/// How deep conditions may be inside each other: the library goes down into each by
/// recursion. Few enough for the guard, which looks at requests too.
const MOST_LEVELS: usize = 24;

/// Puts values into the places of a template that have their names in braces, so
/// that they stand for themselves. A brace of its own is written twice.
///
/// # Errors
/// What is wrong with the template.
pub(crate) fn filled_in(template: &str, values: &[(&str, &str)]) -> Result<String, String> {
    let mut filter = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        filter.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        rest = if let Some(after) = after.strip_prefix(brace) {
            filter.push_str(brace);
            after
        } else if brace == "}" {
            return Err("it has a `}` without a `{`".to_owned());
        } else {
            let (name, after) = after.split_once('}').ok_or("it has a `{` without a `}`")?;
            let value = values.iter().find(|(known, _)| *known == name);
            let (_, value) = value.ok_or_else(|| {
                let known: Vec<_> = values.iter().map(|(name, _)| format!("{{{name}}}")).collect();
                format!("it holds {{{name}}}; there are {}", known.join(", "))
            })?;
            filter.push_str(&ldap_escape(*value));
            after
        };
    }
    filter.push_str(rest);
    Ok(filter)
}

/// A filter as the library takes it: without the spaces that may stand between
/// conditions. Parentheses around all of it may be left out.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn checked(filter: &str) -> Result<String, String> {
    let (mut checked, mut level, mut is_in_condition) = (String::new(), 0_usize, false);
    for c in filter.chars() {
        match c {
            '(' => level += 1,
            ')' => level = level.checked_sub(1).ok_or("it has a `)` without a `(`")?,
            '&' | '|' | '!' => {}
            c if c.is_whitespace() && !is_in_condition => continue,
            _ => is_in_condition = true,
        }
        if level > MOST_LEVELS {
            return Err(format!("its parentheses are more than {MOST_LEVELS} levels deep"));
        }
        is_in_condition &= !matches!(c, '(' | ')');
        checked.push(c);
    }
    if level > 0 {
        return Err("a `(` is not closed".to_owned());
    }
    match parse_filter(&checked) {
        Ok(_) => Ok(checked),
        Err(()) => Err("a condition in it is not as RFC 4515 has it".to_owned()),
    }
}

#[cfg(test)]
mod tests;
