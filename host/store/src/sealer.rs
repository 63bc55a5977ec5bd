//! How the values of tokens and refresh tokens are hidden in their columns.
//!
//! A token is 128 random bits in UUID form. Its column holds one AES-256 block
//! over these 16 bytes, under a key derived per table, as `~`, four characters
//! that name the key, and 22 characters of base64url: a stolen row cannot be
//! presented, and the holder of the key can still read it back. One block over
//! random bits needs no nonce: equal texts only say "equal token".

use std::fmt;

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::index::TokenIndex;

/// The tables whose key column is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `auth_token`
    Token,
    /// `auth_refresh_token`, and the columns that refer to it.
    RefreshToken,
}

/// Seals and opens under one key. Forgets it when dropped.
pub struct Sealer {
    key_id: String,
    for_writing: bool,
    token: Aes256,
    refresh_token: Aes256,
}

const MARK: char = '~';
const KEY_ID_BYTES: usize = 3;
const KEY_ID_CHARS: usize = 4;

// === impl Table ===

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "auth_token",
            Self::RefreshToken => "auth_refresh_token",
        }
    }
}

// === impl Sealer ===

impl Sealer {
    /// A sealer under `key` (see [`crate::key_file`]).
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        let cipher = |table: Table| {
            let key = derive::<32>(key, &format!("wazo-auth {}", table.name()));
            Aes256::new((&*key).into())
        };
        let id = derive::<KEY_ID_BYTES>(key, "wazo-auth key id");
        Self {
            key_id: URL_SAFE_NO_PAD.encode(*id),
            for_writing: true,
            token: cipher(Table::Token),
            refresh_token: cipher(Table::RefreshToken),
        }
    }

    /// Opens what was sealed before; new values are to be written in clear.
    #[must_use]
    pub fn for_reading(self) -> Self {
        Self { for_writing: false, ..self }
    }

    pub(crate) fn is_for_writing(&self) -> bool {
        self.for_writing
    }

    /// What every text sealed under this key begins with, and no other.
    pub(crate) fn mark(&self) -> String {
        format!("{MARK}{}", self.key_id)
    }

    /// The text that stands in the column for `uuid`: 27 characters.
    #[must_use]
    pub fn seal(&self, table: Table, uuid: Uuid) -> String {
        let mut block = aes::Block::from(uuid.into_bytes());
        self.cipher(table).encrypt_block(&mut block);
        let mut text = String::with_capacity(27);
        text.push(MARK);
        text.push_str(&self.key_id);
        URL_SAFE_NO_PAD.encode_string(block.as_slice(), &mut text);
        text
    }

    /// The value behind a text of the column: one sealed under this key, or a
    /// clear UUID written by the original. Nothing for anything else.
    #[must_use]
    pub fn open(&self, table: Table, text: &str) -> Option<Uuid> {
        let Some(sealed) = text.strip_prefix(MARK) else {
            return TokenIndex::parse_token(text);
        };
        let (key_id, sealed) = sealed.split_at_checked(KEY_ID_CHARS)?;
        if key_id != self.key_id {
            return None;
        }
        let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(sealed).ok()?.try_into().ok()?;
        let mut block = aes::Block::from(bytes);
        self.cipher(table).decrypt_block(&mut block);
        Some(Uuid::from_bytes(block.into()))
    }

    fn cipher(&self, table: Table) -> &Aes256 {
        match table {
            Table::Token => &self.token,
            Table::RefreshToken => &self.refresh_token,
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

#[allow(clippy::expect_used, reason = "the only failure is more than 8160 bytes")]
fn derive<const N: usize>(key: &[u8; 32], purpose: &str) -> Zeroizing<[u8; N]> {
    let mut derived = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(None, key)
        .expand(purpose.as_bytes(), &mut *derived)
        .expect("a length within HKDF's limit");
    derived
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: Uuid = Uuid::from_u128(0x5b046ec3_8ac7_4908_9814_692f55d57e77);

    #[test]
    fn what_is_sealed_can_be_opened_and_does_not_show_the_value() {
        let sealer = Sealer::new(&[7; 32]);
        let text = sealer.seal(Table::Token, UUID);
        assert!(text.starts_with('~') && text.len() == 27, "{text}");
        assert!(!text.contains("5b046ec3"));
        assert_eq!(sealer.open(Table::Token, &text), Some(UUID));
        assert_eq!(text, sealer.seal(Table::Token, UUID), "look-ups need the same text");
    }

    #[test]
    fn each_table_and_each_key_has_its_own_seal() {
        let (one, other) = (Sealer::new(&[1; 32]), Sealer::new(&[2; 32]));
        let text = one.seal(Table::Token, UUID);
        assert_ne!(text, one.seal(Table::RefreshToken, UUID));
        assert_ne!(one.open(Table::RefreshToken, &text), Some(UUID));
        assert_eq!(other.open(Table::Token, &text), None);
    }

    #[test]
    fn a_clear_value_of_the_original_is_accepted_and_rubbish_is_not() {
        let sealer = Sealer::new(&[7; 32]);
        assert_eq!(sealer.open(Table::Token, &UUID.to_string()), Some(UUID));
        for text in ["", "~", "~abc", "~abcd", "~é", "5B046EC3-8AC7-4908-9814-692F55D57E77"] {
            assert_eq!(sealer.open(Table::Token, text), None, "{text}");
        }
        let mut text = sealer.seal(Table::Token, UUID);
        text.push('A');
        assert_eq!(sealer.open(Table::Token, &text), None);
    }

    #[test]
    fn printing_a_sealer_does_not_print_its_key() {
        let sealer = Sealer::new(&[0xAB; 32]);
        let name = &sealer.seal(Table::Token, UUID)[1..][..KEY_ID_CHARS];
        assert_eq!(format!("{sealer:?}"), format!("Sealer {{ key_id: {name:?}, .. }}"));
    }
}
