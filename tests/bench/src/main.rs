//! Measures the daemon and prints each figure beside what it has to be.
//!
//! `scripts/bench` builds everything and calls this program. Rates depend on
//! the machine; the parts of a rival's rate, the processor time and the counted
//! instructions say more. What is printed as MISSED makes the exit code 1.

#![allow(clippy::cast_precision_loss, reason = "figures are for people")]

mod bare;
mod check;
mod cleanup;
mod fill;
mod hang;
mod instructions;
mod lists;
mod load;
mod password;
mod plugin_call;
mod process;
mod progress;
mod refresh;
mod report;
mod share;
mod start;

use std::{
    cell::OnceCell,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use clap::{Parser, ValueEnum};
use tempfile::TempDir;
use uuid::Uuid;
use wazo_auth_servers::postgresql::Postgresql;

use fill::Contents;
use process::Server;
use report::Report;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// Token checks beside bare hyper, and memory per token.
    Check,
    /// Logins by refresh token.
    Refresh,
    /// Logins by password, and token checks meanwhile.
    Password,
    /// Time of a start, memory of an idle daemon.
    Start,
    /// Lists, and a large tree of tenants.
    Lists,
    /// Token checks while expired tokens are deleted.
    Cleanup,
    /// A call of a plugin, in process and in a process of its own.
    PluginCall,
    /// Token checks and logins beside a plugin that hangs.
    Hang,
    /// Instructions per request, counted.
    Instructions,
}

/// Measures what requests to wazo-auth cost, beside a bare hyper server.
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything unless told otherwise.
    #[arg(value_enum)]
    sections: Vec<Section>,
    /// Live tokens.
    #[arg(long, default_value_t = 1_000_000)]
    tokens: u64,
    /// Their owners.
    #[arg(long, default_value_t = 100_000)]
    users: u64,
    /// Expired tokens that a clean-up finds.
    #[arg(long, default_value_t = 10_000_000)]
    expired: u64,
    /// Seconds of each round.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Rounds of each comparison; the medians are printed.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A folder for the filled database: made there by the first run, of use to
    /// the next ones, which have to ask for as many tokens and users.
    #[arg(long)]
    filled: Option<PathBuf>,
    /// Where the rows are; each is measured in turn.
    #[arg(long = "store", value_enum, default_values_t = [Kind::Sqlite])]
    stores: Vec<Kind>,
    /// The library of `tests/third-party/acme_auth`.
    #[arg(long)]
    plugin: Option<PathBuf>,
    /// The library of `tests/third-party/acts`.
    #[arg(long)]
    hanging: Option<PathBuf>,
    /// Is the rival instead, until it is killed.
    #[arg(long, hide = true)]
    bare: bool,
}

/// What the rows are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A file.
    Sqlite,
    /// A server that this program starts, whose commits are on the disk when it
    /// answers.
    Postgresql,
}

/// What all sections need.
pub(crate) struct Bench {
    kind: Kind,
    /// Started when first needed.
    server: OnceCell<Postgresql>,
    contents: Contents,
    round: Duration,
    rounds: usize,
    /// Where the filled database is kept for the next run; none: nowhere.
    keep: Option<PathBuf>,
    filled: OnceCell<Original>,
}

/// The folder with the filled database.
struct Original {
    folder: PathBuf,
    tenant: Uuid,
    /// Removed with this.
    _temporary: Option<TempDir>,
}

/// A copy of it.
pub(crate) struct Filled {
    folder: TempDir,
    pub(crate) tenant: Uuid,
}

// === impl Bench ===

impl Bench {
    pub(crate) fn new(contents: Contents, round: Duration, rounds: usize) -> Self {
        let (server, filled) = (OnceCell::new(), OnceCell::new());
        let rounds = rounds.max(1);
        Self { kind: Kind::Sqlite, server, contents, round, rounds, keep: None, filled }
    }

    /// What the rows are in.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// A copy of the filled folder, for one daemon.
    pub(crate) fn filled(&self) -> Outcome<Filled> {
        let original = match self.filled.get() {
            Some(filled) => filled,
            None => {
                let original = self.original()?;
                self.filled.get_or_init(|| original)
            }
        };
        let copy = tempfile::tempdir()?;
        let mut names = vec!["token.key"];
        match self.kind {
            Kind::Sqlite => names.push("auth.db"),
            Kind::Postgresql => {
                let uri = fs::read_to_string(original.folder.join(process::DB_URI))?;
                let server = self.server.get_or_init(Postgresql::start_durable);
                let copied = server.copy_of(uri.rsplit('/').next().unwrap_or_default());
                fs::write(copy.path().join(process::DB_URI), copied)?;
            }
        }
        for name in names {
            let to = copy.path().join(name);
            fs::copy(original.folder.join(name), &to)?;
            // Or the disk would be at it while the daemon is measured.
            fs::File::open(to)?.sync_all()?;
        }
        Ok(Filled { folder: copy, tenant: original.tenant })
    }

    fn original(&self) -> Outcome<Original> {
        if self.kind == Kind::Postgresql {
            return self.original_on_server();
        }
        self.original_file()
    }

    /// The file's rows in a database of the server.
    fn original_on_server(&self) -> Outcome<Original> {
        let file = self.original_file()?;
        let temporary = tempfile::tempdir()?;
        let folder = temporary.path().to_owned();
        let uri = self.server.get_or_init(Postgresql::start_durable).database();
        fs::copy(file.folder.join("token.key"), folder.join("token.key"))?;
        fill::copy(&file.folder, &uri)?;
        fs::write(folder.join(process::DB_URI), uri)?;
        Ok(Original { folder, tenant: file.tenant, _temporary: Some(temporary) })
    }

    fn original_file(&self) -> Outcome<Original> {
        if let Some(folder) = self.keep.clone() {
            let tenant = fill::fill_once(&folder, self.contents)?;
            return Ok(Original { folder, tenant, _temporary: None });
        }
        let temporary = tempfile::tempdir()?;
        let folder = temporary.path().to_owned();
        let tenant = fill::fill(&folder, self.contents)?;
        Ok(Original { folder, tenant, _temporary: Some(temporary) })
    }

    /// An empty folder, for one daemon.
    pub(crate) fn empty(&self) -> Outcome<TempDir> {
        Ok(tempfile::tempdir()?)
    }

    /// The rival, running.
    pub(crate) fn bare(&self) -> Outcome<Server> {
        Server::start(Command::new(std::env::current_exe()?).arg("--bare"))
    }
}

// === impl Filled ===

impl Filled {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.bare { bare::serve().map(|()| 0) } else { measure(&arguments) };
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            println!("\n{missed} figures are not what they have to be.");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure(arguments: &Arguments) -> Outcome<u32> {
    let contents = Contents { tokens: arguments.tokens, users: arguments.users.max(1) };
    let round = Duration::from_secs_f64(arguments.seconds);
    let mut report = Report::default();
    let all = Section::value_variants();
    let sections = if arguments.sections.is_empty() { all } else { &arguments.sections };
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    println!("{} cores, load {load} before", cores());
    for kind in &arguments.stores {
        let mut bench = Bench::new(contents, round, arguments.rounds);
        bench.keep.clone_from(&arguments.filled);
        bench.kind = *kind;
        if arguments.stores.len() > 1 || *kind != Kind::Sqlite {
            report.store(if *kind == Kind::Sqlite { "SQLite" } else { "PostgreSQL" });
        }
        measure_store(&bench, sections, arguments, &mut report)?;
    }
    Ok(report.missed())
}

fn measure_store(
    bench: &Bench,
    sections: &[Section],
    arguments: &Arguments,
    report: &mut Report,
) -> Outcome {
    for section in sections {
        match section {
            Section::Check => check::run(bench, report)?,
            Section::Refresh => refresh::run(bench, report)?,
            // The others say nothing of the store, or need its file.
            _ if bench.kind == Kind::Postgresql => {}
            Section::Password => password::run(bench, report)?,
            Section::Start => start::run(bench, report)?,
            Section::Lists => lists::run(bench, report)?,
            Section::Cleanup => cleanup::run(bench, arguments.expired, report)?,
            Section::PluginCall => plugin_call::run(arguments.plugin.as_deref(), report)?,
            Section::Hang => hang::run(bench, arguments.hanging.as_deref(), report)?,
            Section::Instructions => instructions::run(bench, report)?,
        }
    }
    Ok(())
}

/// How many threads really run at once: so many the daemon has for connections.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Where this program and those it measures were built.
pub(crate) fn programs() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.parent().ok_or("this program is in no folder")?.to_owned())
}
