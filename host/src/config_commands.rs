//! `wazo-auth config …`: where a value comes from.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use crate::cli::{Cli, ConfigCommand};

pub(crate) fn run(cli: &Cli, command: &ConfigCommand) -> ExitCode {
    let ConfigCommand::Show { origin } = *command;
    match wazo_auth_config::show(&cli.sources(), origin) {
        Ok((text, warnings)) => {
            warnings.iter().for_each(|warning| eprintln!("{warning}"));
            // A reader that has seen enough has closed the pipe.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
