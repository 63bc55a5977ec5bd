//! A daemon of the test's own: its folder, its process, its log.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Database, Request,
    build::built,
    database::{configured_uri, empty_database, new_database, on_postgresql},
};

/// The administrator that every daemon of a test has.
pub const ADMIN: &str = "admin";
/// Its password.
pub const ADMIN_PASSWORD: &str = "adm1n";

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// After this time, every daemon answers as PostgreSQL's tables say, whoever changed
/// them (design: the lease of the index).
const LEASE: Duration = Duration::from_millis(100);

/// What a daemon is started with.
pub struct Setup {
    yaml: String,
    plugins: Vec<PathBuf>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    /// A command that runs the daemon, such as a tracer; empty: directly.
    wrapper: Vec<String>,
    folder: Option<TempDir>,
    /// Nobody has made the tables.
    is_empty: bool,
}

/// A running daemon; it is killed when dropped.
pub struct Daemon {
    process: Option<Child>,
    output: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
    agent: ureq::Agent,
    url: String,
    folder: Option<TempDir>,
    began: Instant,
    started_in: Duration,
}

/// What the daemon has written so far.
#[derive(Default)]
struct Output {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    text: Vec<String>,
    /// How many of the two streams have ended.
    ended: usize,
}

// === impl Setup ===

impl Default for Setup {
    fn default() -> Self {
        Self {
            yaml: String::new(),
            plugins: Vec::new(),
            environment: vec![("TZ".to_owned(), "UTC".to_owned())],
            arguments: Vec::new(),
            wrapper: Vec::new(),
            folder: None,
            is_empty: false,
        }
    }
}

impl Setup {
    /// A file of the extra directory: it wins over the test's own main file.
    #[must_use]
    pub fn config(mut self, yaml: &str) -> Self {
        self.yaml.push_str(yaml);
        self.yaml.push('\n');
        self
    }

    /// A further library for the plugin folder.
    #[must_use]
    pub fn plugin(mut self, file: impl Into<PathBuf>) -> Self {
        self.plugins.push(file.into());
        self
    }

    /// A variable of the daemon's environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A further argument of the command line.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Runs the daemon under another command.
    #[must_use]
    pub fn wrapper(mut self, words: &[impl AsRef<str>]) -> Self {
        self.wrapper = words.iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// Starts on the folder of a daemon that has ended.
    #[must_use]
    pub fn folder(mut self, folder: TempDir) -> Self {
        self.folder = Some(folder);
        self
    }

    /// On a database without tables: on a server, somebody has to make them first.
    #[must_use]
    pub fn on_empty_database(mut self) -> Self {
        self.is_empty = true;
        self
    }

    /// Starts the daemon and waits until it listens.
    ///
    /// # Panics
    /// With everything it said, when it does not.
    #[must_use]
    pub fn start(self) -> Daemon {
        self.try_start().unwrap_or_else(|said| panic!("the daemon ended:\n{said}"))
    }

    /// Starts a daemon that may have to give way to another one.
    ///
    /// # Errors
    /// Everything it said, when it ended instead of listening.
    pub fn try_start(self) -> Result<Daemon, String> {
        let mut daemon = self.spawn();
        let Some(line) = daemon.wait_for_log("Listening on ") else { return Err(daemon.log()) };
        daemon.started_in = daemon.began.elapsed();
        daemon.url = line.split("Listening on ").nth(1).unwrap().trim().to_owned();
        Ok(daemon)
    }

    /// Starts a daemon that is expected to end by itself; gives its exit code
    /// and everything it said.
    ///
    /// # Panics
    /// When it serves instead.
    #[must_use]
    pub fn fail(self) -> (i32, String) {
        let mut daemon = self.spawn();
        assert!(daemon.wait_for_log("Listening on ").is_none(), "it started:\n{}", daemon.log());
        let status = daemon.wait();
        (status.code().unwrap_or(-1), daemon.log())
    }

    /// Starts a daemon that must not come to serve; gives the sentence with which
    /// it ended. (Not by its place: what comes through two pipes comes in any
    /// order.)
    ///
    /// # Panics
    /// When it serves instead, or ends otherwise.
    #[must_use]
    pub fn refusal(self) -> String {
        let (code, said) = self.fail();
        assert_eq!(code, 1, "{said}");
        let sentence = said.lines().find(|line| line.contains("(CRITICAL)"));
        sentence.unwrap_or_else(|| panic!("no sentence in:\n{said}")).to_owned()
    }

    /// The folder, ready to be started in by hand: configuration and plugins.
    #[must_use]
    pub fn prepare(&mut self) -> PathBuf {
        let folder = self.folder.take().unwrap_or_else(|| tempfile::tempdir().unwrap());
        write_folder(folder.path(), self);
        let path = folder.path().to_owned();
        self.folder = Some(folder);
        path
    }

    #[allow(clippy::disallowed_methods, reason = "the daemon's tools are found where ours are")]
    fn spawn(mut self) -> Daemon {
        let path = self.prepare();
        let program = built().join("wazo-auth").to_str().unwrap().to_owned();
        let mut words = self.wrapper.clone();
        words.push(program);
        let began = Instant::now();
        let mut process = Command::new(&words[0])
            .args(&words[1..])
            .arg("--config-file")
            .arg(path.join("config.yml"))
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Arc::new(Output::default());
        let readers = vec![
            follow(process.stdout.take().unwrap(), &output),
            follow(process.stderr.take().unwrap(), &output),
        ];
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .build()
            .new_agent();
        Daemon {
            process: Some(process),
            output,
            readers,
            agent,
            url: String::new(),
            folder: self.folder,
            began,
            started_in: Duration::ZERO,
        }
    }
}

fn write_folder(folder: &Path, setup: &Setup) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let plugins = folder.join("plugins");
    let extra = folder.join("conf.d");
    for dir in [&plugins, &extra] {
        fs::create_dir_all(dir).unwrap();
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let stock = fs::read_dir(built()).unwrap().map(|entry| entry.unwrap().path());
    let stock = stock.filter(|file| file.extension().is_some_and(|extension| extension == "so"));
    for file in stock.chain(setup.plugins.iter().cloned()) {
        let there = plugins.join(file.file_name().unwrap());
        fs::copy(&file, &there).unwrap();
        fs::set_permissions(&there, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let here = folder.display();
    let uri = configured_uri(folder).unwrap_or_else(|| match setup.is_empty {
        true => empty_database(folder),
        false => new_database(folder),
    });
    let mut yaml = String::new();
    write!(
        yaml,
        "extra_config_files: {here}/conf.d\n\
         user:\n\
         log_filename: {here}/wazo-auth.log\n\
         db_uri: {uri}\n\
         token_key_file: {here}/token.key\n\
         plugin_dirs: [{here}/plugins]\n\
         rest_api: {{port: 0}}\n\
         enabled_backend_plugins: {{ldap_user: false}}\n\
         idp_plugins: {{ldap: {{enabled: false}}}}\n\
         bootstrap_user_on_startup: true\n\
         bootstrap_user_username: {ADMIN}\n\
         bootstrap_user_password: {ADMIN_PASSWORD}\n"
    )
    .unwrap();
    // With a server, events are on without a word, and there is no broker here.
    if (on_postgresql() || setup.yaml.contains("postgresql://")) && !setup.yaml.contains("amqp") {
        yaml.push_str("amqp: {enabled: false}\n");
    }
    fs::write(folder.join("config.yml"), yaml).unwrap();
    if !setup.yaml.is_empty() {
        fs::write(extra.join("50-test.yml"), &setup.yaml).unwrap();
    }
}

fn follow(stream: impl Read + Send + 'static, output: &Arc<Output>) -> JoinHandle<()> {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            output.lines.lock().unwrap().text.push(line);
            output.changed.notify_all();
        }
        output.lines.lock().unwrap().ended += 1;
        output.changed.notify_all();
    })
}

// === impl Daemon ===

impl Daemon {
    /// A daemon with the test's plain configuration.
    #[must_use]
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// Where it answers, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How long it took from its start until it listened.
    #[must_use]
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// Its folder: `config.yml`, `conf.d`, `plugins`, `auth.db`, `token.key`,
    /// `wazo-auth.log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// A request by any method.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(&self.agent, method, &format!("{}{path}", self.url))
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// A HEAD.
    pub fn head(&self, path: &str) -> Request {
        self.request("HEAD", path)
    }

    /// A POST.
    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    /// A PUT.
    pub fn put(&self, path: &str) -> Request {
        self.request("PUT", path)
    }

    /// A DELETE.
    pub fn delete(&self, path: &str) -> Request {
        self.request("DELETE", path)
    }

    /// Logs in and gives the `data` of the answer.
    ///
    /// # Panics
    /// When the login is refused.
    #[must_use]
    #[track_caller]
    pub fn login(&self, login: &str, password: &str, body: Value) -> Value {
        let answer = self.post("/0.1/token").basic(login, password).json(body).send();
        answer.expect(200).json()["data"].clone()
    }

    /// A token of the administrator, who may do everything.
    #[must_use]
    #[track_caller]
    pub fn admin_token(&self) -> String {
        text(&self.login(ADMIN, ADMIN_PASSWORD, json!({})), "token")
    }

    /// Creates a user of the top tenant; gives its UUID.
    #[track_caller]
    pub fn create_user(&self, username: &str, password: &str) -> String {
        self.create_user_with(json!({"username": username, "password": password}))
    }

    /// Creates a user from any body; gives its UUID.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn create_user_with(&self, body: Value) -> String {
        let token = self.admin_token();
        text(&self.post("/0.1/users").token(&token).json(body).send().expect(200).json(), "uuid")
    }

    /// Gives a user a new policy with these accesses.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn grant(&self, user: &str, acl: &[&str]) {
        static GRANTS: AtomicU32 = AtomicU32::new(0);
        let token = self.admin_token();
        let number = GRANTS.fetch_add(1, Ordering::Relaxed);
        let body = json!({"name": format!("of-{user}-{number}"), "acl": acl});
        let policy = self.post("/0.1/policies").token(&token).json(body).send().expect(200);
        let path = format!("/0.1/users/{user}/policies/{}", text(&policy.json(), "uuid"));
        let _ = self.put(&path).token(&token).send().expect(204);
    }

    /// Everything it has written to its two streams.
    #[must_use]
    pub fn log(&self) -> String {
        self.output.lines.lock().unwrap().text.join("\n")
    }

    /// Waits for a line that contains `text`; `None` when the daemon ended
    /// without one.
    #[must_use]
    pub fn wait_for_log(&self, text: &str) -> Option<String> {
        self.wait_for_logs(text, 1)
    }

    /// Waits for the line that is the `count`th to contain `text`.
    fn wait_for_logs(&self, text: &str, count: usize) -> Option<String> {
        let found = |lines: &Lines| {
            lines.text.iter().filter(|line| line.contains(text)).nth(count - 1).cloned()
        };
        let lines = self.output.lines.lock().unwrap();
        let missing = |lines: &mut Lines| lines.ended < 2 && found(lines).is_none();
        let (lines, waited) =
            self.output.changed.wait_timeout_while(lines, PATIENCE, missing).unwrap();
        let (line, all) = (found(&lines), lines.text.join("\n"));
        // Who panics with the lock would keep the daemon from being ended.
        drop(lines);
        assert!(!waited.timed_out(), "nothing says {text:?} ({count}) in:\n{all}");
        line
    }

    /// Changes rows under the daemon, as another program would, and waits until
    /// it has noticed.
    ///
    /// # Panics
    /// When a statement fails, or changes nothing.
    #[track_caller]
    #[allow(clippy::disallowed_methods, reason = "so long, and no longer, old answers are allowed")]
    pub fn change_database(&self, sql: &str) {
        const NOTICED: &str = "another program changed the database";
        let before = self.log().matches(NOTICED).count();
        self.database().run(sql);
        if on_postgresql() {
            std::thread::sleep(LEASE);
            return;
        }
        let _ = self.wait_for_logs(NOTICED, before + 1);
    }

    /// Its database.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn database(&self) -> Database {
        Database::of(self.folder())
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.process.as_mut().unwrap().wait().unwrap();
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        status
    }

    /// Ends it at once, as a power cut would; gives its folder.
    #[must_use]
    pub fn kill(mut self) -> TempDir {
        self.process.as_mut().unwrap().kill().unwrap();
        self.wait();
        self.folder.take().unwrap()
    }

    /// Ends it in order; gives its exit status, its folder and its log.
    #[must_use]
    pub fn stop(self) -> (ExitStatus, TempDir, String) {
        self.signal("TERM");
        self.ended()
    }

    /// Waits for the end of a daemon that was told to; gives its exit status,
    /// its folder and its log.
    #[must_use]
    pub fn ended(mut self) -> (ExitStatus, TempDir, String) {
        let status = self.wait();
        let log = self.log();
        (status, self.folder.take().unwrap(), log)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            if std::thread::panicking() {
                let status = process.try_wait();
                eprintln!("the daemon (ended: {status:?}) said:\n{}", self.log());
            }
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

#[track_caller]
fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}
