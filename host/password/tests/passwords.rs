//! What users.md, section 10.1 says of stored passwords, its test vectors included.

#![allow(clippy::expect_used, reason = "a test says by failing what is wrong")]

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use wazo_auth_password::{Hasher, Settings, StoredHash, hash, verify};

const S3CRE7: &str = "878c7e9b145d950562fa716062f1afaf5103ec93eea153064c663398b1b4526c\
                      5a617187b34e5bf02588eb56e833b1d2b3a30d330839844a6cc24c95315806ff";
const PASSWORD_WITH_UMLAUTS: &str = "4710d8ebf91a75bab50e2c6c37ab4b0ff23ea6f5f8d1421a79ff11c38db1c1eb\
     232fdc8fe73ba0c408c24dd3964b0b0db1bd5845cf7c558a7d9718f2dfa57c5c";

/// The bytes 00 to 3f.
fn counting_salt() -> [u8; 64] {
    std::array::from_fn(|n| n as u8)
}

fn s3cre7() -> StoredHash {
    StoredHash { hash: S3CRE7.to_owned(), salt: counting_salt().to_vec() }
}

fn hasher() -> Hasher {
    let threads = NonZeroUsize::MIN;
    Hasher::start(Settings { threads, waiting: 4, nice: 19, unknown_salt: counting_salt() })
        .expect("a thread")
}

#[test]
fn hashes_are_those_of_the_contract() {
    assert_eq!(hash(b"s3cre7", &counting_salt()).to_string(), S3CRE7);
    assert_eq!(hash("pässwörd".as_bytes(), &[0; 64]).to_string(), PASSWORD_WITH_UMLAUTS);
}

#[test]
fn only_the_very_password_verifies() {
    assert!(verify(b"s3cre7", &s3cre7()));
    for wrong in ["", "S3cre7", "s3cre7 ", "s3cre"] {
        assert!(!verify(wrong.as_bytes(), &s3cre7()), "{wrong:?}");
    }
}

#[test]
fn a_damaged_row_matches_no_password() {
    let damaged = [S3CRE7[1..].to_owned(), String::new(), S3CRE7.to_uppercase(), "é".repeat(64)];
    for hash in damaged {
        let stored = StoredHash { hash, ..s3cre7() };
        assert!(!verify(b"s3cre7", &stored));
    }
}

#[test]
fn a_new_password_verifies() {
    let hasher = hasher();
    let hash = hasher.hash_new("pässwörd".to_owned(), [0; 64]).expect("idle");
    assert_eq!(hash, PASSWORD_WITH_UMLAUTS);
    let stored = StoredHash { hash, salt: vec![0; 64] };
    assert_eq!(hasher.verify("pässwörd".to_owned(), Some(&stored)), Ok(true));
    assert_eq!(hasher.verify("passwörd".to_owned(), Some(&stored)), Ok(false));
    assert_eq!(hasher.unfinished(), 0);
}

#[test]
fn an_unknown_user_takes_the_work_of_a_known_one() {
    let hasher = hasher();
    // The shortest of several: other processes can only make it longer.
    let shortest = |stored: Option<&StoredHash>| -> Duration {
        let time = || {
            let start = Instant::now();
            assert_eq!(hasher.verify("wrong".to_owned(), stored), Ok(false));
            start.elapsed()
        };
        (0..4).map(|_| time()).min().expect("several")
    };
    let (known, unknown) = (shortest(Some(&s3cre7())), shortest(None));
    // Without the work it would be a thousandth; a busy machine makes a few times.
    assert!(unknown > known / 10, "unknown {unknown:?}, known {known:?}");
}

#[test]
fn nobody_has_the_password_of_the_unknown_user() {
    // Not even one whose hash, with the salt for unknown users, is known.
    assert_eq!(hasher().verify("s3cre7".to_owned(), None), Ok(false));
}

#[test]
fn nothing_of_a_hash_is_shown_for_debugging() {
    let shown = format!("{:?} {:?}", s3cre7(), hash(b"s3cre7", &counting_salt()));
    assert!(!shown.contains("878c") && !shown.contains("135"), "{shown}");
}
