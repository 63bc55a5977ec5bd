//! How the commands beside the daemon begin and end.

use std::process::ExitCode;

use wazo_auth_config::{Config, Sources};

use crate::setup::Failure;

/// The configuration; what is doubtful in it is said.
pub(crate) fn load(sources: &Sources) -> Result<Config, Failure> {
    let config = wazo_auth_config::load(sources)?;
    config.warnings.iter().for_each(|warning| eprintln!("wazo-auth: {warning}"));
    Ok(config)
}

/// Says what came of it: a sentence, or why not.
pub(crate) fn end(program: &str, result: Result<String, Failure>) -> ExitCode {
    match result {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}
