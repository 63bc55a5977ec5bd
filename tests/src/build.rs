//! The programs under test, built by cargo when they are not up to date.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The stock plugins, as packages of the workspace.
const PLUGINS: [&str; 11] = [
    "broken_init",
    "broken_verify_password",
    "default_external_api",
    "default_internal",
    "default_user",
    "external_auth",
    "ldap_user",
    "logger",
    "smtp",
    "user_admin_status",
    "wazo_user",
];

/// The variables that cargo sets for a test, as far as build scripts look at them.
const OWN_VARIABLES: [&str; 7] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// The folder that holds the built daemon and plugins.
#[must_use]
pub fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut packages = vec!["--package", "wazo-auth"];
        packages.extend(PLUGINS.iter().flat_map(|plugin| ["--package", plugin]));
        build(root(), &target(), &packages);
        target().join("debug")
    })
}

/// The file of a stock plugin.
#[must_use]
pub fn plugin(name: &str) -> PathBuf {
    built().join(format!("lib{name}.so"))
}

/// Builds a plugin of `tests/third-party`, which is no part of the workspace,
/// and gives its file.
#[must_use]
pub fn third_party(folder: &str, library: &str) -> PathBuf {
    let source = root().join("tests/third-party").join(folder);
    let target = target().join("third-party");
    build(&source, &target, &[]);
    target.join("debug").join(format!("lib{library}.so"))
}

/// Runs `cargo build` in `folder`.
pub fn build(folder: &Path, target: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells this test of itself: ring takes it for a reason to be
    // built anew, in here and then again out there.
    for name in OWN_VARIABLES {
        cargo.env_remove(name);
    }
    let status = cargo
        .args(["build", "--quiet", "--locked"])
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .status()
        .unwrap();
    assert!(status.success(), "cargo build in {} failed", folder.display());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where this very test was built.
fn target() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().find(|folder| folder.ends_with("debug")).unwrap().parent().unwrap().to_owned()
}
