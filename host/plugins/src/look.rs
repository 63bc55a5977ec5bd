//! A look at a plugin file that runs nothing of it.
//!
//! A truncated library kills the process in `dlopen`, a program or a text file
//! gives a riddle instead of a reason, and a library that others may write is
//! theirs as soon as it is opened. All that is told apart here, before.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::fcntl::OFlag;
use wazo_auth_plugin_api::manifest::{self, Manifest};

mod elf;
mod error;
mod version;

pub(crate) use version::check as check_version;

pub use error::LookError;

/// Permission bits of group and others.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Permission bit of folders in which nobody replaces what is others'.
const STICKY: u32 = 0o1000;

/// What was found in a file that may be opened safely.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The file, absolute and without symbolic links.
    pub file: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// The file that was looked at: what is at its path later may be another.
    pub(crate) opened: Arc<File>,
    pub(crate) id: FileId,
}

/// What tells a file from any other, as long as it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

/// Looks at a file: owner and mode of it and of all folders above it, a whole
/// shared library for this machine, a manifest.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn inspect(path: &Path) -> Result<Inspection, LookError> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => LookError::Missing { file: path.to_owned() },
        _ => LookError::Unreadable { file: path.to_owned(), source },
    };
    let file = fs::canonicalize(path).map_err(unreadable)?;
    let opened = open(&file).map_err(unreadable)?;
    let metadata = opened.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(LookError::NotAFile { file });
    }
    check_access(&file, &metadata)?;
    check_folders(&file)?;
    let section = elf::manifest_section(&file, &opened)?;
    let manifest = manifest::parse(&section)
        .map_err(|source| LookError::Manifest { file: file.clone(), source })?;
    Ok(Inspection { file, manifest, opened: Arc::new(opened), id: FileId::of(&metadata) })
}

/// Opens a file without waiting: to open a pipe would last until somebody
/// writes to it, and a terminal would become ours.
fn open(file: &Path) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    File::options().read(true).custom_flags(flags.bits()).open(file)
}

/// Who may write a folder above a file may put another in its place.
fn check_folders(file: &Path) -> Result<(), LookError> {
    for (above, folder) in file.ancestors().skip(1).enumerate() {
        let metadata = fs::metadata(folder)
            .map_err(|source| LookError::Unreadable { file: folder.to_owned(), source })?;
        // In a folder such as /tmp everybody may add something, and nobody may
        // replace what is others'. That is good enough above the file's own
        // folder: there, what was added would be offered as a plugin.
        let sticky = above > 0 && metadata.mode() & STICKY != 0;
        check_owner(folder, &metadata)?;
        if !sticky {
            check_mode(folder, &metadata)?;
        }
    }
    Ok(())
}

/// Who may write a file decides what runs in the daemon.
fn check_access(path: &Path, metadata: &fs::Metadata) -> Result<(), LookError> {
    check_owner(path, metadata)?;
    check_mode(path, metadata)
}

fn check_owner(path: &Path, metadata: &fs::Metadata) -> Result<(), LookError> {
    let owner = metadata.uid();
    let ours = nix::unistd::geteuid().as_raw();
    if owner != 0 && owner != ours {
        return Err(LookError::Owner { path: path.to_owned(), owner, ours });
    }
    Ok(())
}

fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), LookError> {
    let mode = metadata.mode() & 0o7777;
    if mode & WRITABLE_BY_OTHERS != 0 {
        return Err(LookError::Writable { path: path.to_owned(), mode });
    }
    Ok(())
}

// === impl FileId ===

impl FileId {
    pub(crate) fn of(metadata: &fs::Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

// === impl Inspection ===

impl Inspection {
    /// Whether the file fits this daemon: built for its target and for a
    /// version of the plugin API that it offers.
    ///
    /// # Errors
    /// What does not fit, as a sentence.
    pub fn fits(&self) -> Result<(), LookError> {
        let file = || self.file.clone();
        let target = &self.manifest.target;
        if target != manifest::TARGET {
            return Err(LookError::Target { file: file(), found: target.clone() });
        }
        version::check(&self.file, &self.manifest.plugin_api)
    }

    /// Whether it may run in the daemon's own process.
    ///
    /// # Errors
    /// Why not, as a sentence.
    pub fn fits_in_process(&self) -> Result<(), LookError> {
        self.fits()?;
        // `none`: its language has no panics.
        if !["unwind", "none"].contains(&self.manifest.panic.as_str()) {
            return Err(LookError::Aborts { file: self.file.clone() });
        }
        Ok(())
    }

    /// Whether the file that was looked at is the one at its path.
    pub(crate) fn is_in_place(&self) -> io::Result<bool> {
        Ok(FileId::of(&fs::metadata(&self.file)?) == self.id)
    }

    /// The version of a plugin of the file, if the file offers it.
    #[must_use]
    pub fn offers(&self, kind: &str, name: &str) -> Option<&str> {
        let mut offers = self.manifest.plugins.iter();
        let offer = offers.find(|offer| offer.kind == kind && offer.name == name)?;
        Some(&offer.version)
    }
}
