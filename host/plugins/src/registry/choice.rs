//! From an enabled name to the file that is to be opened for it. Nothing of a
//! file runs here.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;

use crate::{
    Inspection, Isolation, LoadError, PluginOptions, Settings, inspect, kind, load::check_digest,
    registry::catalog::Catalog, text::one_line,
};

/// Finds and checks the file of each plugin.
#[derive(Clone, Copy)]
pub(crate) struct Choices<'a> {
    settings: &'a Settings,
    catalog: &'a Catalog,
}

/// The file of a plugin: fit to be opened, with the right digest.
pub(crate) struct Choice {
    pub(crate) inspection: Inspection,
    /// Whether the configuration names the file itself.
    pub(crate) has_path: bool,
    /// The version of the plugin.
    pub(crate) version: String,
    pub(crate) isolation: Isolation,
    /// The digest that the file has to have.
    pub(crate) sha256: Option<String>,
    /// Time that a call may take.
    pub(crate) timeout: Duration,
    pub(crate) max_concurrent_calls: usize,
    /// What is handed to the plugin, in JSON.
    pub(crate) config: String,
    /// What it may have the daemon do; none: everything.
    pub(crate) accesses: Option<Vec<String>>,
}

/// Why an enabled plugin is not there.
pub(crate) enum Absent {
    /// No file offers it.
    NotInstalled,
    /// There is a file, or what is configured is wrong.
    Refused(Refusal),
}

/// What is wrong, and with which file if there is one.
pub(crate) struct Refusal {
    pub(crate) file: Option<PathBuf>,
    pub(crate) reason: String,
}

// === impl Choices ===

impl<'a> Choices<'a> {
    pub(crate) fn new(settings: &'a Settings, catalog: &'a Catalog) -> Self {
        Self { settings, catalog }
    }

    /// The enabled plugins of a kind in the order in which they are loaded,
    /// without those of a later version.
    pub(crate) fn enabled(&self, kind: &str) -> Vec<&'a str> {
        let mut names = self.settings.enabled(kind);
        names.retain(|name| !kind::is_to_come(kind, name) || self.is_there(kind, name));
        names
    }

    /// Whether all of what is enabled by default of a kind is part of this
    /// version, and a plugin.
    pub(crate) fn is_complete(&self, kind: &str) -> bool {
        kind != kind::HTTP && self.enabled(kind).len() == self.settings.enabled(kind).len()
    }

    /// Whether somebody offers a plugin that is no stock one yet.
    fn is_there(&self, kind: &str, name: &str) -> bool {
        self.settings.plugins.get(name).is_some_and(|options| options.path.is_some())
            || self.catalog.offering(kind, name).next().is_some()
    }

    /// Two files that offer the same plugin: which one runs must not depend on
    /// their names.
    pub(crate) fn check_single(&self, kind: &'static str, name: &str) -> Result<(), LoadError> {
        if self.settings.plugins.get(name).is_some_and(|options| options.path.is_some()) {
            return Ok(());
        }
        let mut files = self.catalog.offering(kind, name).map(|found| found.file.clone());
        match (files.next(), files.next()) {
            (Some(first), Some(second)) => {
                Err(LoadError::Ambiguous { kind, name: name.to_owned(), first, second })
            }
            _ => Ok(()),
        }
    }

    /// The file that is to be opened for a plugin.
    pub(crate) fn choose(&self, kind: &str, name: &str) -> Result<Choice, Absent> {
        let default = PluginOptions::default();
        let options = self.settings.plugins.get(name).unwrap_or(&default);
        let timeout = check_options(name, options).map_err(|reason| refused(None, reason))?;
        if kind == kind::BACKEND && METHODS.contains(&name) {
            let reason = format!(
                "`{name}` is an authentication method of the daemon's own; a backend needs another \
                 name"
            );
            return Err(refused(None, reason));
        }
        let inspection = self.find(kind, name, options)?;
        let version = inspection.offers(kind, name).unwrap_or_default().to_owned();
        let unfit = |error: &dyn std::error::Error| {
            refused(Some(inspection.file.clone()), error.to_string())
        };
        let fits = match options.isolation {
            Isolation::InProcess => inspection.fits_in_process(),
            Isolation::Process => inspection.fits(),
        };
        fits.map_err(|error| unfit(&error))?;
        check_digest(name, &inspection, options.sha256.as_deref())
            .map_err(|error| unfit(&error))?;
        let config = match &options.config {
            Value::Null => "{}".to_owned(),
            config => config.to_string(),
        };
        let PluginOptions { isolation, max_concurrent_calls, .. } = *options;
        let sha256 = options.sha256.clone();
        let has_path = options.path.is_some();
        Ok(Choice {
            inspection,
            has_path,
            version,
            isolation,
            sha256,
            timeout,
            max_concurrent_calls,
            config,
            accesses: options.bound(),
        })
    }

    /// The file of a plugin: the configured one, or the one that offers it.
    fn find(&self, kind: &str, name: &str, options: &PluginOptions) -> Result<Inspection, Absent> {
        let Some(path) = &options.path else {
            let found = self.catalog.offering(kind, name).next().cloned();
            return found.ok_or_else(|| self.why_not_offered(kind, name));
        };
        let found =
            inspect(path).map_err(|error| refused(Some(path.clone()), error.to_string()))?;
        if found.offers(kind, name).is_none() {
            let reason = offers_others(&found, kind, name);
            return Err(refused(Some(found.file), reason));
        }
        Ok(found)
    }

    /// Why no file of `plugin_dirs` is a plugin's.
    fn why_not_offered(&self, kind: &str, name: &str) -> Absent {
        if let Some((file, error)) = self.catalog.refused_file_of(name) {
            return refused(Some(file.to_owned()), error.to_string());
        }
        match self.catalog.offering_as_other(name) {
            Some(found) => refused(Some(found.file.clone()), offers_others(found, kind, name)),
            None => Absent::NotInstalled,
        }
    }
}

/// Most bytes of a list of what a file offers.
const OFFERS: usize = 200;

/// The sentence about a file that does not offer a plugin.
pub(crate) fn offers_others(found: &Inspection, kind: &str, name: &str) -> String {
    let offers = found.manifest.plugins.iter();
    let offers: Vec<_> = offers.map(|o| format!("{} `{}`", o.kind, o.name)).collect();
    let offers = match offers.is_empty() {
        true => "nothing".to_owned(),
        false => one_line(&offers.join(", "), OFFERS),
    };
    format!(
        "{} offers {offers}, but no {kind} plugin `{name}`; correct the name, or give the file \
         that offers it as plugins.{name}.path",
        found.file.display()
    )
}

fn refused(file: Option<PathBuf>, reason: String) -> Absent {
    Absent::Refused(Refusal { file, reason })
}

/// What no backend may be called: its name would be an authentication method.
const METHODS: [&str; 5] = ["default", "ldap", "native", "refresh_token", "saml"];

/// Checks what is configured; gives the time that a call may take.
fn check_options(name: &str, options: &PluginOptions) -> Result<Duration, String> {
    if options.max_concurrent_calls == 0 {
        return Err(format!("plugins.{name}.max_concurrent_calls is 0; it must be 1 or more"));
    }
    let timeout = options.timeout;
    Duration::try_from_secs_f64(timeout).ok().filter(|time| !time.is_zero()).ok_or_else(|| {
        format!("plugins.{name}.timeout is {timeout}; it must be a number of seconds above 0")
    })
}
