//! Reads the main file and the extra directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::layer::{Layer, Origin};
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
    pub warnings: Vec<String>,
}

/// The main file is not valid.
pub(crate) struct InvalidMainFile {
    pub path: PathBuf,
    pub source: ParseError,
    pub warnings: Vec<String>,
}

// === impl Sources ===

impl Default for Sources {
    fn default() -> Self {
        Self { config_file: "/etc/wazo-auth/config.yml".into(), flags: crate::Flags::default() }
    }
}

/// Reads the files that `sources` names; `default_dir` is the extra directory
/// unless the main file names another.
pub(crate) fn read(sources: &Sources, default_dir: &Path) -> Result<Read, InvalidMainFile> {
    let mut warnings = Vec::new();
    let path = sources.config_file.clone();
    let main = match fs::read(&path) {
        Ok(bytes) => match yaml::parse(&bytes) {
            Ok(document) => Some(layer(path, document, &mut warnings)),
            Err(source) => return Err(InvalidMainFile { path, source, warnings }),
        },
        Err(error) => {
            warnings.push(format!(
                "The configuration file {} cannot be read: {error}. Going on without it.",
                path.display()
            ));
            None
        }
    };
    let dir = extra_dir(main.as_ref(), default_dir, &mut warnings);
    let mut layers = vec![sources.flags.layer(&sources.config_file)];
    layers.extend(dir.iter().flat_map(|dir| extra_files(dir, &mut warnings)));
    layers.extend(main);
    Ok(Read { layers, warnings })
}

/// The extra directory: the default one unless the main file names another, or none.
fn extra_dir(main: Option<&Layer>, default: &Path, warnings: &mut Vec<String>) -> Option<PathBuf> {
    let main = main.filter(|layer| layer.tree.contains_key("extra_config_files"));
    let Some(Layer { origin, tree }) = main else { return Some(default.to_owned()) };
    match &tree["extra_config_files"] {
        Value::String(dir) if !dir.is_empty() => Some(PathBuf::from(dir)),
        Value::Null | Value::String(_) => None,
        other => {
            warnings.push(format!(
                "`extra_config_files` in {origin} is {}, but must be the path of a directory. \
                 Going on without extra files.",
                crate::kind(other)
            ));
            None
        }
    }
}

/// The files of the extra directory, those that win first.
fn extra_files(dir: &Path, warnings: &mut Vec<String>) -> Vec<Layer> {
    let paths = match extra_paths(dir) {
        Ok(paths) => paths,
        Err(error) => {
            warnings.push(format!(
                "The directory {} of extra configuration files cannot be read: {error}. \
                 Going on without it.",
                dir.display()
            ));
            return Vec::new();
        }
    };
    paths.into_iter().filter_map(|path| extra_file(path, warnings)).collect()
}

fn extra_file(path: PathBuf, warnings: &mut Vec<String>) -> Option<Layer> {
    match fs::read(&path).map(|bytes| yaml::parse(&bytes)) {
        Ok(Ok(document)) => Some(layer(path, document, warnings)),
        Ok(Err(error)) => {
            warnings.push(format!(
                "The configuration file {} is not valid and is skipped: {error}.",
                path.display()
            ));
            None
        }
        Err(error) => {
            warnings.push(format!(
                "The configuration file {} cannot be read and is skipped: {error}.",
                path.display()
            ));
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

fn layer(path: PathBuf, document: Document, warnings: &mut Vec<String>) -> Layer {
    warnings
        .extend(document.remarks.iter().map(|remark| format!("In {}, {remark}.", path.display())));
    Layer { origin: Origin::File(path), tree: document.tree }
}
