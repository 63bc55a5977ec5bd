//! A template that cannot be used.

use std::{
    error::Error as _,
    fmt, io,
    path::{Path, PathBuf},
};

/// Why there is no text. To be read by who keeps the file: where it is wrong, and
/// in what.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The file cannot be read.
    #[error(
        "the template {} cannot be read: {source}; put a Jinja file there that the daemon's \
         account may read, or remove the key that names it", .path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what Jinja takes.
    #[error(
        "the template {}{line} is wrong: {what}; mend it, it is read again with the next mail",
        .path.display()
    )]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where in it.
        line: Line,
        /// In what way.
        what: String,
    },
}

/// The line of a mistake, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line(Option<usize>);

// === impl Line ===

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, ", line {line},"))
    }
}

// === impl TemplateError ===

impl TemplateError {
    pub(crate) fn wrong(path: &Path, error: &minijinja::Error) -> Self {
        let kind = error.kind().to_string();
        let what = match error.detail() {
            Some(detail) => format!("{kind}: {detail}"),
            None => kind,
        };
        let source = error.source().map(|source| format!(" ({source})")).unwrap_or_default();
        Self::Wrong { path: path.to_owned(), line: Line(error.line()), what: what + &source }
    }

    /// The line of the mistake, where that is known.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Wrong { line, .. } => line.0,
        }
    }
}
