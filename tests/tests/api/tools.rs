//! Programs from elsewhere that these tests run, installed when they are
//! missing.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

/// A program of `scripts/python-tools.txt`.
#[must_use]
pub fn python(program: &str) -> PathBuf {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| need("need_python_tools"));
    root().join(".tools/python/bin").join(program)
}

/// Runs a function of `scripts/lib.sh`.
///
/// # Panics
/// With what it said, when it fails.
pub fn need(function: &str) {
    let script = format!("set -euo pipefail; source scripts/lib.sh; {function}");
    let output = Command::new("bash").args(["-c", &script]).current_dir(root()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{function}: {}", String::from_utf8_lossy(&said));
}

/// The root of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
