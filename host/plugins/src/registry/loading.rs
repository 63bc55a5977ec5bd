//! From enabled names to instances.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use indexmap::IndexMap;

use crate::{
    HostServices, Inspection, Isolation, LoadError, PluginOptions, PluginReport, PluginState,
    Settings,
    gate::Gate,
    host::HostObject,
    inspect,
    instance::Instance,
    load::{Library, check_digest},
    registry::{catalog::Catalog, report::Registered},
};

/// What is at hand while plugins are loaded.
pub(crate) struct Loading<'a> {
    settings: &'a Settings,
    catalog: &'a Catalog,
    services: Arc<dyn HostServices>,
    /// Libraries that were opened: one may hold several plugins.
    opened: HashMap<PathBuf, Library>,
    registered: Vec<Registered>,
    others: Vec<PluginReport>,
}

/// Why an enabled plugin is not there.
enum Absent {
    NotInstalled,
    Refused(String),
}

// === impl Loading ===

impl<'a> Loading<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        catalog: &'a Catalog,
        services: Arc<dyn HostServices>,
    ) -> Self {
        let (opened, registered, others) = (HashMap::new(), Vec::new(), Vec::new());
        Self { settings, catalog, services, opened, registered, others }
    }

    /// Where the registered plugins come from, and what is said of the others.
    pub(crate) fn finish(self) -> (Vec<Registered>, Vec<PluginReport>) {
        (self.registered, self.others)
    }

    /// Loads all enabled plugins of a kind.
    pub(crate) fn group(
        &mut self,
        kind: &'static str,
        enabled: &IndexMap<String, bool>,
    ) -> Result<IndexMap<String, Instance>, LoadError> {
        let names = enabled.iter().filter(|(_, on)| **on).map(|(name, _)| name.clone());
        let names: Vec<String> = names.collect();
        let mut instances = IndexMap::new();
        let mut missing = Vec::new();
        for name in &names {
            self.check_single(kind, name)?;
            match self.plugin(kind, name) {
                Ok(instance) => {
                    instances.insert(name.clone(), instance);
                }
                Err(Absent::NotInstalled) => missing.push(name.as_str()),
                Err(Absent::Refused(reason)) => self.refuse(kind, name, reason),
            }
        }
        self.report_missing(kind, &missing);
        match (names.is_empty(), instances.is_empty()) {
            (true, _) => {
                log::info!(target: "wazo_auth.plugins", "no {kind} plugin is enabled");
                Ok(instances)
            }
            (false, true) => Err(LoadError::NoneLoaded { kind, names }),
            (false, false) => Ok(instances),
        }
    }

    /// Two files that offer the same plugin: which one runs must not depend on
    /// their names.
    fn check_single(&self, kind: &'static str, name: &str) -> Result<(), LoadError> {
        if self.options(name).is_some_and(|options| options.path.is_some()) {
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

    fn plugin(&mut self, kind: &'static str, name: &str) -> Result<Instance, Absent> {
        let default = PluginOptions::default();
        let options = self.options(name).unwrap_or(&default);
        let timeout = check_options(name, options).map_err(Absent::Refused)?;
        let inspection = self.find(kind, name, options)?;
        let version = inspection.offers(kind, name).unwrap_or_default().to_owned();
        check_digest(name, &inspection.file, options.sha256.as_deref())
            .map_err(|error| Absent::Refused(error.to_string()))?;
        let library = self.open(&inspection)?;

        let host = HostObject {
            plugin: name.into(),
            gate: Gate::new(options.max_concurrent_calls, timeout),
            services: Arc::clone(&self.services),
        };
        let config = match &options.config {
            serde_json::Value::Null => "{}".to_owned(),
            config => config.to_string(),
        };
        let instance = Instance::new(host, timeout, |host| {
            library.create(kind, name, &config, host.into_object())
        });
        let file = inspection.file;
        match instance.unusable() {
            Some(reason) => {
                log::error!(target: "wazo_auth.plugins", "error calling '{name}': {reason}");
            }
            None => {
                let file = file.display();
                log::info!(target: "wazo_auth.plugins", "loaded {kind} plugin `{name}` {version} from {file}");
            }
        }
        self.registered.push(Registered { kind, name: name.to_owned(), version, file });
        Ok(instance)
    }

    /// The file of a plugin: the configured one, or the one that offers it.
    fn find(&self, kind: &str, name: &str, options: &PluginOptions) -> Result<Inspection, Absent> {
        let Some(path) = &options.path else {
            let found = self.catalog.offering(kind, name).next().cloned();
            return found.ok_or_else(|| match self.catalog.refused_file_of(name) {
                Some(error) => Absent::Refused(error.to_string()),
                None => Absent::NotInstalled,
            });
        };
        let found = inspect(path).map_err(|error| Absent::Refused(error.to_string()))?;
        if found.offers(kind, name).is_none() {
            let offers = found.manifest.plugins.iter();
            let offers: Vec<_> = offers.map(|o| format!("{} `{}`", o.kind, o.name)).collect();
            let (file, offers) = (found.file.display(), offers.join(", "));
            return Err(Absent::Refused(format!(
                "{file} (plugins.{name}.path) offers {offers}, no {kind} plugin `{name}`"
            )));
        }
        Ok(found)
    }

    fn open(&mut self, inspection: &Inspection) -> Result<Library, Absent> {
        if let Some(library) = self.opened.get(&inspection.file) {
            return Ok(*library);
        }
        let opened = Library::open(inspection);
        let library = opened.map_err(|error| Absent::Refused(error.to_string()))?;
        self.opened.insert(inspection.file.clone(), library);
        Ok(library)
    }

    fn options(&self, name: &str) -> Option<&'a PluginOptions> {
        self.settings.plugins.get(name)
    }

    fn refuse(&mut self, kind: &'static str, name: &str, reason: String) {
        log::error!(target: "wazo_auth.plugins", "{kind} plugin `{name}` is not loaded: {reason}");
        let report = PluginReport::not_registered(kind, name, PluginState::Refused);
        self.others.push(PluginReport { reason: Some(reason), ..report });
    }

    fn report_missing(&mut self, kind: &'static str, missing: &[&str]) {
        if missing.is_empty() {
            return;
        }
        let names = missing.join(", ");
        log::error!(target: "wazo_auth.plugins",
            "enabled {kind} plugins are not installed: {names} \
             (no .so in plugin_dirs offers them)");
        self.others.extend(missing.iter().map(|name| PluginReport {
            reason: Some("it is enabled, but no file in plugin_dirs offers it".to_owned()),
            ..PluginReport::not_registered(kind, name, PluginState::NotInstalled)
        }));
    }
}

/// Checks what is configured; gives the time that a call may take.
fn check_options(name: &str, options: &PluginOptions) -> Result<Duration, String> {
    if options.isolation == Isolation::Process {
        return Err(format!(
            "plugins.{name}.isolation is `process`, which this version does not offer yet; \
             it is not run in the daemon instead: remove the key if you want that"
        ));
    }
    if options.max_concurrent_calls == 0 {
        return Err(format!("plugins.{name}.max_concurrent_calls is 0; it must be 1 or more"));
    }
    let timeout = options.timeout;
    Duration::try_from_secs_f64(timeout).ok().filter(|time| !time.is_zero()).ok_or_else(|| {
        format!("plugins.{name}.timeout is {timeout}; it must be a number of seconds above 0")
    })
}
