//! What a plugin file says of itself, readable without running any of it.
//!
//! The section [`SECTION`] of the file holds, in this order: the length of all
//! of it (`u32`, little endian), [`MAGIC`], the version of this form (`u32`,
//! little endian), JSON text. The length comes first so that an older daemon
//! can step over a newer form.

use serde::Deserialize;

mod write;

pub use write::{Source, bytes, length};

/// The name of the section of the file.
pub const SECTION: &str = ".wazo_auth_plugin";
/// What tells a manifest from anything else.
pub const MAGIC: [u8; 16] = *b"wazo-auth-plugin";
/// The version of the form described here.
pub const VERSION: u32 = 1;
/// The version of the plugin API that this crate is.
pub const API_VERSION: &str = env!("CARGO_PKG_VERSION");
/// What this code was compiled for: architecture, system, C library.
pub const TARGET: &str = env!("WAZO_AUTH_PLUGIN_TARGET");
/// The compiler that compiled this code.
pub const BUILD: &str = env!("WAZO_AUTH_PLUGIN_BUILD");

/// The longest text of a manifest, in bytes. Each is shown to people.
const MAX_TEXT: usize = 256;

/// What comes before the JSON text.
const HEADER: usize = 4 + MAGIC.len() + 4;

/// What a plugin file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The version of the plugin API that it was built against.
    pub plugin_api: String,
    /// The crate that it was built from.
    #[serde(rename = "crate")]
    pub package: Package,
    /// What it was compiled for, such as `x86_64-linux-gnu`.
    pub target: String,
    /// What a panic does: `unwind` or `abort`; `none` where there are none.
    pub panic: String,
    /// The compiler, for people.
    #[serde(default)]
    pub build: String,
    /// What is in the file.
    pub plugins: Vec<Offer>,
}

/// A crate: name and version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// One plugin of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Offer {
    /// `backend`, `metadata`, or a kind that this version does not know.
    pub kind: String,
    /// The name by which it is enabled.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
}

/// Why a section is no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Too short for what must be there.
    #[error("the manifest is cut off: {found} bytes where {expected} are announced")]
    CutOff {
        /// How many bytes there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// It does not begin as a manifest does.
    #[error("the section {SECTION} does not hold a manifest")]
    NotAManifest,
    /// A form that this version cannot read.
    #[error("the manifest has version {found}, this daemon reads version {VERSION}")]
    Version {
        /// The version of the form.
        found: u32,
    },
    /// The text is not as it should be.
    #[error("the manifest's text cannot be read: {0}")]
    Text(String),
}

/// Reads the section of a file. Bytes after the announced length are padding.
///
/// # Errors
/// [`ManifestError`] says what is wrong with it.
///
/// ```
/// use wazo_auth_plugin_api::manifest::{self, ManifestError};
/// assert_eq!(manifest::parse(&[0; 64]), Err(ManifestError::NotAManifest));
/// ```
pub fn parse(section: &[u8]) -> Result<Manifest, ManifestError> {
    let cut_off = |expected| ManifestError::CutOff { found: section.len(), expected };
    let header = section.get(..HEADER).ok_or_else(|| cut_off(HEADER))?;
    if header[4..4 + MAGIC.len()] != MAGIC {
        return Err(ManifestError::NotAManifest);
    }
    let total = number(&header[..4]) as usize;
    let text = section.get(HEADER..total).ok_or_else(|| cut_off(total.max(HEADER)))?;
    let version = number(&header[4 + MAGIC.len()..]);
    if version != VERSION {
        return Err(ManifestError::Version { found: version });
    }
    let manifest: Manifest =
        serde_json::from_slice(text).map_err(|error| ManifestError::Text(unreadable(&error)))?;
    manifest.check_texts()?;
    Ok(manifest)
}

/// What the error says, unless it quotes half of the text.
fn unreadable(error: &serde_json::Error) -> String {
    let said = error.to_string();
    if said.len() <= MAX_TEXT {
        return said;
    }
    format!("not of the expected form (line {}, column {})", error.line(), error.column())
}

// === impl Manifest ===

impl Manifest {
    /// What a file says of itself appears in logs and terminals: it must not
    /// make lines of its own, colour them, or fill pages.
    fn check_texts(&self) -> Result<(), ManifestError> {
        let Self { plugin_api, package, target, panic, build, plugins } = self;
        let own = [plugin_api, &package.name, &package.version, target, panic, build];
        let offers = plugins.iter().flat_map(|offer| [&offer.kind, &offer.name, &offer.version]);
        for text in own.into_iter().chain(offers) {
            if text.len() > MAX_TEXT {
                return Err(ManifestError::Text(format!("a text is longer than {MAX_TEXT} bytes")));
            }
            if text.contains(char::is_control) {
                let shown = text.escape_debug();
                return Err(ManifestError::Text(format!("\"{shown}\" has control characters")));
            }
        }
        Ok(())
    }
}

/// The little-endian number that four bytes are.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

#[cfg(test)]
mod tests;
