//! PostgreSQL.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{
    LazyLock, OnceLock,
    atomic::{AtomicU32, Ordering},
};
use std::thread;
use std::time::{Duration, Instant};

/// A server with a data folder of its own.
pub struct Postgresql {
    folder: PathBuf,
    port: u16,
    is_durable: bool,
    server: std::sync::Mutex<Option<Child>>,
}

/// Begins the names of the folders; the number of the process ends them.
const FOLDER: &str = "wazo-auth-postgresql-";
const PATIENCE: Duration = Duration::from_secs(60);

/// The server that the tests of this process share.
static SHARED: LazyLock<Postgresql> = LazyLock::new(Postgresql::start);
static DATABASES: AtomicU32 = AtomicU32::new(0);
static SERVERS: AtomicU32 = AtomicU32::new(0);

/// The URI of a new, empty database on the server that the tests of this process
/// share.
///
/// # Panics
/// When the server cannot be started.
#[must_use]
pub fn database() -> String {
    SHARED.database()
}

/// The URI of a new database on that server, filled as `make` fills one: it is
/// called once in this process, and copied from then on.
///
/// # Panics
/// When the server cannot be started, or still uses what `make` has left.
#[must_use]
pub fn database_made_by(make: impl FnOnce(&str)) -> String {
    static MADE: OnceLock<String> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let uri = SHARED.database();
        make(&uri);
        uri.rsplit('/').next().unwrap_or_default().to_owned()
    });
    SHARED.new_database(&format!("TEMPLATE {made}"))
}

/// The server that the tests of this process share.
#[must_use]
pub fn shared() -> &'static Postgresql {
    &SHARED
}

impl Postgresql {
    /// Makes a data folder and starts a server on it.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(false)
    }

    /// The same of a server whose commits are on the disk when it answers.
    ///
    /// # Panics
    /// When that fails.
    #[must_use]
    pub fn start_durable() -> Self {
        Self::start_with(true)
    }

    fn start_with(is_durable: bool) -> Self {
        let folders = std::env::temp_dir();
        sweep(&folders);
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let folder = folders.join(format!("{FOLDER}{}-{number}", std::process::id()));
        // Left by a process of the same number.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        let mut initdb = as_postgres("initdb");
        initdb.args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]);
        run(initdb
            .args(["--username=postgres", "-D"])
            .arg(folder.join("data"))
            .current_dir(&folder));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, port, is_durable, server: std::sync::Mutex::new(None) };
        server.run();
        server
    }

    /// Starts the server again.
    ///
    /// # Panics
    /// When it does not answer in time.
    pub fn run(&self) {
        let mut command = as_postgres("postgres");
        command.arg("-D").arg(self.folder.join("data")).args(["-p", &self.port.to_string()]);
        for setting in
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"]
        {
            command.args(["-c", setting]);
        }
        let settings = if self.is_durable {
            // As an operator sets them: the tables in memory, checkpoints minutes apart.
            ["shared_buffers=2GB", "max_wal_size=4GB"]
        } else {
            // Tests do not cut the power.
            ["fsync=off", "full_page_writes=off"]
        };
        for setting in settings {
            command.args(["-c", setting]);
        }
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(fs::File::create(self.folder.join("log")).unwrap());
        // It is killed with the thread that started it: one that stays.
        let (give, given) = sync_channel(1);
        thread::spawn(move || {
            give.send(command.spawn().unwrap()).unwrap();
            loop {
                thread::park();
            }
        });
        *self.server.lock().unwrap() = Some(given.recv().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() {
            assert!(Instant::now() < deadline, "PostgreSQL does not start: {}", self.log());
            thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Ends the server at once, as a crash would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&self) {
        let mut server = self.server.lock().unwrap().take().unwrap();
        // The postmaster ends its processes on this one, and asks nobody to finish.
        run(Command::new("kill").args(["-QUIT", &server.id().to_string()]));
        server.wait().unwrap();
    }

    /// The URI of a new, empty database.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn database(&self) -> String {
        self.new_database("")
    }

    fn new_database(&self, options: &str) -> String {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name} {options}"));
        self.uri(&name)
    }

    /// The URI of a copy of a database that nobody uses.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn copy_of(&self, database: &str) -> String {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {database}"));
        self.psql("postgres", "CHECKPOINT");
        self.uri(&name)
    }

    /// The URI of a database.
    #[must_use]
    pub fn uri(&self, database: &str) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What `psql` prints of these statements in a database: values alone.
    ///
    /// # Panics
    /// When a statement fails.
    #[track_caller]
    pub fn psql(&self, database: &str, sql: &str) -> String {
        psql(&self.uri(database), sql)
    }

    fn answers(&self) -> bool {
        let mut ready = Command::new(tool("pg_isready"));
        ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        ready.status().unwrap().success()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.lock().unwrap().take() {
            let _ = Command::new("kill").args(["-QUIT", &server.id().to_string()]).status();
            let _ = server.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What `psql` prints of these statements in the database: values alone.
///
/// # Panics
/// When a statement fails.
#[track_caller]
#[must_use]
pub fn psql(uri: &str, sql: &str) -> String {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, uri]);
    let output = psql.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{sql}: {complaint}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Removes the folders of processes that are no more: a server that is shared
/// outlives all code of its process.
fn sweep(folders: &Path) {
    for entry in fs::read_dir(folders).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(FOLDER));
        let process = process.and_then(|name| name.split('-').next());
        if let Some(process) = process
            && !Path::new("/proc").join(process).exists()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A program of the server, as a user that the server accepts, ended with the
/// thread that starts it.
fn as_postgres(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.args(["--pdeathsig=QUIT", "--"]).arg(tool(program)).env("LC_ALL", "C.UTF-8");
    command
}

fn is_root() -> bool {
    let mut status = String::new();
    fs::File::open("/proc/self/status").unwrap().read_to_string(&mut status).unwrap();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// Debian keeps the programs of a server apart, by version.
fn tool(program: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut tools: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin").join(program)).collect();
    tools.sort();
    let found = tools.pop().filter(|tool| tool.exists());
    found.unwrap_or_else(|| panic!("no {program}: install the package postgresql"))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {complaint}");
}
