//! The front of the hashing threads.

use std::num::NonZeroUsize;

use zeroize::Zeroizing;

use crate::hash::{ROUNDS, SALT_BYTES, StoredHash, hash_rounds, verify_rounds};
use crate::pool::{HashError, Pool, StartError};

/// How to hash.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Threads, and so hashes at one time: the number of cores serves best.
    pub threads: NonZeroUsize,
    /// Passwords that may wait for a free thread. Each adds some 150 ms, divided by the number of
    /// threads, to the wait of the last one.
    pub waiting: usize,
    /// Niceness of the threads, 0 to 19 (-20 to 19 with the right to raise priorities).
    pub nice: i32,
    /// Random bytes of this process: the salt used for users that do not exist.
    pub unknown_salt: [u8; SALT_BYTES],
}

/// Hashes passwords on threads of its own, which run in the background of everything else
/// (`SCHED_BATCH` and nice). Dropping it ends them.
///
/// Its methods block until the work is done. They wipe the password from memory afterwards.
#[derive(Debug)]
pub struct Hasher {
    pool: Pool,
    unknown_salt: [u8; SALT_BYTES],
    rounds: u32,
}

// === impl Hasher ===

impl Hasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system refused a thread. (A refused priority only gives a warning in the log.)
    pub fn start(settings: Settings) -> Result<Hasher, StartError> {
        Self::start_with_rounds(settings, ROUNDS)
    }

    /// Starts threads that hash with another number of rounds than all stored passwords have: for
    /// measurements of what is around the hash, which would hide it. Never for real passwords.
    ///
    /// # Errors
    /// As [`Hasher::start`].
    pub fn start_with_rounds(settings: Settings, rounds: u32) -> Result<Hasher, StartError> {
        let pool = Pool::start(settings.threads, settings.waiting, settings.nice)?;
        Ok(Hasher { pool, unknown_salt: settings.unknown_salt, rounds })
    }

    /// Whether `password` is the stored one. `None`, for a user who does not exist or has no
    /// password, is false after the same work, so that the time tells nothing.
    ///
    /// # Errors
    /// [`HashError::Busy`] at once when too many passwords wait already.
    pub fn verify(
        &self,
        password: impl Into<Zeroizing<String>>,
        stored: Option<&StoredHash>,
    ) -> Result<bool, HashError> {
        let password = password.into();
        let known = stored.is_some();
        // Made in any case.
        let nobody = self.nobody();
        let stored = stored.unwrap_or(&nobody).clone();
        let rounds = self.rounds;
        self.pool.run(move || verify_rounds(password.as_bytes(), &stored, rounds) & known)
    }

    /// Hashes a new password with `salt`, which must be random and used only once. Returns what to
    /// store: 128 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`HashError::Busy`] at once when too many passwords wait already.
    pub fn hash_new(
        &self,
        password: impl Into<Zeroizing<String>>,
        salt: [u8; SALT_BYTES],
    ) -> Result<String, HashError> {
        let password = password.into();
        let rounds = self.rounds;
        self.pool.run(move || hash_rounds(password.as_bytes(), &salt, rounds).to_string())
    }

    /// Passwords being hashed or waiting for it, at this moment.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.pool.unfinished()
    }

    /// What is compared for a user who does not exist: as long as a real one.
    fn nobody(&self) -> StoredHash {
        StoredHash { hash: "0".repeat(2 * SALT_BYTES), salt: self.unknown_salt.to_vec() }
    }
}
