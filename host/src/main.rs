//! `wazo-auth`: the daemon and the commands around it.

mod account;
mod certificate;
mod cleanup_task;
mod cli;
mod daemon;
mod db_commands;
mod environment;
mod plugin_commands;
mod setup;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match &cli.command {
        None => daemon::run(&cli),
        Some(Command::Plugin(command)) => plugin_commands::run(&cli, command),
        Some(Command::Db(command)) => db_commands::run(&cli, command),
    }
}
