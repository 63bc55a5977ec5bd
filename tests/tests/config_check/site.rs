//! A configuration on disk, with the files that it may name.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;
use wazo_auth_tests::built;

/// A main file that is right, and one file of the extra directory.
pub struct Site {
    folder: TempDir,
    port: u16,
    _listener: TcpListener,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    /// On standard output, then on standard error.
    pub text: String,
}

// === impl Site ===

impl Site {
    /// `HERE`, `PORT` (one that somebody listens on) and `PLUGINS` (a folder
    /// with the stock plugins) in the text are replaced.
    pub fn new(extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        fs::set_permissions(here, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(here.join("conf.d")).unwrap();
        copy_files(here);
        let site = Self { folder, port, _listener: listener };
        site.write("config.yml", MAIN, 0o600);
        site.write("conf.d/10.yml", extra, 0o600);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the site, the placeholders replaced.
    pub fn write(&self, name: &str, text: &str, mode: u32) {
        let here = self.folder.path().to_str().unwrap();
        let text = text
            .replace("HERE", here)
            .replace("PORT", &self.port.to_string())
            .replace("PLUGINS", plugins().to_str().unwrap());
        write(&self.path(name), text.as_bytes(), mode);
    }

    /// Runs the program on the site; placeholders are put back in what it says.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let output = Command::new(built().join("wazo-auth"))
            .arg("--config-file")
            .arg(self.path("config.yml"))
            .args(arguments)
            .env_clear()
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text)
            .unwrap()
            .replace(self.folder.path().to_str().unwrap(), "HERE")
            .replace(&format!(":{}", self.port), ":PORT")
            .replace(plugins().to_str().unwrap(), "PLUGINS");
        assert!(!text.contains("panicked"), "{text}");
        Said { code: output.status.code().unwrap_or(-1), text }
    }

    pub fn check(&self) -> Said {
        self.run(&["check-config"])
    }
}

const MAIN: &str = "\
extra_config_files: HERE/conf.d
user:
log_filename: HERE/wazo-auth.log
db_uri: sqlite:///HERE/auth.db
token_key_file: HERE/token.key
plugin_dirs: [PLUGINS]
rest_api: {port: 0}
enabled_backend_plugins: {ldap_user: false}
";

/// The files that a configuration may name. The keys protect nothing: they are
/// made for these tests.
fn copy_files(here: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config_check/files");
    for (name, mode) in
        [("good.crt", 0o644), ("good.key", 0o600), ("expired.crt", 0o644), ("other.key", 0o600)]
    {
        write(&here.join(name), &fs::read(source.join(name)).unwrap(), mode);
    }
    write(&here.join("open.key"), &fs::read(source.join("good.key")).unwrap(), 0o644);
    write(&here.join("open-token.key"), &[b'A'; 44], 0o640);
    write(&here.join("text"), b"neither database nor certificate nor key nor library\n", 0o600);
}

fn write(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A folder with the stock plugins, for all tests: beside them, for nothing
/// removes it.
fn plugins() -> &'static Path {
    static PLUGINS: OnceLock<PathBuf> = OnceLock::new();
    PLUGINS.get_or_init(|| {
        let folder = built().join("config-check-plugins");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        for file in fs::read_dir(built()).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "so") {
                // Another run may be reading the one that is there.
                let new = folder.join(format!("new.{}", std::process::id()));
                write(&new, &fs::read(&file).unwrap(), 0o644);
                fs::rename(&new, folder.join(file.file_name().unwrap())).unwrap();
            }
        }
        folder
    })
}
