//! From enabled names to instances.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use indexmap::IndexMap;

use crate::{
    HostServices, Inspection, LoadError, PluginReport, Settings,
    gate::{Gate, MOST_PATIENCE},
    host::HostObject,
    instance::Instance,
    load::{Library, OpenError},
    look::FileId,
    registry::{
        STOCK, STOCK_METADATA,
        catalog::Catalog,
        choice::{Absent, Choice, Choices, Refusal},
        report::Registered,
    },
    start::{NoReturn, StartError, Starter},
};

/// What is at hand while plugins are loaded.
pub(crate) struct Loading<'a> {
    choices: Choices<'a>,
    services: Arc<dyn HostServices>,
    starter: Starter,
    /// Libraries that were opened, or why not: one may hold several plugins.
    opened: HashMap<PathBuf, (FileId, Result<Library, String>)>,
    /// The file that is still being opened, and keeps others from it.
    stuck: Option<PathBuf>,
    /// What is there for each enabled plugin, by kind and name.
    found: HashMap<(&'static str, String), Found>,
    registered: Vec<Registered>,
    others: Vec<PluginReport>,
}

/// The opened library of a plugin, or why there is none.
type Found = Result<(Choice, Library), Absent>;

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
            stuck: None,
            found: HashMap::new(),
            registered: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Where the registered plugins come from, and what is said of the others.
    pub(crate) fn finish(self) -> (Vec<Registered>, Vec<PluginReport>) {
        (self.registered, self.others)
    }

    /// Chooses and opens the library of every enabled plugin, the daemon's own
    /// first: one whose initialiser never returns keeps the dynamic loader's
    /// lock, and with it every library after it from being opened.
    pub(crate) fn open_all(
        &mut self,
        groups: &[(&'static str, &IndexMap<String, bool>)],
    ) -> Result<(), LoadError> {
        let names = groups.iter().flat_map(|(kind, enabled)| {
            enabled_names(enabled).map(|name| (*kind, name.to_owned()))
        });
        let mut names: Vec<_> = names.collect();
        names.sort_by_key(|(kind, name)| !is_stock(kind, name));
        for (kind, name) in &names {
            self.choices.check_single(kind, name)?;
        }
        for (kind, name) in names {
            let found = self.choices.choose(kind, &name).and_then(|choice| {
                let library = self.open(&name, &choice).map_err(|reason| {
                    Absent::Refused(Refusal { file: Some(choice.inspection.file.clone()), reason })
                })?;
                Ok((choice, library))
            });
            self.found.insert((kind, name), found);
        }
        Ok(())
    }

    /// Makes all enabled plugins of a kind whose libraries were opened.
    pub(crate) fn group(
        &mut self,
        kind: &'static str,
        enabled: &IndexMap<String, bool>,
    ) -> Result<IndexMap<String, Instance>, LoadError> {
        let names: Vec<String> = enabled_names(enabled).map(str::to_owned).collect();
        let mut instances = IndexMap::new();
        let mut missing = Vec::new();
        for name in &names {
            match self.found.remove(&(kind, name.clone())).unwrap_or(Err(Absent::NotInstalled)) {
                Ok((choice, library)) => {
                    instances.insert(name.clone(), self.plugin(kind, name, library, choice));
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

    fn plugin(
        &mut self,
        kind: &'static str,
        name: &str,
        library: Library,
        choice: Choice,
    ) -> Instance {
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
        instance
    }

    fn start(&self, kind: &'static str, name: &str, library: Library, choice: Choice) -> Instance {
        let Choice { timeout, config, .. } = choice;
        let host = HostObject {
            plugin: name.into(),
            gate: Gate::new(choice.max_concurrent_calls, timeout.min(MOST_PATIENCE)),
            services: Arc::clone(&self.services),
        };
        let (own_name, own_host) = (name.to_owned(), host.clone());
        let create = move || library.create(kind, &own_name, &config, own_host.into_object());
        let made = match self.starter.run(timeout, create) {
            Ok(made) => made.map_err(|error| StartError::of(name, &error)),
            Err(no_return) => Err(StartError::no_return(name, timeout, no_return)),
        };
        Instance::new(host, timeout, made.map_err(|error| error.to_string()))
    }

    /// Opens the library of a plugin, once for all plugins that are in it.
    fn open(&mut self, name: &str, choice: &Choice) -> Result<Library, String> {
        let Inspection { file, id, .. } = &choice.inspection;
        match self.opened.get(file) {
            Some((known, library)) if known == id => return library.clone(),
            // To open that path again would give the first file's library.
            Some(_) => return Err(OpenError::Replaced { file: file.clone() }.to_string()),
            None => {}
        }
        let library = self.open_first(name, choice).map_err(|error| error.to_string());
        self.opened.insert(file.clone(), (*id, library.clone()));
        library
    }

    fn open_first(&mut self, name: &str, choice: &Choice) -> Result<Library, OpenError> {
        let file = choice.inspection.file.clone();
        if let Some(by) = &self.stuck {
            return Err(OpenError::Blocked { file, by: by.clone() });
        }
        log::debug!(target: "wazo_auth.plugins", "opening {}", file.display());
        let inspection = choice.inspection.clone();
        match self.starter.run(choice.timeout, move || Library::open(&inspection)) {
            Ok(opened) => opened,
            Err(NoReturn::Panicked) => Err(OpenError::Panicked { file }),
            Err(NoReturn::TimedOut) => {
                self.stuck = Some(file.clone());
                let (plugin, timeout) = (name.to_owned(), choice.timeout);
                Err(OpenError::TimedOut { plugin, file, timeout })
            }
        }
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

/// The names that are on, in order.
pub(crate) fn enabled_names(enabled: &IndexMap<String, bool>) -> impl Iterator<Item = &str> {
    enabled.iter().filter(|(_, on)| **on).map(|(name, _)| name.as_str())
}

/// Whether a plugin comes with the daemon.
fn is_stock(kind: &str, name: &str) -> bool {
    match kind {
        "backend" => STOCK.contains(&name),
        _ => STOCK_METADATA.contains(&name),
    }
}
