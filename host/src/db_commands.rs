//! `wazo-auth db …`: copies of the database, and the form of its tokens.

mod copy;
mod tokens;

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _, stderr},
    path::Path,
    process::ExitCode,
};

use wazo_auth_config::Settings;
use wazo_auth_context::Context;
use wazo_auth_store::{
    SealedTokens, Sealer,
    backup::{self, Copying},
    key_file,
};

use crate::{
    cli::{Cli, DbCommand},
    commands::{end, load},
    environment,
    setup::{self, Failure},
    stderr_log,
};

pub(crate) fn run(cli: &Cli, command: &DbCommand) -> ExitCode {
    stderr_log::start("wazo-auth: ");
    end("wazo-auth", try_run(cli, command))
}

fn try_run(cli: &Cli, command: &DbCommand) -> Result<String, Failure> {
    let context = environment::context()?;
    let config = load(&cli.sources())?;
    let settings = &config.settings;
    let key = key_file::read(&settings.database.token_key_file)?;
    let sealer = key.map(|key| Sealer::new(&key));
    match command {
        DbCommand::Backup { file, force } => {
            back_up(settings, &context, sealer.as_ref(), file, *force)
        }
        DbCommand::Restore { file, force } => {
            restore(settings, &context, sealer.as_ref(), file, *force)
        }
        DbCommand::ForgetTokens => {
            setup::ensure_meant(&config)?;
            tokens::forget(settings, &context, sealer.as_ref())
        }
        DbCommand::Seal => tokens::seal(settings, &context, sealer),
        DbCommand::Detach => tokens::detach(settings, sealer.as_ref()),
        DbCommand::Copy { from, to } => copy::run(settings, &context, from, to),
    }
}

fn back_up(
    settings: &Settings,
    context: &Context,
    sealer: Option<&Sealer>,
    file: &Path,
    force: bool,
) -> Result<String, Failure> {
    let database = setup::sqlite_file(settings)?;
    let progress = &mut progress("pages copied");
    let copying = Copying { database, sealer, context, progress };
    let made = backup::back_up(copying, file, force)?;
    let key_file = settings.database.token_key_file.display();
    let mut text = format!("copied {} to {}", database.display(), file.display());
    let SealedTokens { readable, unreadable } = made.sealed;
    let _ = writeln!(text, " ({} bytes, {} tokens)", made.bytes, readable + unreadable);
    let _ = if unreadable > 0 {
        writeln!(text, "warning: {unreadable} of its tokens cannot be read with {key_file}")
    } else {
        writeln!(text, "keep a copy of {key_file} with it: its tokens cannot be read without")
    };
    Ok(text)
}

fn restore(
    settings: &Settings,
    context: &Context,
    sealer: Option<&Sealer>,
    file: &Path,
    force: bool,
) -> Result<String, Failure> {
    let database = setup::sqlite_file(settings)?;
    let progress = &mut progress("pages copied");
    let copying = Copying { database, sealer, context, progress };
    let restored = backup::restore(copying, file, force)?;
    let mut text = String::new();
    let _ = writeln!(text, "restored {} from {}", database.display(), file.display());
    if let Some(version) = restored.upgraded_from {
        let _ = writeln!(text, "its schema was of version {version} and was upgraded");
    }
    if restored.sealed.unreadable > 0 {
        let _ = writeln!(
            text,
            "{} of its {} tokens need another key and were left out",
            restored.sealed.unreadable,
            restored.sealed.readable + restored.sealed.unreadable
        );
    }
    if let Some(former) = restored.former {
        let _ = writeln!(text, "the former content is in {}", former.display());
    }
    Ok(text)
}

/// Shows how much of `what` is done, to a person only.
fn progress(what: &'static str) -> impl FnMut(u64, u64) {
    let mut shown = None;
    let terminal = stderr().is_terminal();
    move |done, all| {
        let percent = (done * 100).checked_div(all).unwrap_or(100);
        if terminal && shown != Some(percent) {
            shown = Some(percent);
            let end = if done == all { "\n" } else { "" };
            let _ = write!(stderr(), "\r{percent:3} % of {all} {what}{end}");
        }
    }
}
