//! Search filters: from the text of the configuration to what a server takes
//! (RFC 4515, RFC 4511 section 4.5.1.7).

use crate::{
    ber::{BOOLEAN, OCTET_STRING, SEQUENCE, constructed, element},
    escape::in_filter,
};

/// How deep conditions may be inside each other.
const MOST_LEVELS: usize = 32;

const AND: u8 = 0xA0;
const OR: u8 = 0xA1;
const NOT: u8 = 0xA2;
const EQUALITY: u8 = 0xA3;
const SUBSTRINGS: u8 = 0xA4;
const GREATER: u8 = 0xA5;
const LESS: u8 = 0xA6;
const PRESENT: u8 = 0x87;
const APPROXIMATE: u8 = 0xA8;
const EXTENSIBLE: u8 = 0xA9;

/// Condition: any object.
pub(crate) fn any_object() -> Vec<u8> {
    element(PRESENT, b"objectClass")
}

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
            filter.push_str(&in_filter(value));
            after
        };
    }
    filter.push_str(rest);
    Ok(filter)
}

/// A filter as a server takes it. Parentheses around all of it may be left out.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn encoded(filter: &str) -> Result<Vec<u8>, String> {
    let filter = filter.trim_start();
    let (condition, rest) = match filter.starts_with('(') {
        true => in_parentheses(filter, 0)?,
        false => (item(filter)?, ""),
    };
    if rest.trim_end().is_empty() {
        Ok(condition)
    } else {
        Err("something follows its end".to_owned())
    }
}

/// The condition in the parentheses that stand here, and what follows it.
fn in_parentheses(text: &str, level: usize) -> Result<(Vec<u8>, &str), String> {
    if level == MOST_LEVELS {
        return Err(format!("its parentheses are more than {MOST_LEVELS} levels deep"));
    }
    let unclosed = "a `(` is not closed";
    let text = text.strip_prefix('(').ok_or("a `(` is missing")?.trim_start();
    let (condition, rest) = match text.chars().next().ok_or(unclosed)? {
        '&' => list(AND, &text[1..], level)?,
        '|' => list(OR, &text[1..], level)?,
        '!' => {
            let (inner, rest) = in_parentheses(text[1..].trim_start(), level + 1)?;
            (element(NOT, &inner), rest)
        }
        _ => {
            let end = text.find(')').ok_or(unclosed)?;
            (item(&text[..end])?, &text[end..])
        }
    };
    let rest = rest.trim_start().strip_prefix(')').ok_or(unclosed)?;
    Ok((condition, rest))
}

fn list(tag: u8, text: &str, level: usize) -> Result<(Vec<u8>, &str), String> {
    let (mut conditions, mut rest) = (Vec::new(), text.trim_start());
    while rest.starts_with('(') {
        let (condition, after) = in_parentheses(rest, level + 1)?;
        conditions.extend(condition);
        rest = after.trim_start();
    }
    Ok((element(tag, &conditions), rest))
}

/// A condition on one attribute.
fn item(text: &str) -> Result<Vec<u8>, String> {
    let (left, right) = text.split_once('=').ok_or("a condition has no `=`")?;
    if right.contains('(') {
        return Err("a `(` stands in a value; it is written \\28".to_owned());
    }
    let (tag, attribute) = match left.chars().last() {
        Some('~') => (APPROXIMATE, &left[..left.len() - 1]),
        Some('>') => (GREATER, &left[..left.len() - 1]),
        Some('<') => (LESS, &left[..left.len() - 1]),
        Some(':') => return extensible(&left[..left.len() - 1], right),
        _ if right == "*" => return Ok(element(PRESENT, attribute(left)?)),
        _ if right.contains('*') => return substrings(attribute(left)?, right),
        _ => (EQUALITY, left),
    };
    let attribute = element(OCTET_STRING, self::attribute(attribute)?);
    Ok(constructed(tag, &[attribute, element(OCTET_STRING, &value(right)?)]))
}

/// The name of an attribute, with its options.
fn attribute(name: &str) -> Result<&[u8], String> {
    let name = name.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';' | '_');
    if name.is_empty() || !name.chars().all(is_name) {
        return Err("the name of an attribute is missing, or has characters that none has".into());
    }
    Ok(name.as_bytes())
}

fn substrings(attribute: &[u8], text: &str) -> Result<Vec<u8>, String> {
    const INITIAL: u8 = 0x80;
    const ANY: u8 = 0x81;
    const FINAL: u8 = 0x82;
    let pieces: Vec<&str> = text.split('*').collect();
    let last = pieces.len() - 1;
    let mut encoded = Vec::new();
    for (at, piece) in pieces.into_iter().enumerate().filter(|(_, piece)| !piece.is_empty()) {
        let tag = match at {
            0 => INITIAL,
            at if at == last => FINAL,
            _ => ANY,
        };
        encoded.extend(element(tag, &value(piece)?));
    }
    let attribute = element(OCTET_STRING, attribute);
    Ok(constructed(SUBSTRINGS, &[attribute, element(SEQUENCE, &encoded)]))
}

/// `attribute:dn:rule`, each of which may be missing.
fn extensible(left: &str, right: &str) -> Result<Vec<u8>, String> {
    const RULE: u8 = 0x81;
    const ATTRIBUTE: u8 = 0x82;
    const VALUE: u8 = 0x83;
    const IN_DN: u8 = 0x84;
    let (name, options) = left.split_once(':').unwrap_or((left, ""));
    let (in_dn, rule) = match options.split_once(':') {
        Some(("dn", rule)) => (true, rule),
        Some(_) => return Err("a condition has too many `:`".to_owned()),
        None if options == "dn" => (true, ""),
        None => (false, options),
    };
    if name.is_empty() && rule.is_empty() {
        return Err("a condition has neither an attribute nor a rule before `:=`".to_owned());
    }
    let mut encoded = Vec::new();
    for (tag, text) in [(RULE, rule), (ATTRIBUTE, name)] {
        if !text.is_empty() {
            encoded.extend(element(tag, attribute(text)?));
        }
    }
    encoded.extend(element(VALUE, &value(right)?));
    if in_dn {
        let mut truth = element(BOOLEAN, &[0xFF]);
        truth[0] = IN_DN;
        encoded.extend(truth);
    }
    Ok(element(EXTENSIBLE, &encoded))
}

/// A value, with its escapes undone.
fn value(text: &str) -> Result<Vec<u8>, String> {
    let wrong = "a `\\` is not followed by two hexadecimal digits";
    let (mut value, mut bytes) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = bytes.next() {
        value.push(match byte {
            b'\\' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit().ok_or(wrong)?, digit().ok_or(wrong)?);
                u8::try_from(high * 16 + low).map_err(|_| wrong)?
            }
            byte => byte,
        });
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
