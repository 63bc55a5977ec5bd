use std::panic;

use ldap3::{
    LdapResult, ResultEntry, SearchEntry,
    asn1::{Tag, parse_tag},
};

use super::*;

const ID: [u8; 3] = [2, 1, 7];
const SUCCESS: [u8; 3] = [ENUMERATED, 1, 0];

fn part(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&[tag, 0x81, u8::try_from(content.len()).unwrap()], &*content].concat()
}

fn text(text: &str) -> Vec<u8> {
    part(OCTET_STRING, &[text.as_bytes()])
}

/// The answer of this operation to request 7.
fn answer(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    part(SEQUENCE, &[&ID, &part(tag, parts)])
}

/// `None`: it ends the connection.
fn received(request: u8, message: &[u8]) -> Option<Option<Vec<u8>>> {
    let mut guard = Guard::default();
    guard.sends(&mut answer(request, &[]), 3).unwrap();
    guard.receives(message).ok()
}

fn result(tag: u8) -> Vec<u8> {
    let elsewhere = part(REFERRAL, &[&text("ldap://x"), &text("ldap://y")]);
    answer(tag, &[&SUCCESS, &text("dc=x"), &text("é"), &elsewhere, &part(0x87, &[b"s"])])
}

fn entry() -> Vec<u8> {
    let attribute =
        |name: &str, values: &[&[u8]]| part(SEQUENCE, &[&text(name), &part(SET, values)]);
    let attributes =
        [attribute("mail", &[&text("a@b"), &part(OCTET_STRING, &[&[0xFF]])]), attribute("x", &[])];
    answer(SEARCH_ENTRY, &[&text("uid=é"), &part(SEQUENCE, &[&attributes.concat()])])
}

#[test]
fn a_bind_is_of_the_version_that_is_wanted() {
    let mut bind = answer(BIND, &[&[2, 1, 3], &text("cn=x"), &part(0x80, &[b"pw"])]);
    let expected = answer(BIND, &[&[2, 1, 2], &text("cn=x"), &part(0x80, &[b"pw"])]);
    let mut guard = Guard::default();
    guard.sends(&mut bind, 2).unwrap();
    assert_eq!(bind, expected);
}

#[test]
fn answers_to_what_was_asked_pass_without_what_nobody_asked_for() {
    let kept = |message: &[u8]| {
        let content = &message[3..];
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        Some(Some([&[SEQUENCE, 0x84], &length[..], content].concat()))
    };
    for (request, message) in
        [(BIND, result(BIND_RESPONSE)), (SEARCH, entry()), (EXTENDED, result(EXTENDED_RESPONSE))]
    {
        assert_eq!(received(request, &message), kept(&message));
        // A control, and where servers of Active Directory put a name.
        for more in [part(0xA0, &[&part(SEQUENCE, &[&text("1.2")])]), part(0x8A, &[b"1.2"])] {
            assert_eq!(received(request, &part(SEQUENCE, &[&message[3..], &more])), kept(&message));
        }
    }
    assert_eq!(received(SEARCH, &answer(INTERMEDIATE_RESPONSE, &[])), Some(None));
}

#[test]
fn only_one_result_comes_to_one_request() {
    let mut guard = Guard::default();
    assert!(guard.receives(&result(BIND_RESPONSE)).is_err(), "nothing was asked");
    guard.sends(&mut answer(SEARCH, &[]), 3).unwrap();
    assert!(guard.receives(&entry()).is_ok());
    let many = guard.receives(&entry()).unwrap_err();
    assert!(matches!(many, Failure::Refused { code: SIZE_LIMIT_EXCEEDED, .. }));
    assert!(guard.receives(&result(SEARCH_DONE)).is_ok());
    assert!(guard.receives(&result(SEARCH_DONE)).is_err());
}

#[test]
fn what_the_library_would_panic_at_is_refused() {
    let (dn, code, none) = (text("dc=x"), SUCCESS, text(""));
    let nothing: &[&[u8]] = &[];
    let wrong = part(OCTET_STRING, &[&[0xFF]]);
    let number = [2, 1, 0];
    let list = |parts: &[&[u8]]| part(SEQUENCE, parts);
    for parts in [
        nothing,
        &[&code],
        &[&code, &dn],
        &[&number, &dn, &none],
        &[&[ENUMERATED, 0], &dn, &none],
        &[&part(0x2A, &[]), &dn, &none],
        &[&code, &wrong, &none],
        &[&code, &dn, &wrong],
        &[&code, &list(&[]), &none],
        &[&code, &dn, &none, &part(0x83, &[])],
        &[&code, &dn, &none, &part(REFERRAL, &[&wrong])],
        &[&code, &dn, &none, &part(REFERRAL, &[&list(&[])])],
        &[&code, &dn, &none, &part(0xA7, &[])],
        &[&code, &dn, &none, &part(0x8A, &[&[0xFF]])],
    ] {
        assert_eq!(received(BIND, &answer(BIND_RESPONSE, parts)), None, "{parts:x?}");
    }
    for parts in [
        nothing,
        &[&dn],
        &[&wrong, &list(&[])],
        &[&dn, &dn],
        &[&list(&[]), &list(&[])],
        &[&dn, &list(&[&list(&[])])],
        &[&dn, &list(&[&dn])],
        &[&dn, &list(&[&list(&[&dn])])],
        &[&dn, &list(&[&list(&[&wrong, &part(SET, &[])])])],
        &[&dn, &list(&[&list(&[&dn, &dn])])],
        &[&dn, &list(&[&list(&[&dn, &part(SET, &[&list(&[])])])])],
    ] {
        assert_eq!(received(SEARCH, &answer(SEARCH_ENTRY, parts)), None, "{parts:x?}");
    }
    let response = part(BIND_RESPONSE, &[&code, &dn, &none]);
    for message in [
        part(SEQUENCE, &[]),
        part(SEQUENCE, &[&ID]),
        part(SEQUENCE, &[&response]),
        part(SEQUENCE, &[&response, &ID]),
        part(SEQUENCE, &[&part(0x22, &[&ID]), &response]),
        part(SEQUENCE, &[&[4, 1, 7], &response]),
        part(SEQUENCE, &[&[2, 1, 8], &response]),
        part(SET, &[&ID, &response]),
        answer(0x41, &[]),
        result(SEARCH_DONE),
        entry(),
    ] {
        assert_eq!(received(BIND, &message), None, "{message:x?}");
    }
    assert_eq!(received(SEARCH, &result(BIND_RESPONSE)), None);
}

#[test]
fn the_library_panics_at_nothing_that_passes() {
    let mut passed = 0;
    for (request, message) in [(BIND, result(BIND_RESPONSE)), (SEARCH, entry())] {
        for at in 0..message.len() {
            for byte in 0..=255 {
                let mut changed = message.clone();
                changed[at] = byte;
                let Some(Some(kept)) = received(request, &changed) else { continue };
                passed += 1;
                let read = panic::catch_unwind(|| {
                    let (_, message) = parse_tag(&kept).unwrap();
                    let operation = message.expect_constructed().unwrap().pop().unwrap();
                    match operation.id {
                        4 => drop(SearchEntry::construct(ResultEntry::new(operation))),
                        19 => {}
                        _ => drop(LdapResult::from(Tag::StructureTag(operation))),
                    }
                });
                assert!(read.is_ok(), "{changed:x?}");
            }
        }
    }
    assert!(passed > 1000, "{passed}");
}

#[test]
fn what_is_deep_or_long_or_has_many_parts_is_refused() {
    let nested =
        |levels: usize| (0..levels).fold(vec![], |inside: Vec<u8>, _| part(SEQUENCE, &[&inside]));
    // The message itself, and the operation, are two of them.
    let deep = |levels| received(SEARCH, &answer(SEARCH_REFERENCE, &[&nested(levels)]));
    assert!(deep(MOST_LEVELS - 2).is_some());
    assert!(deep(MOST_LEVELS - 1).is_none());
    let long = |tag: u8, content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], &length[..], content].concat()
    };
    let many = |count: usize| {
        let reference = long(SEARCH_REFERENCE, &[5, 0].repeat(count));
        received(SEARCH, &long(SEQUENCE, &[&ID[..], &reference].concat()))
    };
    assert!(many(MOST_PARTS - 3).is_some());
    assert!(many(MOST_PARTS - 2).is_none());
    let length = |bytes: &[u8]| length_of_message(bytes).ok();
    let whole = result(BIND_RESPONSE);
    for cut in 0..whole.len() {
        assert_eq!(length(&whole[..cut]), Some(None), "{cut}");
        assert_eq!(received(BIND, &whole[..cut]), None, "{cut}");
    }
    assert_eq!(length(&[&whole[..], b"x"].concat()), Some(Some(whole.len())));
    assert_eq!(length(&[SEQUENCE, 0x83, 0x10, 0, 0]), None, "longer by its head");
    for head in [&[SEQUENCE, 0x80][..], &[SEQUENCE, 0x85], &[SEQUENCE, 0xFF], b"H", &[SET]] {
        assert_eq!(length(head), None, "{head:x?}");
    }
}
