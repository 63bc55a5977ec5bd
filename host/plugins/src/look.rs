//! A look at a plugin file that runs nothing of it.
//!
//! A truncated library kills the process in `dlopen`, a program or a text file
//! gives a riddle instead of a reason, and a library that others may write is
//! theirs as soon as it is opened. All that is told apart here, before.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use wazo_auth_plugin_api::manifest::{self, Manifest};

mod elf;
mod error;
mod version;

pub(crate) use version::check as check_version;

pub use error::LookError;

/// What was found in a file that may be opened safely.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The file, absolute and without symbolic links.
    pub file: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// Looks at a file: owner and mode of it and its folder, a whole shared
/// library for this machine, a manifest.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn inspect(path: &Path) -> Result<Inspection, LookError> {
    let unreadable = |source| LookError::Unreadable { file: path.to_owned(), source };
    let file = fs::canonicalize(path).map_err(unreadable)?;
    let opened = File::open(&file).map_err(unreadable)?;
    let metadata = opened.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(LookError::NotAFile { file });
    }
    check_access(&file, &metadata)?;
    if let Some(folder) = file.parent() {
        check_access(folder, &fs::metadata(folder).map_err(unreadable)?)?;
    }
    let section = elf::manifest_section(&file, opened)?;
    let manifest = manifest::parse(&section)
        .map_err(|source| LookError::Manifest { file: file.clone(), source })?;
    Ok(Inspection { file, manifest })
}

/// Who may write a file decides what runs in the daemon.
fn check_access(path: &Path, metadata: &fs::Metadata) -> Result<(), LookError> {
    let path = path.to_owned();
    let owner = metadata.uid();
    let ours = nix::unistd::geteuid().as_raw();
    if owner != 0 && owner != ours {
        return Err(LookError::Owner { path, owner, ours });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(LookError::Writable { path, mode });
    }
    Ok(())
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
        if self.manifest.panic != "unwind" {
            return Err(LookError::Aborts { file: self.file.clone() });
        }
        Ok(())
    }

    /// The version of a plugin of the file, if the file offers it.
    #[must_use]
    pub fn offers(&self, kind: &str, name: &str) -> Option<&str> {
        let mut offers = self.manifest.plugins.iter();
        let offer = offers.find(|offer| offer.kind == kind && offer.name == name)?;
        Some(&offer.version)
    }
}
