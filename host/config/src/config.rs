//! From sources to settings.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::error::{Cause, ConfigError};
use crate::files::{self, Sources};
use crate::layer::{self, Layer, Origin};
use crate::settings::{Settings, value};
use crate::{merge, secrets, unused, yaml};

const DEFAULTS: &str = include_str!("defaults.yml");

/// The effective configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The typed view, for the daemon.
    pub settings: Settings,
    /// The merged tree with unknown keys and secrets, for `GET /config` and
    /// plugins; `log_level` stands in it as a number.
    pub tree: Map<String, Value>,
    /// What an operator should know, one sentence each; meant for stderr.
    pub warnings: Vec<String>,
    pub(crate) layers: Vec<Layer>,
}

/// Reads all sources and merges them (contract: config.md section 1).
///
/// # Errors
/// The main file is not valid, or a value has the wrong type. What cannot be
/// read, and invalid files of the extra directory, are warnings.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let files::Read { layers, findings } = self::sources(sources)?;
    Config::merge(layers, findings.iter().map(ToString::to_string).collect())
}

// === impl Config ===

impl Config {
    /// A configuration without any file: the defaults.
    ///
    /// # Errors
    /// None that a test of this crate would let through.
    pub fn defaults() -> Result<Self, ConfigError> {
        let defaults = defaults().map_err(|cause| ConfigError { warnings: Vec::new(), cause })?;
        Self::merge(vec![defaults], Vec::new())
    }

    fn merge(layers: Vec<Layer>, warnings: Vec<String>) -> Result<Self, ConfigError> {
        let tree = merged(&layers);
        match Settings::read(&tree, &layers) {
            Ok(settings) => Ok(Self::new(settings, tree, warnings, layers)),
            Err(error) => Err(ConfigError { warnings, cause: Cause::Setting(Box::new(error)) }),
        }
    }

    pub(crate) fn new(
        settings: Settings,
        mut tree: Map<String, Value>,
        warnings: Vec<String>,
        layers: Vec<Layer>,
    ) -> Self {
        let level = settings.process.log_level.number();
        tree.insert("log_level".to_owned(), level.into());
        Self { settings, tree, warnings, layers }
    }

    /// The tree without its secrets, for whoever asks over the network.
    #[must_use]
    pub fn shown(&self) -> Map<String, Value> {
        let shown = |(key, value): (&String, &Value)| {
            (key.clone(), secrets::all_shown(&mut vec![key.clone()], value))
        };
        let mut tree: Map<String, Value> = self.tree.iter().map(shown).collect();
        // What is a secret of a plugin, only the plugin knows.
        let plugins = tree.get_mut("plugins").and_then(Value::as_object_mut);
        for plugin in plugins.into_iter().flat_map(|plugins| plugins.values_mut()) {
            if let Some(config) = plugin.get_mut("config").filter(|config| !config.is_null()) {
                *config = secrets::HIDDEN.into();
            }
        }
        tree
    }

    /// Where the value at `path` stands, such as `["rest_api", "port"]`; none
    /// if no source sets it. Of a mapping or a list, the highest source that
    /// adds to it.
    #[must_use]
    pub fn origin(&self, path: &[&str]) -> Option<&Origin> {
        let path: Vec<String> = path.iter().map(|&step| step.to_owned()).collect();
        layer::locate(&self.layers, &path).map(|(layer, _)| &layer.origin)
    }

    /// Whether a file or the command line sets the value at `path`.
    #[must_use]
    pub fn is_set(&self, path: &[&str]) -> bool {
        self.origin(path).is_some_and(|origin| *origin != Origin::Defaults)
    }

    /// Keys that an operator has set but that have no effect in this version.
    #[must_use]
    pub fn unused_keys(&self) -> Vec<&'static str> {
        unused::keys(self)
    }
}

/// The tree of all sources, the highest first and the defaults last.
pub(crate) fn merged(layers: &[Layer]) -> Map<String, Value> {
    let mut tree = merge::merge(layers);
    if let Some(Layer { tree: defaults, .. }) = layers.last() {
        spell_booleans(&mut tree, defaults);
    }
    tree
}

/// All sources, the highest first and the defaults last, with what was amiss.
pub(crate) fn sources(sources: &Sources) -> Result<files::Read, ConfigError> {
    let failed = |cause| ConfigError { warnings: Vec::new(), cause };
    let defaults = defaults().map_err(failed)?;
    let extra_dir = defaults.tree.get("extra_config_files").and_then(Value::as_str);
    let extra_dir = PathBuf::from(extra_dir.unwrap_or_default());
    let mut read = files::read(sources, &extra_dir)
        .map_err(|main| failed(Cause::InvalidMainFile(Box::new(main.0))))?;
    read.layers.push(defaults);
    Ok(read)
}

pub(crate) fn defaults() -> Result<Layer, Cause> {
    let document =
        yaml::parse(DEFAULTS.as_bytes()).map_err(|error| Cause::Defaults(error.to_string()))?;
    Ok(Layer { origin: Origin::Defaults, tree: document.tree })
}

/// Turns the `yes` and `off` of YAML 1.1 into booleans where the default is
/// one, or where all entries of the default mapping are.
fn spell_booleans(tree: &mut Map<String, Value>, defaults: &Map<String, Value>) {
    let switches = !defaults.is_empty() && defaults.values().all(Value::is_boolean);
    for (key, value) in tree {
        match (value, defaults.get(key)) {
            (Value::Object(tree), Some(Value::Object(defaults))) => spell_booleans(tree, defaults),
            (value, default) => {
                let is_switch = default.map_or(switches, Value::is_boolean);
                if let Some(boolean) = value.as_str().and_then(value::boolean).filter(|_| is_switch)
                {
                    *value = Value::Bool(boolean);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
