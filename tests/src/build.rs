//! The programs under test, built by cargo when they are not up to date.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use tempfile::TempDir;

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

/// The same with another compiler than ours.
#[must_use]
pub fn build_with(compiler: &Path, name: &str) -> PathBuf {
    let source = root().join("tests/third-party").join(name);
    let target = target().join("another-rust");
    let mut cargo = command(&source, &target, &[]);
    // Quicker; nobody debugs it.
    cargo.env("RUSTC", compiler).env("CARGO_PROFILE_DEV_DEBUG", "0");
    run(cargo, &source);
    target.join("debug").join(format!("lib{name}.so"))
}

/// Builds a plugin in C of `tests/third-party`: the file of its folder's name.
///
/// # Panics
/// When it does not compile.
#[must_use]
pub fn c_plugin(name: &str) -> PathBuf {
    let folder = target().join("third-party");
    fs::create_dir_all(&folder).unwrap();
    let (file, new) = (folder.join(format!("lib{name}.so")), folder.join(new_name(name)));
    let source = root().join("tests/third-party").join(name).join(format!("{name}.c"));
    let mut compiler = Command::new("gcc");
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]);
    compiler.arg("-fvisibility=hidden").arg("-I").arg(header_folder());
    let status = compiler.arg("-o").arg(&new).arg(&source).status().unwrap();
    assert!(status.success(), "{} does not compile", source.display());
    // Others may be reading the one that is there.
    fs::rename(new, &file).unwrap();
    file
}

/// Where the header for plugins in C is.
#[must_use]
pub fn header_folder() -> PathBuf {
    root().join("plugin-api/include")
}

/// A library as it is installed: in a folder that only we may write.
///
/// # Panics
/// When it cannot be copied.
#[must_use]
pub fn in_own_folder(library: &Path) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(library.file_name().unwrap());
    fs::copy(library, &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    (folder, file)
}

/// A name that nobody else uses.
fn new_name(name: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    format!("{name}.{}.{number}.new", std::process::id())
}

/// Runs `cargo build` in `folder`.
pub fn build(folder: &Path, target: &Path, arguments: &[&str]) {
    run(command(folder, target, arguments), folder);
}

fn command(folder: &Path, target: &Path, arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells this test of itself: ring takes it for a reason to be
    // built anew, in here and then again out there.
    for name in OWN_VARIABLES {
        cargo.env_remove(name);
    }
    cargo.args(["build", "--quiet", "--locked"]).args(arguments).current_dir(folder);
    cargo.env("CARGO_TARGET_DIR", target);
    cargo
}

fn run(mut cargo: Command, folder: &Path) {
    let status = cargo.status().unwrap();
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
