//! The grammar of a granted access (acl.md, section 2), without its leading `!`.

/// A piece of a pattern. The order of the variants is the order of a tree's branches: `#` first,
/// because it decides soonest, and literals last, because they are searched by their first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Element<'a> {
    /// `#`: any text.
    Any,
    /// `*`: text without `.` and `#`.
    WithinSegment,
    /// `me` as a whole segment.
    Me,
    /// `my_session` as a whole segment.
    MySession,
    /// `edit` as a whole segment.
    Edit,
    /// Text that stands for itself, dots included. Never empty, never next to another one.
    Literal(&'a [u8]),
}

// === impl Element ===

impl Element<'_> {
    /// Whether it stands for something of the token that is asked about.
    pub(crate) fn is_personal(&self) -> bool {
        matches!(self, Self::Me | Self::MySession)
    }
}

/// Cuts a pattern into elements. Neighbouring wildcards are merged: `**` is `*`, and any run with
/// a `#` in it is `#`.
pub(crate) fn parse(pattern: &str) -> Vec<Element<'_>> {
    let mut elements = Vec::new();
    let (mut segment_start, mut literal_start) = (0, 0);
    for segment in pattern.split('.') {
        let segment_end = segment_start + segment.len();
        if let Some(word) = reserved(segment) {
            push_literal(&mut elements, &pattern[literal_start..segment_start]);
            elements.push(word);
            literal_start = segment_end;
        } else {
            for (offset, wildcard) in segment.match_indices(['*', '#']) {
                push_literal(&mut elements, &pattern[literal_start..segment_start + offset]);
                push_wildcard(&mut elements, wildcard);
                literal_start = segment_start + offset + 1;
            }
        }
        segment_start = segment_end + 1;
    }
    push_literal(&mut elements, &pattern[literal_start..]);
    elements
}

fn reserved(segment: &str) -> Option<Element<'static>> {
    match segment {
        "me" => Some(Element::Me),
        "my_session" => Some(Element::MySession),
        "edit" => Some(Element::Edit),
        _ => None,
    }
}

fn push_literal<'a>(elements: &mut Vec<Element<'a>>, text: &'a str) {
    if !text.is_empty() {
        elements.push(Element::Literal(text.as_bytes()));
    }
}

fn push_wildcard(elements: &mut Vec<Element<'_>>, wildcard: &str) {
    let wildcard = if wildcard == "#" { Element::Any } else { Element::WithinSegment };
    match elements.last_mut() {
        Some(Element::Any) => {}
        Some(last @ Element::WithinSegment) => *last = wildcard,
        _ => elements.push(wildcard),
    }
}
