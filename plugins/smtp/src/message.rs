//! The bytes of a message. They are exact (email-flows.md section 7): programs look
//! for whole lines, so no header is ever folded.

use base64::{Engine, engine::general_purpose::STANDARD};

/// What an RFC 2047 word has around its content, and how long it may be.
const WORD: (&str, &str) = ("=?utf-8?b?", "?=");
const MAX_WORD: usize = 75;
/// Characters of a line of base64.
const LINE: usize = 76;
/// What makes a name one that needs quotes.
const SPECIAL: &str = "()<>@,:;\".[]\\";

/// The headers that differ from mail to mail, ready to be written.
pub(crate) struct Headers {
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) subject: String,
}

// === impl Headers ===

impl Headers {
    /// The whole message. The client adds the end of the last line.
    pub(crate) fn with(&self, body: &str) -> Vec<u8> {
        let (charset, encoding, body) = match body.is_ascii() {
            true => ("us-ascii", "7bit", lines(body)),
            false => ("utf-8", "base64", base64_lines(body)),
        };
        let Self { to, from, subject } = self;
        let message = format!(
            "Content-Type: text/plain; charset=\"{charset}\"\r\n\
             MIME-Version: 1.0\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\
             To: {to}\r\n\
             From: {from}\r\n\
             Subject: {subject}\r\n\
             \r\n\
             {body}"
        );
        let message = message.strip_suffix("\r\n").unwrap_or(&message);
        message.as_bytes().to_vec()
    }
}

/// A name and an address.
pub(crate) fn mailbox(name: &str, address: &str) -> String {
    let name = one_line(name);
    if name.is_empty() {
        return address.to_owned();
    }
    if !name.is_ascii() {
        return format!("{} <{address}>", word(&name));
    }
    if name.contains(|c| SPECIAL.contains(c)) {
        let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{escaped}\" <{address}>");
    }
    format!("{name} <{address}>")
}

/// A text in a header.
pub(crate) fn text(text: &str) -> String {
    let text = one_line(text);
    if text.is_ascii() { text } else { words(&text) }
}

/// Line breaks, and whatever else some program may take for one, as spaces.
fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if is_break(c) { ' ' } else { c }).collect()
}

fn word(text: &str) -> String {
    format!("{}{}{}", WORD.0, STANDARD.encode(text), WORD.1)
}

/// As many words as it takes for none to be too long; between two of them, a space
/// counts for nothing.
fn words(text: &str) -> String {
    let most = (MAX_WORD - WORD.0.len() - WORD.1.len()) / 4 * 3;
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match parts.last_mut() {
            Some(part) if part.len() + c.len_utf8() <= most => part.push(c),
            _ => parts.push(c.to_string()),
        }
    }
    parts.iter().map(|part| word(part)).collect::<Vec<_>>().join(" ")
}

/// The text with the line ends that mail has.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

fn base64_lines(text: &str) -> String {
    let encoded = STANDARD.encode(text);
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / LINE * 2 + 2);
    for (position, c) in encoded.chars().enumerate() {
        if position > 0 && position % LINE == 0 {
            lines.push_str("\r\n");
        }
        lines.push(c);
    }
    lines
}
