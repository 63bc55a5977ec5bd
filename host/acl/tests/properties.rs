//! The compiled ACL against a slow and obvious reading of acl.md, section 2, and laws that hold
//! for all grants.

use proptest::prelude::*;
use proptest::sample::select;
use wazo_auth_acl::Acl;

/// Identifiers that make trouble: they begin with the word they stand for, or hold wildcards,
/// dots and long characters.
const IDENTIFIERS: [&str; 6] = ["u", "me", "me.me", "my_session", "*.é", "meu"];

/// Whether a grant's pattern matches: segment by segment, letter by letter, trying everything.
fn reference(pattern: &str, required: &str, auth_id: &str, session: &str) -> bool {
    let segments: Vec<&str> = pattern.split('.').collect();
    let required: Vec<char> = required.chars().collect();
    match_segments(&segments, &required, &[auth_id, session])
}

fn match_segments(segments: &[&str], required: &[char], who: &[&str; 2]) -> bool {
    let alternatives: Vec<Vec<char>> = match segments[0] {
        "me" => vec!["me".chars().collect(), who[0].chars().collect()],
        "my_session" => vec!["my_session".chars().collect(), who[1].chars().collect()],
        "edit" => vec!["edit".chars().collect(), "update".chars().collect()],
        segment => {
            let pattern: Vec<char> = segment.chars().collect();
            return match_chars(&pattern, required, &segments[1..], who);
        }
    };
    alternatives
        .iter()
        .filter_map(|text| required.strip_prefix(text.as_slice()))
        .any(|rest| match_next(rest, &segments[1..], who))
}

fn match_next(required: &[char], segments: &[&str], who: &[&str; 2]) -> bool {
    match (segments, required) {
        ([], rest) => rest.is_empty(),
        (_, ['.', rest @ ..]) => match_segments(segments, rest, who),
        _ => false,
    }
}

fn match_chars(pattern: &[char], required: &[char], segments: &[&str], who: &[&str; 2]) -> bool {
    match (pattern, required) {
        ([], rest) => match_next(rest, segments, who),
        (['#', after @ ..], _) => {
            match_chars(after, required, segments, who)
                || (!required.is_empty() && match_chars(pattern, &required[1..], segments, who))
        }
        (['*', after @ ..], _) => {
            match_chars(after, required, segments, who)
                || (!matches!(required, [] | ['.', ..] | ['#', ..])
                    && match_chars(pattern, &required[1..], segments, who))
        }
        ([wanted, after @ ..], [found, rest @ ..]) => {
            wanted == found && match_chars(after, rest, segments, who)
        }
        (_, []) => false,
    }
}

fn reference_allows(grants: &[String], required: &str, auth_id: &str, session: &str) -> bool {
    let matches = |pattern: &str| reference(pattern, required, auth_id, session);
    !grants.iter().filter_map(|grant| grant.strip_prefix('!')).any(matches)
        && grants.iter().filter(|grant| !grant.starts_with('!')).any(|grant| matches(grant))
}

/// Text made of few pieces, so that grants and questions meet often.
fn text(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(select(pieces), 0..=most).prop_map(|pieces| pieces.concat())
}

fn pattern() -> impl Strategy<Value = String> {
    text(&["a", "b", "é", "è", ".", ".", "*", "#", "me", "my_session", "edit", "update", "u"], 7)
}

fn grant() -> impl Strategy<Value = String> {
    (prop::bool::weighted(0.2), pattern())
        .prop_map(|(negative, pattern)| if negative { format!("!{pattern}") } else { pattern })
}

fn required() -> impl Strategy<Value = String> {
    text(
        &["a", "b", "é", "è", ".", ".", "*", "#", "!", "me", "my_session", "edit", "update", "u"],
        8,
    )
}

fn identifier() -> impl Strategy<Value = &'static str> {
    select(IDENTIFIERS.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn one_pattern_matches_as_the_grammar_says(
        pattern in pattern(), required in required(), me in identifier(), session in identifier(),
    ) {
        let expected = reference(&pattern, &required, me, session);
        prop_assert_eq!(Acl::compile([&pattern]).allows(&required, me, session), expected);
        let denied = Acl::compile(["#".to_owned(), format!("!{pattern}")]);
        prop_assert_eq!(denied.allows(&required, me, session), !expected);
    }

    #[test]
    fn many_grants_decide_as_one_by_one(
        grants in prop::collection::vec(grant(), 0..12), required in required(),
        me in identifier(), session in identifier(),
    ) {
        let expected = reference_allows(&grants, &required, me, session);
        prop_assert_eq!(Acl::compile(&grants).allows(&required, me, session), expected);
    }

    #[test]
    fn long_accesses_are_no_different(
        grants in prop::collection::vec(grant(), 1..6), required in required(),
        filler in select(vec!["x", "é", ".", "x."]), repeated in 40usize..140, me in identifier(),
    ) {
        let filler = filler.repeat(repeated);
        let grants: Vec<String> = grants.iter().map(|grant| match grant.strip_prefix('!') {
            Some(pattern) => format!("!{filler}.{pattern}"),
            None => format!("{filler}.{grant}"),
        }).collect();
        let required = format!("{filler}.{required}");
        let expected = reference_allows(&grants, &required, me, "s");
        prop_assert_eq!(Acl::compile(&grants).allows(&required, me, "s"), expected);
    }

    #[test]
    fn order_and_repetition_do_not_count(grants in prop::collection::vec(grant(), 0..10)) {
        let mut turned: Vec<&String> = grants.iter().rev().collect();
        turned.extend(&grants);
        prop_assert_eq!(Acl::compile(turned), Acl::compile(&grants));
    }

    #[test]
    fn a_negative_grant_never_adds_a_right(
        grants in prop::collection::vec(grant(), 0..10), negative in pattern(),
        required in required(), me in identifier(),
    ) {
        let without = Acl::compile(&grants).allows(&required, me, "s");
        let added = format!("!{negative}");
        let with = Acl::compile(grants.iter().chain([&added])).allows(&required, me, "s");
        prop_assert_eq!(with, without && !reference(&negative, &required, me, "s"));
    }

    #[test]
    fn a_positive_grant_never_takes_a_right(
        grants in prop::collection::vec(grant(), 0..10), more in pattern(),
        required in required(), me in identifier(),
    ) {
        let without = Acl::compile(&grants).allows(&required, me, "s");
        let with = Acl::compile(grants.iter().chain([&more])).allows(&required, me, "s");
        prop_assert!(with || !without);
    }

    #[test]
    fn a_hash_covers_everything(required in any::<String>(), me in any::<String>()) {
        prop_assert!(Acl::compile(["#"]).allows(&required, &me, "s"));
        prop_assert!(!Acl::compile(["#", "!#"]).allows(&required, &me, "s"));
    }

    #[test]
    fn what_one_holds_one_may_give_and_take(held in pattern(), me in identifier()) {
        let acl = Acl::compile([&held]);
        prop_assert!(acl.may_add(&held, me, "s"));
        prop_assert!(acl.may_remove(&held, me, "s"));
        let negative = format!("!{held}");
        prop_assert!(acl.may_remove(&negative, me, "s"));
    }

    #[test]
    fn giving_a_held_access_on_reaches_nothing_new(
        held in pattern(), given in pattern(), required in required(), me in identifier(),
    ) {
        // Reserved words stand for more in a grant than in a question: `*` may give `me` away.
        let reserved = |segment| matches!(segment, "me" | "my_session" | "edit");
        prop_assume!(!given.split('.').any(reserved));
        let holder = Acl::compile([&held]);
        if holder.may_add(&given, me, "s") && Acl::compile([&given]).allows(&required, me, "s") {
            prop_assert!(holder.allows(&required, me, "s"), "{held:?} gave {given:?}");
        }
    }
}
