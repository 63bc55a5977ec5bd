//! A folder to run the programs in, beside a daemon or without one.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use wazo_auth_tests::{Daemon, Setup, built};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The names that the program is started by.
const NAMES: [&str; 5] = [
    "wazo-auth",
    "wazo-auth-bootstrap",
    "wazo-auth-init-db",
    "wazo-auth-upgrade-db",
    "wazo-auth-wait",
];

/// The programs as they are installed, with a folder of their own for temporary
/// files.
pub struct Programs {
    folder: TempDir,
    pub config: PathBuf,
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub said: String,
    pub complaint: String,
}

impl Programs {
    /// With the configuration of a daemon's folder.
    pub fn of(daemon_folder: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in NAMES {
            symlink(built().join("wazo-auth"), folder.path().join(name)).unwrap();
        }
        fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder, config: daemon_folder.join("config.yml") }
    }

    /// A file of this test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program, not started yet; without an environment.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path(program));
        command
            .args(arguments)
            .arg("--config-file")
            .arg(&self.config)
            .env_clear()
            .env("TMPDIR", self.path("tmp"))
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    /// Runs a program to its end.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        ran(self.command(program, arguments))
    }

    /// Makes the database.
    #[track_caller]
    pub fn upgrade_db(&self) {
        let said = self.run("wazo-auth-upgrade-db", &[]).succeeded();
        assert!(said.starts_with("created the database "), "{said}");
    }

    /// What failures left to be read, by whom nobody else may.
    pub fn error_logs(&self) -> Vec<String> {
        let files = fs::read_dir(self.path("tmp")).unwrap().map(|entry| entry.unwrap().path());
        let files = files.inspect(|file| {
            let name = file.file_name().unwrap().to_str().unwrap();
            assert!(name.starts_with("wazo-auth-bootstrap-"), "{name}");
            assert_eq!(mode(file), 0o600, "{name}");
        });
        files.map(|file| fs::read_to_string(file).unwrap()).collect()
    }

    /// What a `wazo-auth-bootstrap` that fails writes into the file that it names:
    /// the sentence that it says, with its causes.
    #[track_caller]
    pub fn bootstrap_fails(&self, arguments: &[&str]) -> String {
        self.failed_bootstrap(self.run("wazo-auth-bootstrap", arguments))
    }

    /// The same of one that has ended.
    #[track_caller]
    pub fn failed_bootstrap(&self, ran: Ran) -> String {
        assert_eq!((ran.code, ran.said.as_str()), (1, ""), "{ran:?}");
        let named = ran.complaint.split("Failed to bootstrap wazo-auth. Error is logged at ");
        let file = named.last().unwrap().trim_end().strip_suffix('.').unwrap();
        let logged = fs::read_to_string(file).unwrap();
        let sentence = logged.lines().next().unwrap();
        assert!(ran.complaint.contains(sentence), "{ran:?}: {logged}");
        logged
    }
}

impl Ran {
    /// What it said, when it succeeded without a complaint.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!((self.code, self.complaint.as_str()), (0, ""), "{self:?}");
        self.said
    }
}

/// Runs a command to its end.
pub fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap_or(-1);
    Ran { code, said: text(output.stdout), complaint: text(output.stderr) }
}

/// A folder without a daemon, its programs, and what starts a daemon there.
pub fn site(setup: Setup) -> (Setup, PathBuf, Programs) {
    let mut setup = setup.on_empty_database();
    let folder = setup.prepare();
    let programs = Programs::of(&folder);
    (setup, folder, programs)
}

/// The status of a login, and its token.
pub fn try_login(daemon: &Daemon, login: &str, password: &str) -> (u16, String) {
    let body = r#"{"backend": "wazo_user", "expiration": 3600}"#;
    let answer = daemon.post("/0.1/token").basic(login, password).json(body).send();
    let token = match answer.status {
        200 => answer.json()["data"]["token"].as_str().unwrap().to_owned(),
        _ => String::new(),
    };
    (answer.status, token)
}

/// Whether the token allows anything at all.
pub fn may_do_all(daemon: &Daemon, token: &str) -> bool {
    daemon.head(&format!("/0.1/token/{token}?scope=anything.at.all")).send().status == 204
}

/// Asks until it is so.
#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: not yet");
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// The permission bits of a file.
pub fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o7777
}

/// The account that owns a file.
pub fn owner(file: &Path) -> u32 {
    fs::metadata(file).unwrap().uid()
}

/// Whether the tests run as root; says what is left out when they do not.
pub fn is_root(left_out: &str) -> bool {
    let root = id("-u") == "0";
    if !root {
        println!("left out, because it takes root: {left_out}");
    }
    root
}

/// An account that files can be given to, and its number.
pub fn somebody() -> (String, u32) {
    match id("-u").parse().unwrap() {
        0 => ("nobody".to_owned(), 65534),
        own => (id("-un"), own),
    }
}

fn id(option: &str) -> String {
    let output = Command::new("id").arg(option).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
