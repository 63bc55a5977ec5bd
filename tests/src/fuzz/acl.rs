//! The access language against a slow and obvious reading of acl.md.
//!
//! The bytes are lines: required access, `auth_id`, session, then one grant
//! each.

use std::collections::BTreeSet;

use wazo_auth_acl::Acl;

/// One piece of a pattern.
enum Piece<'a> {
    Char(char),
    /// `*`
    WithinSegment,
    /// `#`
    Anything,
    /// A reserved word and what it stands for.
    Either(&'a str, &'a str),
}

/// # Panics
/// When an answer is not that of the reference.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (required, who) = (line(), [line(), line()]);
    let grants: Vec<&str> = lines.collect();
    let acl = Acl::compile(&grants);

    let reference = |required: &str| {
        let matched = |pattern: &str| matches(pattern, required, who);
        !grants.iter().filter_map(|grant| grant.strip_prefix('!')).any(matched)
            && grants.iter().filter(|grant| !grant.starts_with('!')).any(|grant| matched(grant))
    };
    let [auth_id, session] = who;
    assert_eq!(acl.allows(required, auth_id, session), reference(required), "{text:?}");
    let may_add = required.starts_with('!') || reference(required);
    assert_eq!(acl.may_add(required, auth_id, session), may_add, "{text:?}");
    let bare = required.strip_prefix('!').unwrap_or(required);
    assert_eq!(acl.may_remove(required, auth_id, session), reference(bare), "{text:?}");
}

/// Whether a pattern matches: every piece moves every place that was reached.
fn matches(pattern: &str, required: &str, who: [&str; 2]) -> bool {
    let required: Vec<char> = required.chars().collect();
    let mut places = BTreeSet::from([0]);
    for piece in pieces(pattern, who) {
        places = places.into_iter().flat_map(|place| pass(&piece, &required, place)).collect();
    }
    places.contains(&required.len())
}

fn pieces<'a>(pattern: &'a str, [auth_id, session]: [&'a str; 2]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    for (i, segment) in pattern.split('.').enumerate() {
        if i > 0 {
            pieces.push(Piece::Char('.'));
        }
        match segment {
            "me" => pieces.push(Piece::Either("me", auth_id)),
            "my_session" => pieces.push(Piece::Either("my_session", session)),
            "edit" => pieces.push(Piece::Either("edit", "update")),
            _ => pieces.extend(segment.chars().map(|c| match c {
                '*' => Piece::WithinSegment,
                '#' => Piece::Anything,
                c => Piece::Char(c),
            })),
        }
    }
    pieces
}

/// Where a piece that begins at `place` may end.
fn pass(piece: &Piece<'_>, required: &[char], place: usize) -> Vec<usize> {
    let rest = &required[place..];
    match piece {
        Piece::Char(c) => {
            rest.first().filter(|found| *found == c).map(|_| place + 1).into_iter().collect()
        }
        Piece::Anything => (place..=required.len()).collect(),
        Piece::WithinSegment => {
            let length = rest.iter().position(|c| matches!(c, '.' | '#')).unwrap_or(rest.len());
            (place..=place + length).collect()
        }
        Piece::Either(word, other) => {
            let words = [word, other].into_iter().filter(|word| !word.is_empty());
            let words = words.map(|word| word.chars().collect::<Vec<char>>());
            words.filter(|word| rest.starts_with(word)).map(|word| place + word.len()).collect()
        }
    }
}
