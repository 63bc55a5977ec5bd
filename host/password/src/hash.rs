//! PBKDF2-HMAC-SHA-512 with the parameters all stored passwords share.

use std::fmt;

use pbkdf2::pbkdf2_hmac;
use sha2::Sha512;
use subtle::ConstantTimeEq;

/// Rounds of one hash. Stored nowhere, so it can never change for passwords that exist.
pub(crate) const ROUNDS: u32 = 250_000;

/// Bytes of the salt of a new password.
pub const SALT_BYTES: usize = 64;

/// A hashed password. Displays as 128 lower-case hexadecimal digits, the way it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash([u8; 64]);

/// A password as the database holds it: columns `password_hash` and `password_salt`.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash {
    /// 128 lower-case hexadecimal digits. Anything else matches no password.
    pub hash: String,
    /// The salt, as raw bytes of any number.
    pub salt: Vec<u8>,
}

/// Hashes a password, given as its UTF-8 bytes without any normalisation. Takes 130 ms or more:
/// call it through [`Hasher`](crate::Hasher).
// Not inlined: other crates would compile it without optimisation in a development build, and
// then it takes 4 s.
#[inline(never)]
#[must_use]
pub fn hash(password: &[u8], salt: &[u8]) -> Hash {
    hash_rounds(password, salt, ROUNDS)
}

#[inline(never)]
pub(crate) fn hash_rounds(password: &[u8], salt: &[u8], rounds: u32) -> Hash {
    let mut output = [0; 64];
    pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut output);
    Hash(output)
}

/// Whether `password` is the stored one. As slow as [`hash`], and as long for a right password as
/// for a wrong one.
#[must_use]
pub fn verify(password: &[u8], stored: &StoredHash) -> bool {
    verify_rounds(password, stored, ROUNDS)
}

pub(crate) fn verify_rounds(password: &[u8], stored: &StoredHash, rounds: u32) -> bool {
    let hash = hash_rounds(password, &stored.salt, rounds).to_string();
    hash.as_bytes().ct_eq(stored.hash.as_bytes()).into()
}

// === impl Hash ===

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Shows no digit: hashes do not belong into logs.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(…)")
    }
}

// === impl StoredHash ===

/// Shows no digit: hashes do not belong into logs.
impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredHash(…)")
    }
}
