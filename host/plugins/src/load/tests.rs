use std::{
    fs::{self, File},
    sync::Arc,
};

use wazo_auth_plugin_api::manifest::{self, Source};

use super::{Library, OpenError, check_digest};
use crate::look::{FileId, Inspection};

/// What `sha256sum` says of `inspected`.
const DIGEST: &str = "5cfc694a09a29773a463d0f3aaa8ed4b3b30ebe70411798535a0c6e9c8e430f4";

const SOURCE: Source = Source { package: "x", version: "1.0.0", unwinds: true, plugins: &[] };
static MANIFEST: [u8; manifest::length(&SOURCE)] = manifest::bytes(&SOURCE);

/// A file that was looked at and then replaced by another.
fn replaced() -> (tempfile::TempDir, Inspection) {
    let folder = tempfile::tempdir().unwrap();
    let (file, new) = (folder.path().join("x.so"), folder.path().join("new"));
    fs::write(&file, "inspected").unwrap();
    let opened = File::open(&file).unwrap();
    let id = FileId::of(&opened.metadata().unwrap());
    let manifest = manifest::parse(&MANIFEST).unwrap();
    let inspection = Inspection { file: file.clone(), manifest, opened: Arc::new(opened), id };
    fs::write(&new, "another").unwrap();
    fs::rename(&new, &file).unwrap();
    (folder, inspection)
}

#[test]
fn the_digest_is_that_of_the_file_that_was_looked_at() {
    let (_folder, inspection) = replaced();
    check_digest("x", &inspection, Some(DIGEST)).unwrap();
}

#[test]
fn another_file_at_the_path_is_not_opened() {
    let (_folder, inspection) = replaced();
    let error = Library::open(&inspection).err().unwrap();
    assert!(matches!(error, OpenError::Replaced { .. }), "{error}");
}
