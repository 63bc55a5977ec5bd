//! The Rust compiler that Debian packages for web browsers: unpacked, never
//! installed. A plugin that it builds works in a daemon that ours has built.

use std::process::Command;

use wazo_auth_plugin_api::manifest;
use wazo_auth_plugins::inspect;
use wazo_auth_tests::{build_with, in_own_folder};

use crate::{
    six,
    tools::{need, root},
};

#[test]
fn what_another_compiler_builds_works() {
    need("need_another_rust");
    let compiler = root().join(".tools/another-rust/rustc");
    let version = Command::new(&compiler).arg("--version").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    assert_ne!(version.trim(), manifest::BUILD, "that is no other compiler");

    let file = build_with(&compiler, "six_kinds");
    let (_folder, installed) = in_own_folder(&file);
    let inspection = inspect(&installed).unwrap();
    assert_eq!(inspection.manifest.build, version.trim());
    six::works(&file);
}
