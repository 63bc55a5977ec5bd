//! The context of a mail as Python writes a dictionary.

use std::fmt::{self, Write};

use wazo_auth_plugin_api::EmailContext;

/// `{'token': '…', 'username': '…', …}`: what is not known is left out.
pub(crate) struct Python<'c>(pub(crate) &'c EmailContext);

/// A text as Python writes it: between single quotes, unless that would take more
/// escapes than double ones.
struct Text<'t>(&'t str);

// === impl Python ===

impl fmt::Display for Python<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let context = self.0;
        write!(f, "{{'token': {}, 'username': ", Text(&context.token))?;
        match &context.username {
            Some(username) => Text(username).fmt(f)?,
            None => f.write_str("None")?,
        }
        let pair = |f: &mut fmt::Formatter<'_>, key: &str, value: Option<&str>| {
            value.map_or(Ok(()), |value| write!(f, ", '{key}': {}", Text(value)))
        };
        pair(f, "email_uuid", context.email_uuid.as_deref())?;
        pair(f, "user_uuid", context.user_uuid.as_deref())?;
        pair(f, "email_address", Some(&context.email_address))?;
        pair(f, "hostname", context.hostname.as_deref())?;
        context.port.map_or(Ok(()), |port| write!(f, ", 'port': {port}"))?;
        pair(f, "prefix", context.prefix.as_deref())?;
        f.write_char('}')
    }
}

// === impl Text ===

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') && !self.0.contains('"') { '"' } else { '\'' };
        f.write_char(quote)?;
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\"),
                '\n' => f.write_str("\\n"),
                '\r' => f.write_str("\\r"),
                '\t' => f.write_str("\\t"),
                c if c == quote => write!(f, "\\{c}"),
                c if is_printable(c) => f.write_char(c),
                c if u32::from(c) <= 0xff => write!(f, "\\x{:02x}", u32::from(c)),
                c if u32::from(c) <= 0xffff => write!(f, "\\u{:04x}", u32::from(c)),
                c => write!(f, "\\U{:08x}", u32::from(c)),
            }?;
        }
        f.write_char(quote)
    }
}

/// Whether a character can be shown as it is; a line of the log stays one.
fn is_printable(c: char) -> bool {
    !c.is_control() && (c == ' ' || !c.is_whitespace()) && c != '\u{ad}'
}
