//! `wazo-auth plugin …`: what operators and authors ask about plugins. Nothing
//! of a plugin runs in this process.

use std::{fmt::Write, path::Path, process::ExitCode, time::Duration};

use wazo_auth_config::Config;
use wazo_auth_plugins::{
    Candidate, Checked, Extent, Inspection, Isolation, Outcome, PluginReport, Registry, Start,
    Trial, inspect,
};

use crate::{
    account::{self, AccountError},
    cli::{Cli, Place, PluginCommand},
    plugin_new, plugin_trial, setup, status_socket,
};

/// Time that a plugin may take for each step of a trial, unless its timeout is
/// configured: somebody is waiting.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn run(cli: &Cli, command: &PluginCommand) -> ExitCode {
    let result = match command {
        PluginCommand::New(new) => plugin_new::run(new),
        PluginCommand::Inspect { file } => inspect_file(file),
        PluginCommand::Check { conformance, isolation, file } => {
            let extent = if *conformance { Extent::Conformance } else { Extent::Whole };
            check(cli, file, extent, isolation.map(Isolation::from))
        }
        PluginCommand::Trial { open_only, conformance, kind, name, file } => {
            let extent = match (open_only, conformance) {
                (true, _) => Extent::Open,
                (_, Some(_)) => Extent::Conformance,
                _ => Extent::Whole,
            };
            let timeout = Duration::try_from_secs_f64(conformance.unwrap_or_default());
            let timeout = timeout.unwrap_or(TRIAL_TIMEOUT);
            return plugin_trial::run(Trial { file, kind, name, config: "", extent, timeout });
        }
        PluginCommand::List => list(cli),
    };
    match result {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// What a library offers, then whether it fits; an error when it does not.
fn inspect_file(file: &Path) -> Result<String, String> {
    let inspection = inspect(file).map_err(|error| error.to_string())?;
    let text = describe(&inspection);
    match inspection.fits_in_process() {
        Ok(()) => Ok(text + "verdict:    fits this daemon\n"),
        Err(error) => Err(format!("{text}verdict:    {error}")),
    }
}

fn describe(inspection: &Inspection) -> String {
    let manifest = &inspection.manifest;
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{:<11} {value}", format!("{name}:"));
    };
    line("file", &inspection.file.display());
    line("package", &format_args!("{} {}", manifest.package.name, manifest.package.version));
    for plugin in &manifest.plugins {
        line("offers", &format_args!("{} `{}` {}", plugin.kind, plugin.name, plugin.version));
    }
    line("plugin API", &manifest.plugin_api);
    line("target", &manifest.target);
    line("panics", &manifest.panic);
    line("built by", &manifest.build);
    text
}

/// Tries out every plugin of a library; an error when one of them does not fit.
fn check(
    cli: &Cli,
    file: &Path,
    extent: Extent,
    isolation: Option<Isolation>,
) -> Result<String, String> {
    let config = load_config(cli)?;
    become_the_daemons_user(&config)?;
    let settings = setup::plugin_settings(&config.settings);
    let mut text = String::new();
    let mut all_fit = true;
    for Checked { kind, name, start } in wazo_auth_plugins::check(&settings, file, isolation)? {
        let outcome = start.and_then(|mut start| {
            if !config.is_set(&["plugins", &name, "timeout"]) {
                start.timeout = TRIAL_TIMEOUT;
            }
            try_out(&kind, &name, file, extent, &start)
        });
        all_fit &= outcome.is_ok();
        let verdict = match outcome {
            Ok(outcome) => format!("fits: {}", described(outcome)),
            Err(sentence) => format!("does not fit: {sentence}"),
        };
        let _ = writeln!(text, "{kind} `{name}` {verdict}");
    }
    if all_fit { Ok(text) } else { Err(text.trim_end().to_owned()) }
}

/// Tries a plugin out where it would run. None of it runs in this process.
fn try_out(
    kind: &str,
    name: &str,
    file: &Path,
    extent: Extent,
    start: &Start,
) -> Result<Outcome, String> {
    let Start { timeout, config, isolation } = start;
    if *isolation == Isolation::Process {
        return Trial { file, kind, name, config, extent, timeout: *timeout }.run_caged();
    }
    let candidate = Candidate { kind, name, file, timeout: *timeout };
    plugin_trial::watch(&candidate, extent, config)
        .map_err(|error| format!("its trial could not be run: {error}"))?
}

/// What root checks, it checks as the daemon would load it. Where the account
/// of the defaults does not exist, there is no daemon yet.
fn become_the_daemons_user(config: &Config) -> Result<(), String> {
    let Some(user) = config.settings.process.user.as_ref() else { return Ok(()) };
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    match account::switch_to(user) {
        Err(AccountError::Unknown(_)) if !config.is_set(&["user"]) => Ok(()),
        switched => switched.map_err(|error| error.to_string()),
    }
}

fn described(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Opened => "it was loaded",
        Outcome::Made => "it was loaded and made",
        Outcome::Conforms => "it was loaded and made, and conforms",
        Outcome::Answered => "it was loaded and made, and answered a trial login",
        Outcome::Asked => {
            "it was loaded; a trial goes no further, as it asks for what only the running daemon has"
        }
    }
}

fn load_config(cli: &Cli) -> Result<Config, String> {
    let config = wazo_auth_config::load(&cli.sources()).map_err(|error| error.to_string())?;
    config.warnings.iter().for_each(|warning| eprintln!("{warning}"));
    Ok(config)
}

/// The plugins of the running daemon, or else what one would load.
fn list(cli: &Cli) -> Result<String, String> {
    let config = load_config(cli)?;
    let asked = status_socket::ask(&config.settings).unwrap_or_else(|sentence| {
        eprintln!("{sentence}");
        None
    });
    let figures = if asked.is_some() { FIGURES } else { "" };
    let reports = asked.unwrap_or_else(|| {
        eprintln!("no daemon was asked: this is what the configuration finds");
        Registry::survey(&setup::plugin_settings(&config.settings))
    });
    let mut text = format!(
        "KIND               NAME                     VERSION    STATE          ISOLATION  {figures}FILE\n"
    );
    for report in &reports {
        row(&mut text, report, !figures.is_empty());
    }
    Ok(text)
}

/// What only a running daemon knows.
const FIGURES: &str = "CALLS    PANICS TIME-OUTS CRASHES ";

fn row(text: &mut String, report: &PluginReport, has_figures: bool) {
    let known = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let file =
        report.file.as_ref().map_or_else(|| "-".to_owned(), |file| file.display().to_string());
    let PluginReport { calls, panics, time_outs, crashes, .. } = report;
    let figures = match has_figures {
        true => format!("{calls:<8} {panics:<6} {time_outs:<9} {crashes:<7} "),
        false => String::new(),
    };
    let _ = writeln!(
        text,
        "{:<18} {:<24} {:<10} {:<14} {:<10} {figures}{file}",
        known(&report.kind),
        known(&report.name),
        known(&report.version),
        report.state.as_str(),
        match report.isolation {
            Isolation::InProcess => "in_process",
            Isolation::Process => "process",
        }
    );
    for line in more(report) {
        let _ = writeln!(text, "{:<18} {}", "", line.replace('\n', "\n                   "));
    }
}

/// What has no column.
fn more(report: &PluginReport) -> Vec<String> {
    let mut lines: Vec<String> = report.reason.iter().cloned().collect();
    if let Some(seconds) = report.quarantined_for {
        lines.push(format!("not called for {seconds} s, as it kept failing"));
    }
    if let Some(error) = &report.last_error {
        lines.push(format!("last error: {error}"));
    }
    if let Some(accesses) = &report.accesses {
        let of_kind = "what its kind needs".to_owned();
        lines.push(format!(
            "may ask the daemon for {}",
            [&[of_kind], &accesses[..]].concat().join(", ")
        ));
    }
    lines
}

// === impl Place ===

impl From<Place> for Isolation {
    fn from(place: Place) -> Self {
        match place {
            Place::InProcess => Self::InProcess,
            Place::Process => Self::Process,
        }
    }
}
