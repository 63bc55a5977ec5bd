//! Binaries that are kept as plugin API 1.0 was frozen: every later daemon runs
//! them. `tests/third-party/kept/README.md` says how they were made.

use std::{
    fs,
    path::{Path, PathBuf},
};

use wazo_auth_plugin_api::manifest;
use wazo_auth_plugins::inspect;
use wazo_auth_tests::in_own_folder;

use crate::{c, six, tools::root};

/// The version and the file of each kept binary of this name for this system.
fn kept(name: &str) -> Vec<(String, PathBuf)> {
    let folder = root().join("tests/third-party/kept");
    let versions = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = |folder: PathBuf| {
        let version = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let file = folder.join(manifest::TARGET).join(name);
        file.is_file().then_some((version, file))
    };
    let kept: Vec<_> = versions.filter_map(file).collect();
    assert!(!kept.is_empty(), "no {name} is kept for {}: scripts/keep-plugin", manifest::TARGET);
    kept
}

/// Says what it was built for.
fn check(version: &str, file: &Path) {
    let (_folder, file) = in_own_folder(file);
    let inspection = inspect(&file).unwrap();
    inspection.fits_in_process().unwrap();
    let built_for = &inspection.manifest.plugin_api;
    assert!(built_for.starts_with(&format!("{version}.")), "{}: {built_for}", file.display());
    let size = fs::metadata(&file).unwrap().len();
    assert!(size < 700_000, "{} has {size} bytes: too many to be kept", file.display());
}

#[test]
fn a_plugin_of_each_kind_works_as_on_the_first_day() {
    for (version, file) in kept("libsix_kinds.so") {
        check(&version, &file);
        six::works(&file);
    }
}

#[test]
fn a_plugin_in_c_works_as_on_the_first_day() {
    for (version, file) in kept("libacme_c.so") {
        check(&version, &file);
        c::works(&file);
    }
}
