//! Every file of the fuzzer's corpus, once. `scripts/fuzz` looks for more.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, path::Path};

use wazo_auth_tests::{fuzz, plugin, third_party};

/// Runs a target with the files of its folder, naming the one that fails.
fn each(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 5, "too few files");
    for file in files {
        println!("{}", file.display());
        run(&fs::read(&file).unwrap());
    }
}

#[test]
fn accesses() {
    each("acl", fuzz::acl::run);
}

#[test]
fn basic_headers() {
    each("basic", fuzz::basic::run);
}

#[test]
fn configurations() {
    each("config", fuzz::config::run);
}

#[test]
fn plugin_files() {
    each("plugin_file", fuzz::plugin_file::run);
}

#[test]
fn plugin_replies() {
    let libraries = || {
        let stock = ["default_internal", "default_user", "wazo_user"].map(plugin);
        stock.into_iter().chain([third_party("hostile", "hostile")]).collect()
    };
    each("plugin_reply", |bytes| fuzz::plugin_reply::run(bytes, libraries));
}

#[test]
fn requests() {
    let libraries = || ["default_internal", "default_user", "wazo_user"].map(plugin).to_vec();
    each("http", |bytes| fuzz::http::run(bytes, libraries));
}
