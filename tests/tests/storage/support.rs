//! What these tests share: a folder to start from, and ways to take rights and room away.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
    sync::OnceLock,
};

use serde_json::json;
use tempfile::TempDir;
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Daemon};

/// A folder as a daemon left it that had issued three tokens, one of them a
/// refresh token.
pub fn used_folder() -> TempDir {
    static USED: OnceLock<TempDir> = OnceLock::new();
    let used = USED.get_or_init(|| {
        let daemon = Daemon::start();
        let _ = daemon.admin_token();
        let offline = json!({"access_type": "offline", "client_id": "storage"});
        let _ = daemon.login(ADMIN, ADMIN_PASSWORD, offline);
        let (status, folder, log) = daemon.stop();
        assert!(status.success(), "{log}");
        folder
    });
    let folder = tempfile::tempdir().unwrap();
    for name in ["auth.db", "token.key"] {
        fs::copy(used.path().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// Whether the tests run as root, which permissions do not stop.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A command that runs a daemon whom permissions stop although it is root's.
pub const NO_PRIVILEGES: [&str; 4] =
    ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search", "--"];

/// Sets the permission bits.
pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Lets `db_uri` name another file, as a path from the folder.
pub fn other_place(folder: &Path, database: &str) {
    let extra = folder.join("conf.d");
    fs::create_dir_all(&extra).unwrap();
    let yaml = format!("db_uri: sqlite:///{}/{database}\n", folder.display());
    fs::write(extra.join("10-database.yml"), yaml).unwrap();
}

/// A command that runs a daemon after `mount`, a piece of shell, has put a file
/// system on the subfolder `data`, which nobody else sees. Nothing where the
/// system does not allow that.
pub fn another_file_system(folder: &Path, mount: &str) -> Option<Vec<String>> {
    fs::create_dir(folder.join("data")).unwrap();
    let unshare: &[&str] = if is_root() {
        &["unshare", "--mount"]
    } else {
        &["unshare", "--mount", "--map-root-user"]
    };
    let script = format!("cd {} && {mount} && exec \"$@\"", folder.display());
    let words: Vec<String> =
        unshare.iter().chain(&["sh", "-c", &script, "sh"]).map(|&word| word.to_owned()).collect();
    let allowed = Command::new(&words[0]).args(&words[1..]).arg("true").status();
    if allowed.is_ok_and(|status| status.success()) {
        return Some(words);
    }
    println!("left out, because this system allows no file system of one's own");
    None
}
