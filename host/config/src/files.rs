//! Reads the main file and the extra directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::finding::{Finding, Place, Severity};
use crate::layer::{Layer, Origin};
use crate::lines::Lines;
use crate::places::Places;
use crate::yaml::{self, Document, ParseError};

/// What a daemon is told on its command line about configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Sources {
    /// The main file.
    pub config_file: PathBuf,
    /// Values given on the command line.
    pub flags: crate::Flags,
}

/// What was read, the highest source first and without the defaults.
pub(crate) struct Read {
    pub layers: Vec<Layer>,
    pub findings: Vec<Finding>,
}

/// The main file is not valid: what is wrong with it.
pub(crate) struct InvalidMainFile(pub Finding);

// === impl Sources ===

impl Default for Sources {
    fn default() -> Self {
        Self { config_file: "/etc/wazo-auth/config.yml".into(), flags: crate::Flags::default() }
    }
}

/// Reads the files that `sources` names; `default_dir` is the extra directory
/// unless the main file names another.
pub(crate) fn read(sources: &Sources, default_dir: &Path) -> Result<Read, InvalidMainFile> {
    let mut findings = Vec::new();
    let path = &sources.config_file;
    let main = match fs::read(path) {
        Ok(bytes) => match yaml::parse(&bytes) {
            Ok(document) => Some(layer(path.clone(), document, &bytes, &mut findings)),
            Err(error) => {
                let end = "the daemon does not start with it";
                return Err(InvalidMainFile(invalid(path, &bytes, &error, end)));
            }
        },
        Err(error) => {
            findings.push(mistake(
                path,
                format!("cannot be read: {error}; the daemon goes on without it"),
            ));
            None
        }
    };
    let dir = extra_dir(main.as_ref(), default_dir, &mut findings);
    let mut layers = vec![sources.flags.layer(&sources.config_file)];
    if let Some((dir, missing)) = dir {
        layers.extend(extra_files(&dir, missing, &mut findings));
    }
    layers.extend(main);
    Ok(Read { layers, findings })
}

/// The extra directory: the default one unless the main file names another, or
/// none; and how serious it is when it is missing.
fn extra_dir(
    main: Option<&Layer>,
    default: &Path,
    findings: &mut Vec<Finding>,
) -> Option<(PathBuf, Severity)> {
    let main = main.filter(|layer| layer.tree.contains_key("extra_config_files"));
    let Some(layer) = main else {
        return Some((default.to_owned(), Severity::Warning));
    };
    match &layer.tree["extra_config_files"] {
        Value::String(dir) if !dir.is_empty() => Some((PathBuf::from(dir), Severity::Mistake)),
        Value::Null | Value::String(_) => None,
        other => {
            let place = Places::default().in_layer(layer, &["extra_config_files".to_owned()]);
            let sentence = format!(
                "it is {}, but must be the path of a directory; the daemon goes on without \
                 extra files",
                crate::kind(other)
            );
            let key = "extra_config_files".to_owned();
            findings.push(Finding { severity: Severity::Mistake, place, key, sentence });
            None
        }
    }
}

/// The files of the extra directory, those that win first.
fn extra_files(dir: &Path, missing: Severity, findings: &mut Vec<Finding>) -> Vec<Layer> {
    let paths = match extra_paths(dir) {
        Ok(paths) => paths,
        Err(error) => {
            let sentence = format!(
                "the directory of extra files (`extra_config_files`) cannot be read: {error}; \
                 the daemon goes on without it"
            );
            findings.push(Finding::of_file(missing, dir, sentence));
            return Vec::new();
        }
    };
    paths.into_iter().filter_map(|path| extra_file(path, findings)).collect()
}

fn extra_file(path: PathBuf, findings: &mut Vec<Finding>) -> Option<Layer> {
    match fs::read(&path) {
        Ok(bytes) => match yaml::parse(&bytes) {
            Ok(document) => Some(layer(path, document, &bytes, findings)),
            Err(error) => {
                findings.push(invalid(&path, &bytes, &error, "the file is skipped"));
                None
            }
        },
        Err(error) => {
            findings.push(mistake(&path, format!("cannot be read: {error}; the file is skipped")));
            None
        }
    }
}

/// Names that end in `.yml` and do not start with `.`, in alphabetical order.
fn extra_paths(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.ends_with(b".yml") && !bytes.starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}

fn layer(path: PathBuf, document: Document, bytes: &[u8], findings: &mut Vec<Finding>) -> Layer {
    if !document.repeated.is_empty() {
        let lines = Lines::scan(&String::from_utf8_lossy(bytes));
        for key in document.repeated {
            let sentence = "it is given twice in one mapping, and the last one counts: remove one";
            let line = lines.repeated.iter().find(|(repeated, _)| *repeated == key);
            let place = Place {
                origin: Some(Origin::File(path.clone())),
                line: line.map(|(_, line)| *line),
                column: None,
            };
            let sentence = sentence.to_owned();
            findings.push(Finding { severity: Severity::Mistake, place, key, sentence });
        }
    }
    Layer { origin: Origin::File(path), tree: document.tree }
}

fn mistake(path: &Path, sentence: String) -> Finding {
    Finding::of_file(Severity::Mistake, path, sentence)
}

/// A file that is no configuration, and what becomes of it.
fn invalid(path: &Path, bytes: &[u8], error: &ParseError, end: &str) -> Finding {
    let mut reason = error.to_string();
    let location = error.location();
    if let Some((line, column)) = location {
        reason = reason.replacen(&format!(" at line {line} column {column}"), "", 1);
        let text = String::from_utf8_lossy(bytes);
        let line = text.lines().nth(line - 1).unwrap_or_default();
        if line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t') {
            reason.push_str(" (there is a tab: YAML is indented with spaces)");
        }
    }
    let mut finding = mistake(path, format!("not valid: {reason}; {end}"));
    (finding.place.line, finding.place.column) = location.unzip();
    finding
}
