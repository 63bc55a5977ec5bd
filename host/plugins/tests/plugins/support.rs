//! The real `.so` files, built once, and a daemon small enough to look into.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
};

use tempfile::TempDir;
use wazo_auth_plugins::{
    Candidate, Isolation, LoadError, PluginOptions, Registry, Settings, TrialOpener,
};

mod daemon;
pub mod log;

pub use daemon::Daemon;

const STOCK: [&str; 7] = [
    "wazo_user",
    "broken_init",
    "broken_verify_password",
    "default_user",
    "default_internal",
    "default_external_api",
    "user_admin_status",
];

/// Where the stock plugins are built to: the folder of this very program's
/// profile.
pub fn stock_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let packages = STOCK.iter().flat_map(|name| ["-p", name]);
        cargo(&["build", "--quiet"], packages, &workspace(), &target_dir());
        target_dir().join("debug")
    })
}

/// The library of a third party's crate, built outside the workspace.
pub fn third_party(name: &str) -> PathBuf {
    let manifest_dir = workspace().join("tests/third-party").join(name);
    let target = target_dir().join("third-party");
    cargo(&["build", "--quiet"], [], &manifest_dir, &target);
    target.join("debug").join(format!("lib{name}.so"))
}

pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// `<target>/debug/deps/<this program>` tells the target folder.
pub fn target_dir() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().to_owned()
}

pub fn cargo<'a>(
    command: &[&str],
    more: impl IntoIterator<Item = &'a str>,
    dir: &Path,
    target: &Path,
) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(command).args(more).current_dir(dir).env("CARGO_TARGET_DIR", target);
    assert!(cargo.status().unwrap().success(), "{cargo:?}");
}

/// A folder that only we may write, as plugins are installed.
pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Installs a library into a folder, under its own or another name.
pub fn install(library: &Path, folder: &Path, name: &str) -> PathBuf {
    let (file, new) = (folder.join(name), folder.join("new"));
    fs::copy(library, &new).unwrap();
    chmod(&new, 0o644);
    // As packages do: to write into a library that is open kills who has it.
    fs::rename(&new, &file).unwrap();
    file
}

pub fn install_stock(folder: &Path) {
    for name in STOCK {
        let file = format!("lib{name}.so");
        install(&stock_dir().join(&file), folder, &file);
    }
}

pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The stock plugins and `backends` enabled, all found in `folder`.
pub fn settings(folder: &Path, backends: &[&str]) -> Settings {
    let on = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), true)).collect();
    let mut settings = Settings {
        plugin_dirs: vec![folder.to_owned()],
        enabled_backends: on(&["wazo_user"]),
        enabled_metadata: on(&["default_user", "default_internal", "default_external_api"]),
        ..Settings::default()
    };
    settings.enabled_backends.extend(backends.iter().map(|name| ((*name).to_owned(), true)));
    settings
}

pub fn options(settings: &mut Settings, name: &str, change: impl FnOnce(&mut PluginOptions)) {
    change(settings.plugins.entry(name.to_owned()).or_default());
}

/// Opens everything at once: trials belong to the daemon's program.
struct NoTrial;

impl TrialOpener for NoTrial {
    fn try_open(&self, _candidate: &Candidate<'_>) -> Result<(), String> {
        Ok(())
    }
}

/// Set for this program by itself: all plugins are to have processes of their own.
pub const CAGED: &str = "WAZO_AUTH_TEST_CAGED";

/// Gives a process of its own to each plugin, if that is wanted.
#[allow(clippy::disallowed_methods, reason = "how this program tells itself what to do")]
fn caged(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    if std::env::var_os(CAGED).is_none() {
        return settings;
    }
    settings.worker_program = Some(daemon_program().to_owned());
    let backends = settings.enabled_backends.keys().chain(settings.enabled_metadata.keys());
    let others = settings.idps.keys().chain(settings.enabled_external_auth.keys());
    let others = others.chain(settings.enabled_http.keys()).chain(&settings.email_notification);
    let names: Vec<String> = backends.chain(others).cloned().collect();
    for name in names {
        let options = settings.plugins.entry(name).or_default();
        options.isolation = Isolation::Process;
        // As in the daemon: everything.
        options.accesses = Some(vec!["#".to_owned()]);
    }
    settings
}

/// The daemon's program, which is also that of the processes of plugins.
fn daemon_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        cargo(&["build", "--quiet"], ["-p", "wazo-auth"], &workspace(), &target_dir());
        target_dir().join("debug/wazo-auth")
    })
}

pub fn load(settings: &Settings) -> Result<(Arc<Registry>, Arc<Daemon>), LoadError> {
    let settings = &caged(settings);
    log::capture();
    let daemon = Arc::new(Daemon::default());
    let registry = Arc::new(Registry::load(settings, Arc::<Daemon>::clone(&daemon), &NoTrial)?);
    daemon.set_registry(&registry);
    Ok((registry, daemon))
}

/// The stock plugins and a third party's crate.
pub fn load_with(crate_name: &str, backends: &[&str]) -> (Arc<Registry>, Arc<Daemon>, TempDir) {
    load_configured(crate_name, backends, |_| {})
}

pub fn load_configured(
    crate_name: &str,
    backends: &[&str],
    configure: impl FnOnce(&mut Settings),
) -> (Arc<Registry>, Arc<Daemon>, TempDir) {
    let folder = folder();
    install_stock(folder.path());
    install(&third_party(crate_name), folder.path(), "libthird_party.so");
    let mut settings = settings(folder.path(), backends);
    configure(&mut settings);
    let (registry, daemon) = load(&settings).unwrap();
    (registry, daemon, folder)
}
