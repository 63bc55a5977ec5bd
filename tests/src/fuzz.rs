//! What the fuzzer in `tests/fuzz` does with its bytes. A test of the workspace
//! does the same with every file of the corpus.
//!
//! Each target takes any bytes and panics when a promise is broken.

use std::path::PathBuf;

pub mod acl;
pub mod basic;
pub mod config;
pub mod http;
mod http_answer;
pub mod plugin_file;
pub mod plugin_reply;

/// Writes every line of the log to nowhere, so that making it is tried too.
pub fn log_to_nowhere() {
    struct Nowhere;

    impl log::Log for Nowhere {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            let _ = record.args().to_string();
        }

        fn flush(&self) {}
    }

    // A second target of one process finds it there.
    let _ = log::set_logger(&Nowhere);
    log::set_max_level(log::LevelFilter::Debug);
}

/// The plugins in the folder that `scripts/fuzz` names.
///
/// # Panics
/// When there is none.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "the fuzzer takes no arguments of ours")]
pub fn built_libraries() -> Vec<PathBuf> {
    let folder = std::env::var("WAZO_AUTH_FUZZ_PLUGINS").unwrap();
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "so")).collect()
}

/// An answer to a person: at most two lines, nothing that a terminal obeys.
fn check_sentence(text: &str) {
    assert!(text.lines().count() <= 2, "{text:?}");
    assert!(text.len() <= 4096, "{} bytes: {text:.200}", text.len());
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
}
