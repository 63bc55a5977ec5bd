//! Crates outside of the workspace, in places that are the same in every run: cargo
//! then knows them again, and builds little.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where the third-party plugins of all tests are built.
pub fn target() -> PathBuf {
    wazo_auth_tests::built().with_file_name("third-party")
}

/// A folder of this name, which holds nothing.
pub fn empty_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("authors").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Settles for the versions of dependencies that the other tests have downloaded.
pub fn pin_dependencies(krate: &Path) {
    let known = root().join("tests/third-party/acme_auth/Cargo.lock");
    fs::copy(known, krate.join("Cargo.lock")).unwrap();
}

/// Takes away what cargo tells a test of itself, and the network.
#[allow(clippy::disallowed_methods, reason = "it is that of this test that is taken away")]
pub fn as_from_outside(command: &mut Command) -> &mut Command {
    let of_cargo =
        |(name, _): &(String, String)| name.starts_with("CARGO_") && name != "CARGO_HOME";
    for (name, _) in std::env::vars().filter(of_cargo) {
        command.env_remove(name);
    }
    command.env("CARGO_NET_OFFLINE", "true")
}
