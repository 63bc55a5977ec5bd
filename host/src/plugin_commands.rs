//! `wazo-auth plugin …`: what operators and authors ask about plugins. Nothing
//! of a plugin runs.

use std::{fmt::Write, path::Path, process::ExitCode};

use wazo_auth_config::Sources;
use wazo_auth_plugins::{Inspection, PluginReport, Registry, inspect};

use crate::{
    cli::{Cli, PluginCommand},
    setup,
};

pub(crate) fn run(cli: &Cli, command: &PluginCommand) -> ExitCode {
    let result = match command {
        PluginCommand::Inspect { file } => inspect_file(file),
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

fn list(cli: &Cli) -> Result<String, String> {
    let sources = Sources { config_file: cli.config_file.clone(), flags: cli.flags() };
    let config = wazo_auth_config::load(&sources).map_err(|error| error.to_string())?;
    config.warnings.iter().for_each(|warning| eprintln!("{warning}"));
    let mut text =
        format!("{:<10} {:<24} {:<10} {:<14} FILE\n", "KIND", "NAME", "VERSION", "STATE");
    for report in Registry::survey(&setup::plugin_settings(&config.settings)) {
        row(&mut text, &report);
    }
    Ok(text)
}

fn row(text: &mut String, report: &PluginReport) {
    let known = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let file =
        report.file.as_ref().map_or_else(|| "-".to_owned(), |file| file.display().to_string());
    let _ = writeln!(
        text,
        "{:<10} {:<24} {:<10} {:<14} {file}",
        known(&report.kind),
        known(&report.name),
        known(&report.version),
        report.state.as_str()
    );
    if let Some(reason) = &report.reason {
        let _ = writeln!(text, "{:<10} {}", "", reason.replace('\n', "\n           "));
    }
}
