//! Problems that the daemon does not start with.

use std::path::PathBuf;

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Two files offer the same plugin.
    #[error(
        "two files offer the {kind} plugin `{name}`: {} and {}; \
         remove one of them, or name the right one as plugins.{name}.path",
        first.display(), second.display()
    )]
    Ambiguous {
        /// Its kind: `backend`, say.
        kind: &'static str,
        /// Its name.
        name: String,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Plugins of a kind are enabled, and not one could be opened.
    #[error(
        "none of the enabled {kind} plugins could be loaded ({}); \
         the errors logged before say why", names.join(", ")
    )]
    NoneLoaded {
        /// Its kind: `backend`, say.
        kind: &'static str,
        /// The enabled names.
        names: Vec<String>,
    },
    /// The daemon cannot work without this plugin.
    #[error("the {kind} plugin `{name}` is required: {reason}")]
    Required {
        /// Its kind: `backend`, say.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Why it is not there.
        reason: String,
    },
}
