//! All mistakes of a configuration at once.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::{Cause, ConfigError, Problem, SettingError};
use crate::finding::{Finding, Place, Severity};
use crate::layer::{self, Layer, Origin};
use crate::places::Places;
use crate::{Config, Settings, Sources, config, known, range, secrets};

/// Beyond so many wrong values, further ones tell nothing new.
const MOST_WRONG_VALUES: usize = 200;
/// Permission bit: every account may read.
const READABLE_BY_ALL: u32 = 0o004;

/// What was found in a configuration.
#[derive(Debug)]
pub struct Checked {
    /// Mistakes and warnings; see [`Checked::sort`].
    pub findings: Vec<Finding>,
    /// The files that were read, the main file first.
    pub files: Vec<PathBuf>,
    /// The configuration with every wrong value replaced by its default; none
    /// when the main file is not valid.
    pub config: Option<Config>,
    places: Places,
}

/// Reads the configuration as the daemon would (commands of `!exec` run) and
/// finds everything that is wrong with it by itself. Whether what it names is
/// there, such as files and accounts, is for the caller to find out.
#[must_use]
pub fn check(sources: &Sources) -> Checked {
    let mut checked = Checked {
        findings: Vec::new(),
        files: Vec::new(),
        config: None,
        places: Places::default(),
    };
    match config::sources(sources) {
        Ok(read) => {
            checked.findings = read.findings;
            checked.layers(read.layers, &sources.config_file);
        }
        Err(ConfigError { cause, .. }) => checked.stopped_by(cause),
    }
    checked
}

// === impl Checked ===

impl Checked {
    /// Adds a mistake about a key.
    pub fn mistake(&mut self, key: &[&str], sentence: impl Into<String>) {
        self.add(Severity::Mistake, &owned(key), sentence.into());
    }

    /// Adds a warning about a key.
    pub fn warning(&mut self, key: &[&str], sentence: impl Into<String>) {
        self.add(Severity::Warning, &owned(key), sentence.into());
    }

    /// Whether a mistake was found in the value of this key, or in a part of it.
    #[must_use]
    pub fn is_wrong(&self, key: &[&str]) -> bool {
        let key = key.join(".");
        let below = format!("{key}.");
        let mut mistakes = self.findings.iter().filter(|f| f.severity == Severity::Mistake);
        mistakes.any(|finding| finding.key == key || finding.key.starts_with(&below))
    }

    /// Brings the findings in the order of the files and their lines.
    pub fn sort(&mut self) {
        let files = &self.files;
        self.findings.sort_by_cached_key(|finding| {
            let (rank, path) = match &finding.place.origin {
                Some(Origin::File(path)) => {
                    (files.iter().position(|file| file == path), Some(path.clone()))
                }
                _ => (Some(files.len()), None),
            };
            // What could not be read comes first.
            (rank.map_or(0, |rank| rank + 1), path, finding.place.line)
        });
    }

    fn add(&mut self, severity: Severity, path: &[String], sentence: String) {
        let layers = self.config.as_ref().map_or(&[][..], |config| &config.layers);
        let place = self.places.merged(layers, path);
        self.findings.push(Finding { severity, place, key: path.join("."), sentence });
    }

    fn stopped_by(&mut self, cause: Cause) {
        let finding = match cause {
            Cause::InvalidMainFile(finding) => *finding,
            Cause::Setting(error) => error.finding(),
            Cause::Defaults(_) => Finding {
                severity: Severity::Mistake,
                place: Place::default(),
                key: String::new(),
                sentence: cause.to_string(),
            },
        };
        self.findings.push(finding);
    }

    fn layers(&mut self, layers: Vec<Layer>, main: &Path) {
        let mut files: Vec<PathBuf> = layers
            .iter()
            .filter_map(|layer| match &layer.origin {
                Origin::File(path) => Some(path.clone()),
                Origin::Flags | Origin::Defaults => None,
            })
            .collect();
        // The main file is the lowest source, and the first one read.
        files.sort_by_key(|file| file != main);
        self.files = files;
        for layer in &layers {
            // The lines are read now: later the account may be another one.
            self.places.entry(layer, &[]);
            self.unknown_keys(layer);
            self.exposed_secrets(layer);
        }
        self.values(layers);
        self.senseless();
        self.ineffective();
    }

    /// Values that no type refuses.
    fn senseless(&mut self) {
        let Some(config) = &self.config else { return };
        for (severity, path, sentence) in range::check(&config.settings, &config.tree) {
            if !self.is_wrong(&path.iter().map(String::as_str).collect::<Vec<_>>()) {
                self.add(severity, &path, sentence);
            }
        }
    }

    /// Keys that ask for what this version does not do.
    fn ineffective(&mut self) {
        const SENTENCE: &str = "it is configured, but has no effect in this version";
        let Some(config) = &self.config else { return };
        let (unused, cors) = (config.unused_keys(), config.settings.rest_api.cors.others.clone());
        unused.iter().for_each(|key| self.warning(&[key], SENTENCE));
        for key in cors.keys().map(|key| ["rest_api", "cors", key]) {
            if !self.is_wrong(&key) {
                self.warning(&key, SENTENCE);
            }
        }
    }

    fn unknown_keys(&mut self, layer: &Layer) {
        if !matches!(layer.origin, Origin::File(_)) {
            return;
        }
        for path in known::unknown_keys(&layer.tree) {
            let place = self.places.in_layer(layer, &path);
            let is_foreign = known::is_foreign(&path, layer::lookup(&layer.tree, &path));
            let (severity, sentence) = if is_foreign {
                let sentence =
                    "the daemon knows no such key: it is kept for plugins and `GET /config`";
                (Severity::Warning, sentence.to_owned())
            } else {
                (Severity::Mistake, known::unknown_key(&path))
            };
            self.findings.push(Finding { severity, place, key: path.join("."), sentence });
        }
    }

    /// One finding per file is enough: of what is a secret for sure, otherwise of
    /// what looks like one.
    fn exposed_secrets(&mut self, layer: &Layer) {
        let Origin::File(file) = &layer.origin else { return };
        let Ok(metadata) = fs::metadata(file) else { return };
        if !metadata.is_file() || metadata.mode() & READABLE_BY_ALL == 0 {
            return;
        }
        let mut first = |is_one: fn(&[String], &Value) -> bool| {
            first_value(&layer.tree, |path, value| {
                let place = is_one(path, value).then(|| self.places.entry(layer, path));
                place.is_some_and(|entry| !entry.is_some_and(|entry| entry.is_exec))
            })
        };
        let (severity, what, path) = if let Some(path) = first(secrets::is_surely_one) {
            (Severity::Mistake, "this secret", path)
        } else if let Some(path) = first(secrets::may_be_one) {
            (Severity::Warning, "what looks like a secret", path)
        } else {
            return;
        };
        let place = self.places.in_layer(layer, &path);
        let (mode, file) = (metadata.mode() & 0o7777, file.display());
        let sentence = format!(
            "{what} can be read by every account of the machine (mode {mode:03o}): \
             run `chmod o= {file}`"
        );
        self.findings.push(Finding { severity, place, key: path.join("."), sentence });
    }

    /// Reads the settings again and again, each time without the value that was
    /// wrong before.
    fn values(&mut self, layers: Vec<Layer>) {
        let defaults = layers.last().map(|layer| layer.tree.clone()).unwrap_or_default();
        let mut tree = Value::Object(config::merged(&layers));
        let mut repaired = HashSet::new();
        for _ in 0..MOST_WRONG_VALUES {
            let Value::Object(map) = &tree else { return };
            let error = match Settings::read(map, &layers) {
                Ok(settings) => {
                    let map = map.clone();
                    self.config = Some(Config::new(settings, map, Vec::new(), layers));
                    return;
                }
                Err(error) => error,
            };
            let finding = error.finding();
            if !self.findings.iter().any(|known| known.key == finding.key) {
                self.findings.push(finding);
            }
            if error.path.is_empty() || !repaired.insert(error.path.clone()) {
                return;
            }
            repair(&mut tree, &defaults, &error);
        }
    }
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|&step| step.to_owned()).collect()
}

/// The first value that is accepted, but for lists and sections.
fn first_value(
    tree: &Map<String, Value>,
    mut accept: impl FnMut(&[String], &Value) -> bool,
) -> Option<Vec<String>> {
    let mut left: Vec<(Vec<String>, &Value)> = Vec::new();
    let entries = tree.iter().map(|(key, value)| (vec![key.clone()], value));
    left.extend(entries.rev());
    while let Some((path, value)) = left.pop() {
        let below = |step: String| path.iter().cloned().chain([step]).collect();
        match value {
            Value::Object(map) => {
                left.extend(map.iter().rev().map(|(key, value)| (below(key.clone()), value)));
            }
            Value::Array(list) => {
                let items = list.iter().enumerate().rev();
                left.extend(items.map(|(index, value)| (below(index.to_string()), value)));
            }
            scalar if accept(&path, scalar) => return Some(path),
            _ => {}
        }
    }
    None
}

/// Makes the tree as if the wrong value had not been configured.
fn repair(tree: &mut Value, defaults: &Map<String, Value>, error: &SettingError) {
    let Some((key, section)) = error.path.split_last() else { return };
    let default = layer::lookup(defaults, &error.path);
    match error.problem {
        Problem::Missing { .. } if default.is_some() => {
            // Its neighbours are missing for the same reason.
            let neighbours = match section {
                [] => Some(defaults),
                _ => layer::lookup(defaults, section).and_then(Value::as_object),
            };
            let Some(Value::Object(section)) = value_at(tree, section) else { return };
            for (key, value) in neighbours.into_iter().flatten() {
                section.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        Problem::Missing { .. } => {
            if let Some((entry, around)) = section.split_last() {
                put(tree, around, entry, None);
            }
        }
        Problem::Wrong(_) | Problem::Unknown => put(tree, section, key, default.cloned()),
    }
}

/// Sets or removes the value of a key. The item of a list becomes the empty
/// text instead, so that the others keep their places.
fn put(tree: &mut Value, section: &[String], key: &str, value: Option<Value>) {
    match (value_at(tree, section), value) {
        (Some(Value::Object(map)), Some(value)) => {
            map.insert(key.to_owned(), value);
        }
        (Some(Value::Object(map)), None) => {
            map.shift_remove(key);
        }
        (Some(Value::Array(list)), _) => {
            if let Some(item) = key.parse().ok().and_then(|index: usize| list.get_mut(index)) {
                *item = Value::String(String::new());
            }
        }
        _ => {}
    }
}

fn value_at<'a>(tree: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(tree, |value, step| match value {
        Value::Object(map) => map.get_mut(step),
        Value::Array(list) => list.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
