//! The lock that keeps a second daemon off the file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::OpenError;

/// How long a [`Pause`] is waited for, and how long from one look to the next.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_millis(5);

/// Held as long as it exists. The system gives it back when the process ends,
/// however it ends; the file stays.
pub(crate) struct LockFile {
    _file: File,
}

/// Keeps daemons waiting that are about to start, as long as it exists. Any number
/// of commands may do so at once.
pub(crate) struct Pause {
    /// None where there is no lock file, which is the daemon's to make.
    _file: Option<File>,
}

// === impl LockFile ===

impl LockFile {
    /// Takes the lock beside the database `path`; waits for a [`Pause`], but for
    /// no other holder of the lock.
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        let lock = beside(path, ".lock");
        let failed = |source| OpenError::File { path: path.into(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // Root may do this in a folder of another account.
        options.custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits());
        let mut file = options.open(&lock).map_err(failed)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            // Who shares it shares it with us, and goes soon.
            if file.try_lock_shared().is_err() || began.elapsed() > LONGEST_PAUSE {
                let pid = holder(&mut file);
                return Err(OpenError::Locked { path: path.into(), lock, pid });
            }
            file.unlock().map_err(failed)?;
            thread::park_timeout(INTERVAL);
        }
        // Only for the message above; a disk that is full is met elsewhere.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

// === impl Pause ===

impl Pause {
    /// Nothing while somebody holds the lock of the database `path`, or when that
    /// cannot be known.
    pub fn begin(path: &Path) -> Option<Self> {
        match File::open(beside(path, ".lock")) {
            Ok(file) => file.try_lock_shared().is_ok().then_some(Self { _file: Some(file) }),
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Self { _file: None }),
            Err(_) => None,
        }
    }
}

/// Whether a daemon runs on the database `path`.
#[must_use]
pub fn is_in_use(path: &Path) -> bool {
    let lock = File::open(beside(path, ".lock"));
    lock.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    let pid = text.trim();
    (!pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit())).then(|| pid.to_owned())
}

/// The path with `suffix` appended to its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
