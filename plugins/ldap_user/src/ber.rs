//! BER, as far as LDAP uses it (RFC 4511 section 5.1): tags of one byte, definite
//! lengths.
//!
//! The shape of an LDAP message is known, so nothing here descends by what the
//! bytes say: a server cannot have this recurse.

/// Tags of universal types.
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0A;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Elements, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'b>(&'b [u8]);

// === impl Reader ===

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element: its tag and its content.
    pub(crate) fn next(&mut self) -> Result<(u8, &'b [u8]), Malformed> {
        let (&tag, rest) = self.0.split_first().ok_or(Malformed)?;
        let (length, rest) = length(rest).ok_or(Malformed)?;
        let (content, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok((tag, content))
    }

    /// The content of the next element, which has this tag.
    pub(crate) fn expect(&mut self, wanted: u8) -> Result<&'b [u8], Malformed> {
        let (tag, content) = self.next()?;
        if tag == wanted { Ok(content) } else { Err(Malformed) }
    }

    /// The elements inside the next one.
    pub(crate) fn inside(&mut self, wanted: u8) -> Result<Self, Malformed> {
        self.expect(wanted).map(Self)
    }

    /// The next element, a number.
    pub(crate) fn number(&mut self, wanted: u8) -> Result<i32, Malformed> {
        let content = self.expect(wanted)?;
        let (first, 1..=4) = (*content.first().ok_or(Malformed)?, content.len()) else {
            return Err(Malformed);
        };
        let sign = if first >= 0x80 { -1 } else { 0 };
        Ok(content.iter().fold(sign, |number, byte| (number << 8) | i32::from(*byte)))
    }
}

/// The length that stands here, and what follows it.
pub(crate) fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((first.into(), rest));
    }
    let count = usize::from(first & 0x7F);
    let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
    Some((digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest))
}

/// An element of this tag.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(length) if length < 0x80 => bytes.push(length),
        _ => {
            let digits = content.len().to_be_bytes();
            let zeros = digits.iter().take_while(|digit| **digit == 0).count();
            let digits = &digits[zeros..];
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            bytes.extend(digits);
        }
    }
    bytes.extend(content);
    bytes
}

/// An element that holds these.
pub(crate) fn constructed(tag: u8, elements: &[Vec<u8>]) -> Vec<u8> {
    element(tag, &elements.concat())
}

/// A number, by its shortest form.
pub(crate) fn number(tag: u8, number: i32) -> Vec<u8> {
    let digits = number.to_be_bytes();
    let is_filler =
        |pair: &[u8]| (pair[0] == 0 && pair[1] < 0x80) || (pair[0] == 0xFF && pair[1] >= 0x80);
    let fillers = digits.windows(2).take_while(|pair| is_filler(pair)).count();
    element(tag, &digits[fillers..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 255, 256, 65_536, i32::MAX, -1, -128, -129, i32::MIN] {
            let bytes = number(INTEGER, value);
            assert_eq!(Reader::new(&bytes).number(INTEGER), Ok(value), "{bytes:?}");
        }
        assert_eq!(number(INTEGER, 128), [2, 2, 0, 128]);
    }

    #[test]
    fn contents_of_any_length_come_back() {
        for count in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; count];
            let bytes = element(OCTET_STRING, &content);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.expect(OCTET_STRING), Ok(&content[..]));
            assert!(reader.is_at_end());
        }
    }

    #[test]
    fn what_is_cut_off_or_endless_is_malformed() {
        for bytes in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x85, 0, 0, 0, 0, 1, 7],
            &[4, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 7],
            &[4, 0x82, 1],
        ] {
            assert_eq!(Reader::new(bytes).next(), Err(Malformed), "{bytes:?}");
        }
        for bytes in [&[2, 0][..], &[2, 5, 0, 0, 0, 0, 0], &[4, 1, 0]] {
            assert_eq!(Reader::new(bytes).number(INTEGER), Err(Malformed), "{bytes:?}");
        }
    }
}
