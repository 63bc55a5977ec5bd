//! Files that must not be opened, and the sentence for each.

use std::{
    fs::{self, File},
    os::unix::fs::{self as unix, FileExt},
    path::Path,
    process::Command,
};

use wazo_auth_plugin_api::manifest::{self, Source};
use wazo_auth_plugins::{LookError, PluginState, Registry, Settings, inspect};

use crate::support::{
    chmod, folder, install, install_stock, load, options, settings, stock_dir, third_party,
};

fn stock(folder: &Path) -> std::path::PathBuf {
    install(&stock_dir().join("libbroken_init.so"), folder, "plugin.so")
}

/// A stock library in which a part of the manifest is replaced by another of
/// the same length.
fn altered(folder: &Path, old: &str, new: &str) -> String {
    assert_eq!(old.len(), new.len());
    let file = stock(folder);
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(old.len()).position(|window| window == old.as_bytes()).unwrap();
    bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    fs::write(&file, bytes).unwrap();
    let found = inspect(&file).unwrap();
    let text = found.fits_in_process().unwrap_err().to_string();
    text.replace(found.file.to_str().unwrap(), "FILE")
}

#[test]
fn a_whole_library_tells_what_it_is() {
    let folder = folder();
    let found = inspect(&stock(folder.path())).unwrap();
    assert_eq!(found.manifest.package.name, "broken_init");
    assert_eq!(found.manifest.plugin_api, manifest::API_VERSION);
    assert!(found.offers("backend", "broken_init").is_some());
    assert!(found.offers("metadata", "broken_init").is_none());
    found.fits_in_process().unwrap();
}

#[test]
fn a_text_file_or_an_empty_one_is_no_library() {
    let folder = folder();
    for text in ["", "\u{7f}EL", "#!/bin/sh\n"] {
        let file = folder.path().join("x.so");
        fs::write(&file, text).unwrap();
        let error = inspect(&file).unwrap_err();
        assert!(matches!(error, LookError::NotElf { .. }), "{error}");
    }
    let error = inspect(folder.path()).unwrap_err();
    assert!(matches!(error, LookError::NotAFile { .. }), "{error}");
    let error = inspect(&folder.path().join("missing.so")).unwrap_err();
    assert!(matches!(error, LookError::Missing { .. }), "{error}");
}

#[test]
fn a_cut_library_is_refused_wherever_it_is_cut() {
    let folder = folder();
    let file = stock(folder.path());
    let opened = File::options().write(true).open(&file).unwrap();
    let whole = opened.metadata().unwrap().len();
    let steps = (0..64).rev().map(|step| whole * step / 64).filter(|length| *length > 1024);
    let header = (0..1024).rev().step_by(16);
    for length in [whole - 1].into_iter().chain(steps).chain(header) {
        opened.set_len(length).unwrap();
        let error = inspect(&file).unwrap_err();
        let expected = matches!(error, LookError::CutOff { .. } | LookError::NotElf { .. });
        assert!(expected, "cut at {length}: {error}");
    }
}

#[test]
fn damage_to_the_headers_never_panics() {
    let folder = folder();
    let file = stock(folder.path());
    let opened = File::options().read(true).write(true).open(&file).unwrap();
    let whole = opened.metadata().unwrap().len();
    // ELF header and program headers; then the section headers at the end.
    for at in (0..640).chain(whole - 640..whole) {
        let mut byte = [0];
        opened.read_exact_at(&mut byte, at).unwrap();
        opened.write_all_at(&[!byte[0]], at).unwrap();
        let _ = inspect(&file);
        opened.write_all_at(&byte, at).unwrap();
    }
    inspect(&file).unwrap();
}

#[test]
fn a_program_is_no_library() {
    let folder = folder();
    let program = std::env::current_exe().unwrap();
    let error = inspect(&install(&program, folder.path(), "x.so")).unwrap_err();
    assert!(matches!(error, LookError::NotALibrary { found: "a program", .. }), "{error}");
}

#[test]
fn another_machines_library_is_named_as_such() {
    let folder = folder();
    let file = stock(folder.path());
    let whole = fs::read(&file).unwrap();
    let mut other = whole.clone();
    other[18] = 22; // e_machine: IBM S/390
    fs::write(&file, other).unwrap();
    let error = inspect(&file).unwrap_err();
    assert!(matches!(&error, LookError::Machine { found, .. } if found == "s390x"));
    let mut other = whole;
    other[4] = 3 - other[4]; // the other class
    fs::write(&file, other).unwrap();
    assert!(matches!(inspect(&file), Err(LookError::Machine { .. })));
}

#[test]
fn what_others_may_write_is_not_opened() {
    let folder = folder();
    let file = stock(folder.path());
    for mode in [0o664, 0o646, 0o666] {
        chmod(&file, mode);
        let error = inspect(&file).unwrap_err();
        assert!(matches!(error, LookError::Writable { mode: found, .. } if found == mode));
    }
    chmod(&file, 0o644);
    chmod(folder.path(), 0o777);
    let error = inspect(&file).unwrap_err();
    let text = error.to_string().replace(folder.path().to_str().unwrap(), "FOLDER");
    assert_eq!(
        text,
        "FOLDER can be written by others than its owner (mode 0777); what is in it would run \
         as the daemon: chmod go-w FOLDER"
    );
}

#[test]
fn a_link_does_not_hide_the_folder_it_leads_to() {
    let (folder, open) = (folder(), folder());
    let file = stock(open.path());
    chmod(open.path(), 0o777);
    let link = folder.path().join("link.so");
    unix::symlink(file, &link).unwrap();
    assert!(matches!(inspect(&link), Err(LookError::Writable { .. })));
}

#[test]
fn who_may_write_a_folder_further_up_could_put_another_file_there() {
    let folder = folder();
    let (above, own) = (folder.path().join("above"), folder.path().join("above/own"));
    fs::create_dir_all(&own).unwrap();
    chmod(&own, 0o755);
    let file = stock(&own);
    chmod(&above, 0o775);
    let error = inspect(&file).unwrap_err();
    assert!(matches!(&error, LookError::Writable { path, .. } if *path == above), "{error}");
    // As in /tmp, nobody can there.
    chmod(&above, 0o1777);
    inspect(&file).unwrap();
    // But anybody could add a plugin.
    chmod(&own, 0o1777);
    let error = inspect(&file).unwrap_err();
    assert!(matches!(&error, LookError::Writable { path, .. } if *path == own), "{error}");

    chmod(&own, 0o755);
    if unix::chown(&above, Some(4711), None).is_ok() {
        let error = inspect(&file).unwrap_err();
        assert!(matches!(error, LookError::Owner { owner: 4711, .. }), "{error}");
    }
}

#[test]
fn a_strangers_file_is_not_opened() {
    let folder = folder();
    let file = stock(folder.path());
    if unix::chown(&file, Some(4711), None).is_err() {
        return; // only root can give a file away
    }
    assert!(matches!(inspect(&file), Err(LookError::Owner { owner: 4711, .. })));
}

#[test]
fn what_it_was_built_for_must_fit() {
    let folder = folder();
    let fits = |old, new| altered(folder.path(), old, new);
    assert_eq!(
        fits(r#""plugin_api":"1.0.0""#, r#""plugin_api":"2.0.0""#),
        "FILE is built for plugin API 2.0.0, this daemon offers 1.0.0; \
         build it with wazo-auth-plugin-api 1.0.0"
    );
    assert_eq!(
        fits(r#""plugin_api":"1.0.0""#, r#""plugin_api":"1.1.0""#),
        "FILE is built for plugin API 1.1.0, this daemon offers 1.0.0; \
         update the daemon, or build the plugin with wazo-auth-plugin-api 1.0.0"
    );
    assert_eq!(
        fits(r#""panic":"unwind""#, r#""panic": "abort""#),
        "FILE is built with panic = \"abort\": its first panic would end the daemon; \
         build it with panic = \"unwind\""
    );
    let target = format!(r#""target":"{}""#, manifest::TARGET);
    let other = target.replace("linux", "minix");
    assert!(fits(&target, &other).contains("is built for "));
}

/// Compiles a library in C.
fn compile(folder: &Path, source: &str) -> std::path::PathBuf {
    let (source_file, library) = (folder.join("x.c"), folder.join("x.so"));
    fs::write(&source_file, source).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source_file);
    assert!(cc.status().unwrap().success(), "{cc:?}");
    chmod(&library, 0o644);
    library
}

const SOURCE: Source = Source {
    package: "not_rust",
    version: "1.0.0",
    unwinds: true,
    plugins: &[("backend", "not_rust")],
};
static MANIFEST: [u8; manifest::length(&SOURCE)] = manifest::bytes(&SOURCE);

/// C text of a manifest in its section.
fn manifest_in_c() -> String {
    let bytes = MANIFEST.map(|byte| byte.to_string()).join(",");
    let section = manifest::SECTION;
    format!(
        "__attribute__((section(\"{section}\"), used)) \
         static const unsigned char manifest[] = {{{bytes}}};\n"
    )
}

#[test]
fn a_library_that_is_no_plugin_is_told_so() {
    let folder = folder();
    let error = inspect(&compile(folder.path(), "int answer(void) { return 42; }")).unwrap_err();
    assert!(matches!(error, LookError::NoManifest { .. }), "{error}");
}

/// Loads with the backend `not_rust` from the C text; gives why it is refused.
fn refusal_of(source: &str) -> String {
    let folder = folder();
    install_stock(folder.path());
    compile(folder.path(), &(manifest_in_c() + source));
    let (registry, _daemon) = load(&settings(folder.path(), &["not_rust"])).unwrap();
    assert!(registry.backend_names().all(|name| name != "not_rust"));
    reason(&registry, "not_rust")
}

fn reason(registry: &Registry, name: &str) -> String {
    let reports = registry.report();
    let report = reports.into_iter().find(|report| report.name == name);
    let report = report.unwrap();
    assert_eq!(report.state, PluginState::Refused);
    report.reason.unwrap()
}

#[test]
fn an_unresolved_symbol_is_refused_at_once_and_named() {
    let reason = refusal_of("int not_there(void); int f(void) { return not_there(); }");
    assert!(reason.contains("undefined symbol: not_there"), "{reason}");
}

#[test]
fn a_manifest_without_the_export_behind_it_is_refused() {
    let reason = refusal_of("int answer(void) { return 42; }");
    assert!(reason.contains("does not export the plugin header"), "{reason}");
}

#[test]
fn a_library_that_was_opened_is_never_closed() {
    let folder = folder();
    let closed = folder.path().join("closed");
    let source = "#include <fcntl.h>\n__attribute__((destructor)) static void closed(void)";
    refusal_of(&format!("{source} {{ creat(\"{}\", 0600); }}", closed.display()));
    assert!(!closed.exists());
}

#[test]
fn the_manifest_survives_strip() {
    let folder = folder();
    let file = stock(folder.path());
    assert!(Command::new("strip").arg(&file).status().unwrap().success());
    inspect(&file).unwrap().fits_in_process().unwrap();
}

fn with_digest(folder: &Path, digest: &str) -> Settings {
    install_stock(folder);
    install(&third_party("acme_auth"), folder, "libacme_auth.so");
    let mut settings = settings(folder, &["acme"]);
    options(&mut settings, "acme", |acme| acme.sha256 = Some(digest.to_owned()));
    settings
}

#[test]
fn a_pinned_file_must_be_the_very_one() {
    let folder = folder();
    let (registry, _daemon) = load(&with_digest(folder.path(), &"0".repeat(64))).unwrap();
    assert!(registry.backend("acme").is_none());
    let reason = reason(&registry, "acme");
    assert!(reason.contains("correct plugins.acme.sha256"), "{reason}");

    let output = Command::new("sha256sum").arg(folder.path().join("libacme_auth.so")).output();
    let digest = String::from_utf8(output.unwrap().stdout).unwrap()[..64].to_uppercase();
    let (registry, _daemon) = load(&with_digest(folder.path(), &digest)).unwrap();
    assert!(registry.backend("acme").is_some());
}
