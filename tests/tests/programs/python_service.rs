//! Started without `db_uri`, beside the database of the Python service.

use std::{
    fs, io,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    },
    thread,
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, unshare};
use wazo_auth_servers::postgresql;
use wazo_auth_tests::Setup;

use crate::support::{Programs, is_root, ran};

const USUAL: &str = "postgresql://asterisk:proformatique@localhost/asterisk";

/// What listens where the Python service's database is as a rule.
#[derive(Clone, Copy)]
enum There {
    Nothing,
    /// A server on this port of the real network.
    Server(u16),
    /// Something that never answers.
    Silence,
}

/// A host of its own: programs that are started on the thread that calls this have
/// a loopback of their own, and `/var/lib` is in `folder`. Gives how often somebody
/// has connected.
fn host(there: There, folder: &Path) -> Arc<AtomicUsize> {
    fs::create_dir_all(folder.join("wazo-auth")).unwrap();
    let connected = Arc::new(AtomicUsize::new(0));
    // Whoever reaches the server stays outside.
    let (give, given) = channel::<TcpStream>();
    thread::spawn(move || {
        for client in given {
            if let There::Server(port) = there {
                join(client, TcpStream::connect(("127.0.0.1", port)).unwrap());
            } else {
                thread::spawn(move || io::copy(&mut &client, &mut io::sink()));
            }
        }
    });
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
    if let There::Nothing = there {
        return connected;
    }
    let door = TcpListener::bind("127.0.0.1:5432").unwrap();
    let count = Arc::clone(&connected);
    thread::spawn(move || {
        for client in door.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            give.send(client.unwrap()).unwrap();
        }
    });
    connected
}

/// Passes on what either says.
fn join(client: TcpStream, server: TcpStream) {
    let (client, server) = (Arc::new(client), Arc::new(server));
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (from, to) = (Arc::clone(from), Arc::clone(to));
        thread::spawn(move || {
            let _ = io::copy(&mut &*from, &mut &*to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }
}

/// Runs `f` on a thread, which may move to another host.
fn elsewhere(f: impl FnOnce() + Send + 'static) {
    thread::spawn(f).join().unwrap();
}

/// A folder for `/var/lib`, and programs whose configuration does not name a
/// database.
fn site() -> (Setup, PathBuf, Programs) {
    let mut setup = Setup::default();
    let folder = setup.prepare();
    let file = folder.join("config.yml");
    let yaml = fs::read_to_string(&file).unwrap();
    let lines = yaml.lines().filter(|line| !line.starts_with("db_uri: "));
    fs::write(&file, lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let programs = Programs::of(&folder);
    let var = programs.path("var");
    fs::create_dir(&var).unwrap();
    (setup, var, programs)
}

/// A program that sees `var` as `/var/lib`.
fn command(programs: &Programs, var: &Path, program: &str, arguments: &[&str]) -> Command {
    let program = programs.command(program, arguments);
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", "mount --bind \"$0\" /var/lib && exec \"$@\""]);
    command.arg(var).arg(program.get_program()).args(program.get_args());
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("TZ", "UTC");
    command.env("TMPDIR", programs.path("tmp")).stdin(Stdio::null());
    command
}

/// A server with the Python service's database, with tables or without.
fn server(with_tables: bool) -> postgresql::Postgresql {
    let server = postgresql::Postgresql::start();
    let _ = server.psql("postgres", "CREATE ROLE asterisk LOGIN PASSWORD 'proformatique'");
    let _ = server.psql("postgres", "CREATE DATABASE asterisk OWNER asterisk");
    if with_tables {
        let _ = server.psql("asterisk", "CREATE TABLE auth_user ()");
    }
    server
}

#[test]
fn nobody_begins_with_an_empty_file_beside_the_python_service() {
    if !is_root("a host with the usual PostgreSQL on it") {
        return;
    }
    let server = server(true);
    elsewhere(move || {
        let (_setup, var, programs) = site();
        let connected = host(There::Server(server.port()), &var);
        let says = format!(
            "`db_uri` is not set and there is no database /var/lib/wazo-auth/auth.db yet, but \
             PostgreSQL on this host holds the tables of wazo-auth: to use them, set `db_uri: \
             {USUAL}`; to begin with an empty database all the same, set `db_uri: \
             sqlite:////var/lib/wazo-auth/auth.db`"
        );
        let user = ["initial-user", "--password=s3cre7"];
        for (program, arguments) in [
            ("wazo-auth", [].as_slice()),
            ("wazo-auth-upgrade-db", &[]),
            ("wazo-auth-bootstrap", &user),
            ("wazo-auth", &["db", "forget-tokens"]),
        ] {
            let before = connected.load(Ordering::SeqCst);
            let ran = ran(command(&programs, &var, program, arguments));
            assert_eq!(ran.code, 1, "{ran:?}");
            let said = format!("{}{}", ran.said, ran.complaint);
            assert_eq!(said.matches(&says).count(), 1, "{ran:?}");
            assert_eq!(connected.load(Ordering::SeqCst), before + 1, "asked once");
            let left = fs::read_dir(var.join("wazo-auth")).unwrap().count();
            assert_eq!(left, 0, "nothing was made");
        }
        // Whoever says so, gets the file; and once it is there, nobody asks.
        let conf = programs.config.parent().unwrap().join("conf.d/10.yml");
        fs::write(&conf, "db_uri: sqlite:////var/lib/wazo-auth/auth.db").unwrap();
        let asked = connected.load(Ordering::SeqCst);
        let made = ran(command(&programs, &var, "wazo-auth-upgrade-db", &[])).succeeded();
        assert!(made.starts_with("created the database /var/lib/wazo-auth/auth.db"), "{made}");
        fs::remove_file(&conf).unwrap();
        let found = ran(command(&programs, &var, "wazo-auth-upgrade-db", &[])).succeeded();
        assert!(found.ends_with("is up to date\n"), "{found}");
        serves(&programs, &var);
        assert_eq!(connected.load(Ordering::SeqCst), asked);
        drop(server);
    });
}

#[test]
fn a_host_without_the_python_service_is_begun_on_at_once() {
    if !is_root("a host without the usual PostgreSQL on it") {
        return;
    }
    let empty = server(false);
    for there in [There::Nothing, There::Server(empty.port()), There::Silence] {
        elsewhere(move || {
            let (_setup, var, programs) = site();
            let connected = host(there, &var);
            let began = Instant::now();
            serves(&programs, &var);
            // In this build, and while other tests run.
            assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
            assert!(var.join("wazo-auth/auth.db").exists());
            let asked = connected.load(Ordering::SeqCst);
            assert_eq!(asked, usize::from(!matches!(there, There::Nothing)));
        });
    }
}

/// Starts a daemon, waits until it listens, and ends it.
#[track_caller]
fn serves(programs: &Programs, var: &Path) {
    let mut command = command(programs, var, "wazo-auth", &[]);
    let mut daemon = command.stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(daemon.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut seen = Vec::new();
    let listens =
        said.inspect(|line| seen.push(line.clone())).any(|line| line.contains("Listening on"));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert!(listens, "{seen:?}");
}
