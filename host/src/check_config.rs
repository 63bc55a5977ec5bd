//! `wazo-auth check-config`: everything that is wrong with the configuration,
//! found before the daemon is started with it. Nothing is made or changed, and
//! nothing of a plugin runs.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use wazo_auth_config::{Checked, Finding, Place, Settings, Severity};
use wazo_auth_events::BrokerError;

use crate::{
    account::{self, AccountError},
    cli::Cli,
    environment, events, mails, setup,
};

mod files;
mod plugins;
mod socket;

pub(crate) fn run(cli: &Cli) -> ExitCode {
    let mut checked = wazo_auth_config::check(&cli.sources());
    let context = environment::context().map_err(|sentence| checked.findings.push(plain(sentence)));
    if let Some(settings) = checked.config.as_ref().map(|config| config.settings.clone()) {
        // In the order of the daemon: what comes later is done by its account.
        files::log_file(&mut checked, &settings);
        account(&mut checked, &settings);
        files::database(&mut checked, &settings);
        files::token_key(&mut checked, &settings);
        if let Ok(context) = context {
            files::certificate(&mut checked, &settings, &context);
        }
        plugins::check(&mut checked, &settings);
        mails(&mut checked, &settings);
        initial_user(&mut checked, &settings);
        events(&mut checked);
        socket::check(&mut checked, &settings);
    }
    checked.sort();
    let (text, code) = report(&checked);
    // A reader that has seen enough has closed the pipe.
    let _ = io::stdout().write_all(text.as_bytes());
    code
}

/// A mistake outside the configuration.
fn plain(sentence: String) -> Finding {
    let (severity, place) = (Severity::Mistake, Place::default());
    Finding { severity, place, key: String::new(), sentence }
}

fn report(checked: &Checked) -> (String, ExitCode) {
    let mut text = String::new();
    for finding in &checked.findings {
        let _ = writeln!(text, "{finding}");
    }
    let count = |severity| checked.findings.iter().filter(|f| f.severity == severity).count();
    let (mistakes, warnings) = (count(Severity::Mistake), count(Severity::Warning));
    let files: Vec<_> = checked.files.iter().map(|file| file.display().to_string()).collect();
    let files = if files.is_empty() { "no file".to_owned() } else { files.join(", ") };
    let numbers = match (mistakes, warnings) {
        (0, 0) => "no mistakes".to_owned(),
        (0, warnings) => format!("no mistakes, {}", number(warnings, "warning")),
        (mistakes, 0) => number(mistakes, "mistake"),
        _ => format!("{}, {}", number(mistakes, "mistake"), number(warnings, "warning")),
    };
    let _ = writeln!(text, "{numbers}; read: {files}");
    (text, if mistakes == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn number(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Becomes the daemon's account, so that what follows is checked with its rights.
fn account(checked: &mut Checked, settings: &Settings) {
    let Some(user) = settings.process.user.as_ref().filter(|_| !checked.is_wrong(&["user"])) else {
        return;
    };
    match account::switch_to(user) {
        Ok(()) => {}
        Err(error @ AccountError::Unknown(_)) => checked.mistake(&["user"], error.to_string()),
        // The daemon is started by somebody else, as a rule.
        Err(error @ AccountError::NotPermitted { .. }) => checked.warning(
            &["user"],
            format!("{error}; the rest was checked with the rights of who ran this command"),
        ),
    }
}

fn events(checked: &mut Checked) {
    let amqp = checked.config.as_ref().and_then(events::wanted);
    let Some(Err(error)) = amqp.map(events::broker) else { return };
    let key = match error {
        BrokerError::ExchangeName => "exchange_name",
        BrokerError::CaFile { .. } | BrokerError::CaFileWithoutTls => "ca_file",
        _ => "uri",
    };
    checked.mistake(&["amqp", key], error.to_string());
}

fn mails(checked: &mut Checked, settings: &Settings) {
    for (template, error) in mails::templates(settings).check() {
        let key = [mails::key(template)];
        if !checked.is_wrong(&key) {
            checked.mistake(&key, error.to_string());
        }
    }
    if let Err(error) = mails::page_type(settings) {
        checked.mistake(&["email_confirmation_get_mimetype"], error.to_string());
    }
}

fn initial_user(checked: &mut Checked, settings: &Settings) {
    let keys = ["bootstrap_user_username", "bootstrap_user_password"];
    if keys.iter().any(|key| checked.is_wrong(&[key])) {
        return;
    }
    if let Err(error) = setup::initial_user(settings) {
        checked.mistake(&["bootstrap_user_on_startup"], error.to_string());
    }
}
