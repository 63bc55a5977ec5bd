//! What these tests share: a folder to start from, and ways to take rights and room away.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;
use wazo_auth_tests::{ADMIN, ADMIN_PASSWORD, Answer, Daemon, Request, Setup};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon, a token and a refresh token of the administrator.
pub struct Fixture {
    pub daemon: Daemon,
    pub token: String,
    pub refresh_token: String,
}

impl Fixture {
    pub fn new(setup: Setup) -> Self {
        let daemon = setup.start();
        let body = json!({"access_type": "offline", "client_id": "outage"});
        let data = daemon.login(ADMIN, ADMIN_PASSWORD, body);
        let text = |key: &str| data[key].as_str().unwrap().to_owned();
        Self { token: text("token"), refresh_token: text("refresh_token"), daemon }
    }

    /// Asks for a token by the refresh token.
    pub fn refresh(&self) -> Answer {
        let body = json!({"client_id": "outage", "refresh_token": self.refresh_token});
        self.daemon.post("/0.1/token").json(body).send()
    }

    pub fn read(&self) -> Answer {
        self.daemon.get(&format!("/0.1/token/{}", self.token)).send()
    }

    #[track_caller]
    pub fn token_is_checked(&self, token: &str) {
        let _ = self.daemon.head(&format!("/0.1/token/{token}")).send().expect(204);
        let body = json!({"scopes": ["auth.users.read"]});
        let path = format!("/0.1/token/{token}/scopes/check");
        let _ = self.daemon.post(&path).json(body).send().expect(200);
    }

    /// Whatever reads or writes the database is refused for now, and never
    /// taken for a fault of the daemon (500) or of the caller.
    #[track_caller]
    pub fn all_is_refused(&self) {
        let me = |request: Request| request.token(&self.token);
        let token = format!("/0.1/token/{}", self.token);
        let named = json!({"name": "outage", "acl": []});
        let login = self.daemon.post("/0.1/token").basic(ADMIN, ADMIN_PASSWORD).json("{}");
        for (what, request) in [
            ("login", login),
            ("GET", self.daemon.get(&token)),
            ("DELETE", self.daemon.delete(&token)),
            ("user", me(self.daemon.post("/0.1/users")).json(json!({"username": "outage"}))),
            ("policy", me(self.daemon.post("/0.1/policies")).json(named)),
            ("list", me(self.daemon.get("/0.1/users/me/tokens"))),
            ("all", me(self.daemon.get("/0.1/tokens"))),
            ("refresh token", me(self.daemon.delete("/0.1/users/me/tokens/outage"))),
        ] {
            let answer = request.send();
            assert_eq!(answer.status, 503, "{what}: {}", answer.text());
            assert!(!answer.header("retry-after").is_empty(), "{what}");
            let body = answer.json();
            let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["message"], "{what}: {body}");
        }
        self.token_is_checked(&self.token);
    }

    /// Sends a request until it has this answer.
    #[track_caller]
    pub fn until(&self, status: u16, send: impl Fn(&Self) -> Answer) -> Answer {
        let began = Instant::now();
        loop {
            let answer = send(self);
            if answer.status == status {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "still {}: {}", answer.status, answer.text());
        }
    }
}

/// Ends the clients, also when their test fails.
pub struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[track_caller]
pub fn is_outage(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json(), json!({"message": "The database cannot serve this now."}));
}

pub fn token(answer: &Answer) -> String {
    answer.json()["data"]["token"].as_str().unwrap().to_owned()
}

/// Waits until something is so.
#[track_caller]
pub fn wait(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "nothing happens");
        thread::yield_now();
    }
}

/// A folder as a daemon left it that had issued three tokens, one of them a
/// refresh token.
pub fn used_folder() -> TempDir {
    // Its files, not the folder: nothing removes what a static holds.
    static USED: OnceLock<[(&str, Vec<u8>); 2]> = OnceLock::new();
    let used = USED.get_or_init(|| {
        let daemon = Daemon::start();
        let _ = daemon.admin_token();
        let offline = json!({"access_type": "offline", "client_id": "storage"});
        let _ = daemon.login(ADMIN, ADMIN_PASSWORD, offline);
        let (status, folder, log) = daemon.stop();
        assert!(status.success(), "{log}");
        ["auth.db", "token.key"].map(|name| (name, fs::read(folder.path().join(name)).unwrap()))
    });
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in used {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        chmod(&file, 0o600);
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
