//! What may be wrong with a file: what, found, expected, what to do.

use std::{io, path::PathBuf};

use wazo_auth_plugin_api::manifest::{API_VERSION, ManifestError, SECTION, TARGET};

use crate::text::one_line;

/// Most bytes of what a file says of itself in a sentence about it.
const WORDS: usize = 120;

/// Why a file is not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// It is not there.
    #[error("there is no file {}; give the path of the built .so", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// It is not for us to read.
    #[error(
        "{} cannot be read: {source}; the daemon's user must be able to", file.display()
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A folder, a device, a pipe.
    #[error("{} is no regular file; give the path of the built .so", file.display())]
    NotAFile {
        /// The file.
        file: PathBuf,
    },
    /// Somebody else's.
    #[error(
        "{} belongs to user {owner}, but must belong to root or to the daemon's user ({ours}); \
         what is in it would run as the daemon: chown it if you trust it", path.display()
    )]
    Owner {
        /// The file or a folder above it.
        path: PathBuf,
        /// The UID it belongs to.
        owner: u32,
        /// The daemon's effective UID.
        ours: u32,
    },
    /// Others may write to it.
    #[error(
        "{0} can be written by others than its owner (mode {mode:04o}); what is in it would run \
         as the daemon: chmod go-w {0}", path.display()
    )]
    Writable {
        /// The file or a folder above it.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// No ELF file.
    #[error("{} is no shared library (it does not begin as an ELF file does); give the path of the built .so", file.display())]
    NotElf {
        /// The file.
        file: PathBuf,
    },
    /// Another kind of machine.
    #[error("{} is built for {found}; build it for {TARGET}", file.display())]
    Machine {
        /// The file.
        file: PathBuf,
        /// What it is built for.
        found: String,
    },
    /// A program or an object file.
    #[error(
        "{} is {found}, no shared library; build the plugin with crate-type = [\"cdylib\"]", file.display()
    )]
    NotALibrary {
        /// The file.
        file: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// Shorter than it says.
    #[error(
        "{} is cut off or damaged: it has {length} bytes and refers to what is not there; copy it again", file.display()
    )]
    CutOff {
        /// The file.
        file: PathBuf,
        /// Its length in bytes.
        length: u64,
    },
    /// A library, but no plugin.
    #[error(
        "{} is a shared library but no plugin for wazo-auth (it has no section {SECTION}); \
         a plugin exports itself with export_plugins!", file.display()
    )]
    NoManifest {
        /// The file.
        file: PathBuf,
    },
    /// The manifest is not as it should be.
    #[error(
        "{}: {}; build the plugin again", file.display(), one_line(&source.to_string(), WORDS)
    )]
    Manifest {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// Another system or C library.
    #[error(
        "{} is built for {}; build it for {TARGET}", file.display(), one_line(found, WORDS)
    )]
    Target {
        /// The file.
        file: PathBuf,
        /// What it is built for.
        found: String,
    },
    /// Another major version of the plugin API.
    #[error(
        "{} is built for plugin API {}, this daemon offers {API_VERSION}; \
         build it with wazo-auth-plugin-api {API_VERSION}", file.display(), one_line(found, WORDS)
    )]
    ApiMajor {
        /// The file.
        file: PathBuf,
        /// The version it is built for.
        found: String,
    },
    /// A later version of the plugin API than ours.
    #[error(
        "{} is built for plugin API {}, this daemon offers {API_VERSION}; \
         update the daemon, or build the plugin with wazo-auth-plugin-api {API_VERSION}",
        file.display(), one_line(found, WORDS)
    )]
    ApiNewer {
        /// The file.
        file: PathBuf,
        /// The version it is built for.
        found: String,
    },
    /// A panic of it would end the daemon.
    #[error(
        "{} is built with panic = \"abort\": its first panic would end the daemon; \
         build it with panic = \"unwind\"", file.display()
    )]
    Aborts {
        /// The file.
        file: PathBuf,
    },
}
