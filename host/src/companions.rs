//! The programs around the daemon (config.md section 4.2). They are this one,
//! started under another name by a link, or as a command of its own.

pub(crate) mod bootstrap;
mod credentials;
pub(crate) mod init_db;
mod upgrade_db;
pub(crate) mod wait;

use std::{path::Path, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use wazo_auth_config::Sources;

use crate::{
    cli::{ConfigFile, Options},
    commands::end,
    stderr_log,
};

/// What the program is, beside the daemon.
#[derive(Debug, Subcommand)]
pub(crate) enum Companion {
    /// Make the first administrator, whether the daemon runs or not.
    Bootstrap(bootstrap::Arguments),
    /// Prepare what the database needs of its server.
    InitDb(init_db::Arguments),
    /// Make the database, or bring its schema up to date.
    ///
    /// Waits up to a minute for another that is just doing so.
    UpgradeDb,
    /// Wait until the daemon listens.
    Wait(wait::Arguments),
}

// The command line of a program that a link names. What it says of itself in its
// help is said by `A`.
#[derive(Debug, Parser)]
#[command(version, infer_long_args = true)]
struct Linked<A: Args> {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    arguments: A,
}

/// Make the database, or bring its schema up to date.
///
/// Waits up to a minute for another that is just doing so.
#[derive(Debug, Parser)]
#[command(version, infer_long_args = true)]
struct LinkedUpgradeDb {
    #[command(flatten)]
    options: Options,
}

/// Runs the program whose name this one was started under; nothing when that is
/// none of them.
pub(crate) fn run_if_linked() -> Option<ExitCode> {
    let started_as = std::env::args_os().next()?;
    let (sources, companion) = match Path::new(&started_as).file_name()?.to_str()? {
        "wazo-auth-bootstrap" => linked(Companion::Bootstrap),
        "wazo-auth-init-db" => linked(Companion::InitDb),
        "wazo-auth-wait" => linked(Companion::Wait),
        "wazo-auth-upgrade-db" => {
            (LinkedUpgradeDb::parse().options.sources(), Companion::UpgradeDb)
        }
        _ => return None,
    };
    Some(companion.run(&sources))
}

fn linked<A: Args>(companion: fn(A) -> Companion) -> (Sources, Companion) {
    let Linked { file, arguments } = Linked::parse();
    (file.sources(), companion(arguments))
}

// === impl Companion ===

impl Companion {
    /// Runs it to its end.
    pub(crate) fn run(&self, sources: &Sources) -> ExitCode {
        stderr_log::start("wazo-auth: ");
        match self {
            Self::Bootstrap(arguments) => bootstrap::run(sources, arguments),
            Self::InitDb(arguments) => end("wazo-auth-init-db", init_db::run(sources, arguments)),
            Self::UpgradeDb => end("wazo-auth-upgrade-db", upgrade_db::run(sources)),
            Self::Wait(arguments) => wait::run(sources, arguments),
        }
    }
}
