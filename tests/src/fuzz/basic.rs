//! The `Authorization` header against base64 as RFC 4648 spells it out.
//!
//! The bytes are the header and, once more, the pair that it encodes.

use base64::{Engine, engine::general_purpose::STANDARD};
use wazo_auth_http::credentials;

/// # Panics
/// When other credentials come out than the reference's.
pub fn run(bytes: &[u8]) {
    let header: String = bytes.iter().copied().map(char::from).collect();
    for header in [header.clone(), format!("Basic {header}")] {
        let expected = header.strip_prefix("Basic ").and_then(decode).and_then(|pair| split(&pair));
        assert_eq!(found(&header), expected, "{header:?}");
    }
    assert_eq!(found(&format!("Basic {}", STANDARD.encode(bytes))), split(bytes));
}

fn found(header: &str) -> Option<(String, String)> {
    credentials(header).map(|credentials| (credentials.login, credentials.password))
}

fn split(pair: &[u8]) -> Option<(String, String)> {
    let text = match std::str::from_utf8(pair) {
        Ok(text) => text.to_owned(),
        Err(_) => pair.iter().copied().map(char::from).collect(),
    };
    let colon = text.find(':')?;
    let (login, password) = (&text[..colon], &text[colon + 1..]);
    (!login.is_empty() && !password.is_empty()).then(|| (login.to_owned(), password.to_owned()))
}

/// Groups of four signs, the last one padded, no bit left over.
fn decode(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bits = String::new();
    for sign in bare.chars() {
        bits += &format!("{:06b}", ALPHABET.find(sign)?);
    }
    let bytes = bits.len() / 8;
    if bits[bytes * 8..].contains('1') {
        return None;
    }
    (0..bytes).map(|i| u8::from_str_radix(&bits[i * 8..i * 8 + 8], 2).ok()).collect()
}
