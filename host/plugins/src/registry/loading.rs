//! From enabled names to instances.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use indexmap::IndexMap;

use crate::{
    HostServices, Inspection, LoadError, PluginReport, Settings,
    confided::of_config,
    gate::{Gate, MOST_PATIENCE},
    host::HostObject,
    instance::Instance,
    load::{Library, OpenError},
    look::FileId,
    registry::{
        catalog::Catalog,
        choice::{Absent, Choice, Choices, Refusal},
        report::Registered,
    },
    start::Starter,
};

/// What is at hand while plugins are loaded.
pub(crate) struct Loading<'a> {
    choices: Choices<'a>,
    services: Arc<dyn HostServices>,
    starter: Starter,
    /// Libraries that were opened: one may hold several plugins.
    opened: HashMap<PathBuf, (FileId, Library)>,
    registered: Vec<Registered>,
    others: Vec<PluginReport>,
}

// === impl Loading ===

impl<'a> Loading<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        catalog: &'a Catalog,
        services: Arc<dyn HostServices>,
    ) -> Self {
        Self {
            choices: Choices::new(settings, catalog),
            services,
            starter: Starter::new(),
            opened: HashMap::new(),
            registered: Vec::new(),
            others: Vec::new(),
        }
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
            self.choices.check_single(kind, name)?;
            match self.plugin(kind, name) {
                Ok(instance) => {
                    instances.insert(name.clone(), instance);
                }
                Err(Absent::NotInstalled) => missing.push(name.as_str()),
                Err(Absent::Refused(refusal)) => self.refuse(kind, name, refusal),
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

    fn plugin(&mut self, kind: &'static str, name: &str) -> Result<Instance, Absent> {
        let choice = self.choices.choose(kind, name)?;
        let library = self.open(&choice.inspection).map_err(|error| {
            let file = Some(choice.inspection.file.clone());
            Absent::Refused(Refusal { file, reason: error.to_string() })
        })?;
        let (version, file) = (choice.version.clone(), choice.inspection.file.clone());
        // Who starts the daemon and sees nothing more knows what it waits for.
        log::debug!(target: "wazo_auth.plugins",
            "starting {kind} plugin `{name}` {version} from {}", file.display());
        let instance = self.start(kind, name, library, choice);
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

    fn start(&self, kind: &'static str, name: &str, library: Library, choice: Choice) -> Instance {
        let Choice { timeout, config, .. } = choice;
        let host = HostObject {
            plugin: name.into(),
            gate: Gate::new(choice.max_concurrent_calls, timeout.min(MOST_PATIENCE)),
            services: Arc::clone(&self.services),
            secrets: of_config(&config).into(),
        };
        let (own_name, own_host) = (name.to_owned(), host.clone());
        let create = move || library.create(kind, &own_name, &config, own_host.into_object());
        let object = self.starter.run(name, timeout, create);
        Instance::new(host, timeout, object)
    }

    fn open(&mut self, inspection: &Inspection) -> Result<Library, OpenError> {
        match self.opened.get(&inspection.file) {
            Some((id, library)) if *id == inspection.id => return Ok(*library),
            // To open that path again would give the first file's library.
            Some(_) => return Err(OpenError::Replaced { file: inspection.file.clone() }),
            None => {}
        }
        let library = Library::open(inspection)?;
        self.opened.insert(inspection.file.clone(), (inspection.id, library));
        Ok(library)
    }

    fn refuse(&mut self, kind: &'static str, name: &str, refusal: Refusal) {
        let reason = &refusal.reason;
        log::error!(target: "wazo_auth.plugins", "{kind} plugin `{name}` is not loaded: {reason}");
        self.others.push(PluginReport::refused(kind, name, refusal));
    }

    fn report_missing(&mut self, kind: &'static str, missing: &[&str]) {
        if missing.is_empty() {
            return;
        }
        let names = missing.join(", ");
        log::error!(target: "wazo_auth.plugins",
            "enabled {kind} plugins are not installed: {names} \
             (no .so in plugin_dirs offers them)");
        self.others.extend(missing.iter().map(|name| PluginReport::not_installed(kind, name)));
    }
}
