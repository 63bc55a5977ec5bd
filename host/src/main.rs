//! `wazo-auth`: the daemon and the commands around it.

mod account;
mod certificate;
mod check_config;
mod cleanup_task;
mod cli;
mod commands;
mod companions;
mod config_commands;
mod daemon;
mod db_commands;
mod descriptors;
mod environment;
mod events;
mod mails;
mod plugin_commands;
mod plugin_new;
mod plugin_trial;
mod plugin_worker;
mod priority;
mod setup;
mod status_socket;
mod stderr_log;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

fn main() -> ExitCode {
    if let Some(code) = companions::run_if_linked() {
        return code;
    }
    let cli = Cli::parse();
    match &cli.command {
        None => daemon::run(&cli),
        Some(Command::CheckConfig) => check_config::run(&cli),
        Some(Command::Config(command)) => config_commands::run(&cli, command),
        Some(Command::Plugin(command)) => plugin_commands::run(&cli, command),
        Some(Command::PluginWorker { daemon, .. }) => plugin_worker::run(*daemon),
        Some(Command::Db(command)) => db_commands::run(&cli, command),
        Some(Command::Companion(companion)) => companion.run(&cli.sources()),
    }
}
