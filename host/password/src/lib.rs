//! Password hashing, and the threads that do it (contract users.md, section 10.1).
//!
//! A hash costs 130 ms of processor time on purpose. [`Hasher`] does that work on threads of its
//! own, at a priority so low that checking tokens does not suffer while a thousand people log in,
//! and refuses more work than it can do soon.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use wazo_auth_password::{Hasher, Settings, StoredHash};
//!
//! let settings = Settings { threads: NonZeroUsize::MIN, waiting: 10, nice: 19, unknown_salt: [7; 64] };
//! let hasher = Hasher::start(settings)?;
//! let salt = [1; 64]; // Random bytes, in earnest.
//! let hash = hasher.hash_new("s3cre7".to_owned(), salt)?;
//! let stored = StoredHash { hash, salt: salt.to_vec() };
//! assert!(hasher.verify("s3cre7".to_owned(), Some(&stored))?);
//! assert!(!hasher.verify("S3cre7".to_owned(), Some(&stored))?);
//! assert!(!hasher.verify("s3cre7".to_owned(), None)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]

mod hash;
mod hasher;
mod pool;
mod priority;

pub use hash::{Hash, SALT_BYTES, StoredHash, hash, verify};
pub use hasher::{Hasher, Settings};
pub use pool::{Busy, HashError, HashingFailed, StartError};
