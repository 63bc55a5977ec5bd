//! The few messages of LDAP that a login needs (RFC 4511 section 4).

use crate::ber::{
    BOOLEAN, ENUMERATED, INTEGER, Malformed, OCTET_STRING, Reader, SEQUENCE, SET, constructed,
    element, number,
};

/// Result codes that mean something here (RFC 4511 appendix A).
pub(crate) const SUCCESS: i32 = 0;
pub(crate) const SIZE_LIMIT_EXCEEDED: i32 = 4;
pub(crate) const INVALID_CREDENTIALS: i32 = 49;

/// An attribute that no entry has: a server then sends none (RFC 4511 section
/// 4.5.1.8).
const NO_ATTRIBUTE: &str = "1.1";
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// What a server is asked to do.
pub(crate) enum Request<'a> {
    /// Names who is asking from now on.
    Bind { version: i32, dn: &'a str, password: &'a str },
    /// Looks for entries, of which one is enough.
    Search(Search<'a>),
    /// Encrypts the connection from now on.
    StartTls,
    /// Ends it.
    Unbind,
}

/// What is looked for.
pub(crate) struct Search<'a> {
    pub(crate) base: &'a str,
    pub(crate) scope: Scope,
    /// Encoded.
    pub(crate) filter: &'a [u8],
    /// What is wanted of an entry.
    pub(crate) attribute: &'a str,
    /// Most seconds that the server takes.
    pub(crate) seconds: i32,
}

/// Where.
#[derive(Clone, Copy)]
pub(crate) enum Scope {
    /// The base itself.
    Base = 0,
    /// The base and all below.
    Subtree = 2,
}

/// What a server answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Response {
    /// How an operation ended.
    Result(Outcome),
    /// A search has found this.
    Entry(Entry),
    /// A search would have to go on elsewhere.
    Reference,
    /// The search goes on.
    Intermediate,
}

/// How an operation ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    /// For people.
    pub(crate) text: String,
}

/// An entry of the directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) dn: String,
    /// Names and values, the first one of those that have any.
    attributes: Vec<(String, Vec<u8>)>,
}

// === impl Request ===

impl Request<'_> {
    /// The message of this number.
    pub(crate) fn message(&self, id: i32) -> Vec<u8> {
        constructed(SEQUENCE, &[number(INTEGER, id), self.operation()])
    }

    fn operation(&self) -> Vec<u8> {
        const BIND: u8 = 0x60;
        const UNBIND: u8 = 0x42;
        const EXTENDED: u8 = 0x77;
        const SIMPLE: u8 = 0x80;
        const NAME: u8 = 0x80;
        match self {
            Self::Bind { version, dn, password } => constructed(
                BIND,
                &[
                    number(INTEGER, *version),
                    element(OCTET_STRING, dn.as_bytes()),
                    element(SIMPLE, password.as_bytes()),
                ],
            ),
            Self::Search(search) => search.operation(),
            Self::StartTls => constructed(EXTENDED, &[element(NAME, START_TLS)]),
            Self::Unbind => element(UNBIND, &[]),
        }
    }

    /// The tag of the result that ends it.
    pub(crate) fn result_tag(&self) -> u8 {
        match self {
            Self::Bind { .. } => BIND_RESPONSE,
            Self::Search(_) => SEARCH_DONE,
            Self::StartTls | Self::Unbind => EXTENDED_RESPONSE,
        }
    }
}

impl Search<'_> {
    fn operation(&self) -> Vec<u8> {
        const SEARCH: u8 = 0x63;
        const NEVER_FOLLOW_ALIASES: i32 = 0;
        const MOST_ENTRIES: i32 = 1;
        let attribute = if self.attribute.is_empty() { NO_ATTRIBUTE } else { self.attribute };
        let attributes = [element(OCTET_STRING, attribute.as_bytes())];
        constructed(
            SEARCH,
            &[
                element(OCTET_STRING, self.base.as_bytes()),
                number(ENUMERATED, self.scope as i32),
                number(ENUMERATED, NEVER_FOLLOW_ALIASES),
                number(INTEGER, MOST_ENTRIES),
                number(INTEGER, self.seconds),
                element(BOOLEAN, &[0]),
                self.filter.to_vec(),
                constructed(SEQUENCE, &attributes),
            ],
        )
    }
}

const BIND_RESPONSE: u8 = 0x61;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_RESPONSE: u8 = 0x78;
const INTERMEDIATE_RESPONSE: u8 = 0x79;

/// The number and the answer of a message's content, in which `result` is the tag
/// of the result that is waited for. What comes of its own accord has number 0.
pub(crate) fn read(message: &[u8], result: u8) -> Result<(i32, Response), Malformed> {
    let mut message = Reader::new(message);
    let id = message.number(INTEGER)?;
    let (tag, content) = message.next()?;
    let mut content = Reader::new(content);
    let response = match tag {
        SEARCH_ENTRY => Response::Entry(Entry::read(&mut content)?),
        SEARCH_REFERENCE => Response::Reference,
        INTERMEDIATE_RESPONSE => Response::Intermediate,
        tag if tag == result || (id == 0 && tag == EXTENDED_RESPONSE) => {
            let code = content.number(ENUMERATED)?;
            content.expect(OCTET_STRING)?; // an entry's DN
            let text = String::from_utf8_lossy(content.expect(OCTET_STRING)?).into_owned();
            Response::Result(Outcome { code, text })
        }
        _ => return Err(Malformed),
    };
    Ok((id, response))
}

// === impl Entry ===

impl Entry {
    fn read(content: &mut Reader<'_>) -> Result<Self, Malformed> {
        let dn = text(content.expect(OCTET_STRING)?)?;
        let mut list = content.inside(SEQUENCE)?;
        let mut attributes = Vec::new();
        while !list.is_at_end() {
            let mut attribute = list.inside(SEQUENCE)?;
            let name = text(attribute.expect(OCTET_STRING)?)?;
            let mut values = attribute.inside(SET)?;
            if !values.is_at_end() {
                attributes.push((name, values.expect(OCTET_STRING)?.to_vec()));
            }
        }
        Ok(Self { dn, attributes })
    }

    /// The first value of an attribute, if it is a text that is not empty.
    pub(crate) fn first(&self, name: &str) -> Option<String> {
        let mut attributes = self.attributes.iter();
        let (_, value) = attributes.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        String::from_utf8(value.clone()).ok().filter(|value| !value.is_empty())
    }
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_is_written_as_the_standard_has_it() {
        let bind = Request::Bind { version: 3, dn: "cn=x", password: "pw" };
        let expected = b"\x30\x12\x02\x01\x01\x60\x0d\x02\x01\x03\x04\x04cn=x\x80\x02pw";
        assert_eq!(bind.message(1), expected);
        assert_eq!(Request::Unbind.message(2), b"\x30\x05\x02\x01\x02\x42\x00");
    }

    #[test]
    fn an_entry_gives_the_first_value_of_an_attribute_in_any_case() {
        let octets = |text: &str| element(OCTET_STRING, text.as_bytes());
        let attribute = |name: &str, values: &[&str]| {
            let values: Vec<_> = values.iter().map(|value| octets(value)).collect();
            constructed(SEQUENCE, &[octets(name), constructed(SET, &values)])
        };
        let attributes =
            [attribute("empty", &[]), attribute("Mail", &["a@b", "c@d"]), attribute("no", &[""])];
        let entry =
            constructed(SEARCH_ENTRY, &[octets("uid=x"), constructed(SEQUENCE, &attributes)]);
        let message = [number(INTEGER, 7), entry].concat();
        let (7, Response::Entry(entry)) = read(&message, SEARCH_DONE).unwrap() else { panic!() };
        assert_eq!((entry.dn.as_str(), entry.first("MAIL").as_deref()), ("uid=x", Some("a@b")));
        assert_eq!((entry.first("empty"), entry.first("no"), entry.first("x")), (None, None, None));
    }

    #[test]
    fn another_answer_than_the_one_that_was_asked_for_is_malformed() {
        let done = constructed(
            SEARCH_DONE,
            &[number(ENUMERATED, 4), element(OCTET_STRING, b""), element(OCTET_STRING, b"many")],
        );
        let message = [number(INTEGER, 7), done].concat();
        let outcome = Outcome { code: SIZE_LIMIT_EXCEEDED, text: "many".to_owned() };
        assert_eq!(read(&message, SEARCH_DONE), Ok((7, Response::Result(outcome))));
        assert_eq!(read(&message, BIND_RESPONSE), Err(Malformed));
        for length in 0..message.len() {
            assert_eq!(read(&message[..length], SEARCH_DONE), Err(Malformed), "{length}");
        }
    }
}
