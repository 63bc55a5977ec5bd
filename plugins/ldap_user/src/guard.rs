//! What of a server's answers reaches the LDAP library.
//!
//! The library descends into what it is sent by recursion without an end, and panics
//! where a part is missing. So that no server that a tenant names can make use of
//! that, each message is looked over here, without recursion, and ends the connection
//! unless it is short, flat, of the shape that its operation has (RFC 4511 section 4)
//! and an answer to what was asked.

use std::{ops::Range, str};

use crate::connection::{Failure, SIZE_LIMIT_EXCEEDED};

/// The largest message, in bytes. One entry with one attribute is far smaller.
const LARGEST: usize = 1024 * 1024;
/// Most parts of a message: each costs the library far more memory than the two bytes
/// that it may have.
const MOST_PARTS: usize = 50_000;
/// How deep parts may be inside each other. What is asked for needs six levels.
const MOST_LEVELS: usize = 32;

const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0A;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const REFERRAL: u8 = 0xA3;
const BIND: u8 = 0x60;
const SEARCH: u8 = 0x63;
const EXTENDED: u8 = 0x77;
const BIND_RESPONSE: u8 = 0x61;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_RESPONSE: u8 = 0x78;
const INTERMEDIATE_RESPONSE: u8 = 0x79;

/// What may be answered now.
#[derive(Default)]
pub(crate) struct Guard {
    /// The number of the request.
    id: Vec<u8>,
    /// What may answer it; nothing once its result has come.
    answers: &'static [u8],
    has_entry: bool,
}

/// A part of a message.
struct Part {
    level: usize,
    tag: u8,
    /// Where in the message.
    content: Range<usize>,
}

/// Why there is no part.
enum No {
    /// Its end has not come.
    End,
    /// It never will.
    Sense,
}

// === impl Guard ===

impl Guard {
    /// Takes note of a request of the library, and makes its bind one of this version:
    /// the library always says 3.
    pub(crate) fn sends(&mut self, request: &mut [u8], version: u8) -> Result<(), Failure> {
        let parts = parts(request).ok_or_else(Failure::malformed)?;
        let [_, id, operation, inside @ ..] = &parts[..] else { return Err(Failure::malformed()) };
        self.id = request[id.content.clone()].to_vec();
        self.has_entry = false;
        self.answers = match operation.tag {
            BIND => &[BIND_RESPONSE],
            SEARCH => &[SEARCH_ENTRY, SEARCH_REFERENCE, INTERMEDIATE_RESPONSE, SEARCH_DONE],
            EXTENDED => &[EXTENDED_RESPONSE],
            _ => &[],
        };
        if let (BIND, Some(said)) = (operation.tag, inside.first()) {
            request[said.content.clone()].fill(version);
        }
        Ok(())
    }

    /// Whether a request is without its result.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The part of a server's message that the library may read; none when there is
    /// nothing in it for anybody.
    ///
    /// # Errors
    /// It ends the connection.
    pub(crate) fn receives(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let parts = parts(message).ok_or_else(Failure::malformed)?;
        let [_, id, operation, inside @ ..] = &parts[..] else { return Err(Failure::malformed()) };
        let inside = &inside[..inside.iter().take_while(|part| part.level > 1).count()];
        let is_well_formed = match operation.tag {
            SEARCH_ENTRY => is_entry(message, inside),
            SEARCH_REFERENCE | INTERMEDIATE_RESPONSE => true,
            _ => is_result(message, inside),
        };
        let id = &message[id.content.clone()];
        // Of its own accord, a server only takes its leave.
        if let (true, [0], EXTENDED_RESPONSE) = (is_well_formed, id, operation.tag) {
            return Err(refused(message, inside));
        }
        if !is_well_formed || id != self.id || !self.answers.contains(&operation.tag) {
            return Err(Failure::malformed());
        }
        match operation.tag {
            INTERMEDIATE_RESPONSE => return Ok(None),
            SEARCH_REFERENCE => {}
            // It was asked for one, and need not be heard to the end.
            SEARCH_ENTRY if self.has_entry => {
                return Err(Failure::Refused { code: SIZE_LIMIT_EXCEEDED, text: String::new() });
            }
            SEARCH_ENTRY => self.has_entry = true,
            _ => self.answers = &[],
        }
        // Without what may follow: some servers add controls that nobody asked for.
        let kept = &message[parts[0].content.start..operation.content.end];
        let length = u32::try_from(kept.len()).map_err(|_| Failure::malformed())?;
        Ok(Some([&[SEQUENCE, 0x84], &length.to_be_bytes()[..], kept].concat()))
    }
}

/// How many bytes the message has that begins here; none while they have not come.
///
/// # Errors
/// It is none.
pub(crate) fn length_of_message(bytes: &[u8]) -> Result<Option<usize>, Failure> {
    match part(bytes, 0) {
        _ if bytes.first().is_some_and(|tag| *tag != SEQUENCE) => Err(Failure::malformed()),
        Ok((_, content)) if content.end > LARGEST => Err(Failure::malformed()),
        Ok((_, content)) if content.end > bytes.len() => Ok(None),
        Ok((_, content)) => Ok(Some(content.end)),
        Err(No::End) => Ok(None),
        Err(No::Sense) => Err(Failure::malformed()),
    }
}

/// All parts of a message, each before those inside it.
fn parts(message: &[u8]) -> Option<Vec<Part>> {
    let (mut parts, mut ends, mut at) = (Vec::new(), vec![message.len()], 0);
    while let Some(&end) = ends.last() {
        if at == end {
            ends.pop();
            continue;
        }
        let (tag, content) = part(message, at).ok().filter(|(_, content)| content.end <= end)?;
        let level = ends.len() - 1;
        if level == MOST_LEVELS || parts.len() == MOST_PARTS {
            return None;
        }
        let has_parts = tag & 0x20 != 0;
        at = if has_parts { content.start } else { content.end };
        ends.extend(has_parts.then_some(content.end));
        parts.push(Part { level, tag, content });
    }
    // A message and its number; the operation follows.
    let [first, id, operation, ..] = &parts[..] else { return None };
    let is_message = [first.tag, id.tag] == [SEQUENCE, 0x02] && operation.level == 1;
    is_message.then_some(parts)
}

/// The tag and the content of the part at a place: tags of one byte, lengths that are
/// told (RFC 4511 section 5.1).
fn part(bytes: &[u8], at: usize) -> Result<(u8, Range<usize>), No> {
    let [tag, first, rest @ ..] = bytes.get(at..).unwrap_or_default() else { return Err(No::End) };
    let count = if *first < 0x80 { 0 } else { usize::from(first & 0x7F) };
    if tag & 0x1F == 0x1F || *first == 0x80 || count > 4 {
        return Err(No::Sense);
    }
    let digits = rest.get(..count).ok_or(No::End)?;
    let short = if count == 0 { usize::from(*first) } else { 0 };
    let length = digits.iter().fold(short, |length, digit| (length << 8) | usize::from(*digit));
    let start = at + 2 + count;
    Ok((*tag, start..start.saturating_add(length)))
}

/// A code, a DN, a text for people; where else to ask, and what else goes with binds
/// and extended operations.
fn is_result(message: &[u8], parts: &[Part]) -> bool {
    let fields: Vec<u8> =
        parts.iter().filter(|part| part.level == 2).map(|part| part.tag).collect();
    let [ENUMERATED, OCTET_STRING, OCTET_STRING, more @ ..] = &fields[..] else { return false };
    more.iter().all(|tag| matches!(*tag, REFERRAL | 0x87 | 0x8A | 0x8B))
        && (1..=4).contains(&parts[0].content.len())
        && parts.iter().all(|part| match (part.level, part.tag) {
            (2, OCTET_STRING | 0x8A) | (3, OCTET_STRING) => is_text(message, part),
            (level, _) => level == 2,
        })
}

/// A DN; a list of attributes, each a name and a set of values.
fn is_entry(message: &[u8], parts: &[Part]) -> bool {
    const DN: (usize, u8) = (2, OCTET_STRING);
    const LIST: (usize, u8) = (2, SEQUENCE);
    const ATTRIBUTE: (usize, u8) = (3, SEQUENCE);
    const NAME: (usize, u8) = (4, OCTET_STRING);
    const VALUES: (usize, u8) = (4, SET);
    const VALUE: (usize, u8) = (5, OCTET_STRING);
    let mut before = None;
    for part in parts {
        let is_right = match (before, (part.level, part.tag)) {
            (None, DN) | (Some(ATTRIBUTE), NAME) => is_text(message, part),
            (Some(before), now) => matches!(
                (before, now),
                (DN, LIST)
                    | (LIST | VALUES | VALUE, ATTRIBUTE)
                    | (NAME, VALUES)
                    | (VALUES | VALUE, VALUE)
            ),
            _ => false,
        };
        if !is_right {
            return false;
        }
        before = Some((part.level, part.tag));
    }
    matches!(before, Some(LIST | VALUES | VALUE))
}

/// What a result says, of the shape that it should have.
fn refused(message: &[u8], result: &[Part]) -> Failure {
    let [code, _, text, ..] = result else { return Failure::malformed() };
    let code = message[code.content.clone()].iter();
    let text = String::from_utf8_lossy(&message[text.content.clone()]).into_owned();
    let code = code.fold(0, |code, digit| (code << 8) | u32::from(*digit));
    Failure::Refused { code, text }
}

fn is_text(message: &[u8], part: &Part) -> bool {
    str::from_utf8(&message[part.content.clone()]).is_ok()
}

#[cfg(test)]
mod tests;
