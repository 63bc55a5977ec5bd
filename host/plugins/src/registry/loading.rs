//! From enabled names to instances.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use indexmap::IndexMap;

mod kinds;

use crate::{
    CallError, Caller, HostServices, Inspection, Isolation, LoadError, PluginReport, Settings,
    cage::{Cage, NotStarted, Spec},
    confided::of_config,
    gate::{Gate, MOST_PATIENCE},
    health::Health,
    host::HostObject,
    instance::Instance,
    kind,
    load::{Library, OpenError},
    look::FileId,
    object::Object,
    registry::{
        PATIENT, VITAL,
        catalog::Catalog,
        choice::{Absent, Choice, Choices, Refusal},
        report::Registered,
    },
    share::Share,
    start::{StartError, Starter},
};

/// This very program, even if the file of it was replaced meanwhile.
pub(crate) const THIS_PROGRAM: &str = "/proc/self/exe";

/// Opens a library in another process before the daemon does: what a library
/// runs when it is opened may crash or never return. The first would end the
/// daemon, and the second too: it keeps the dynamic loader's lock, for which
/// every new thread has to wait.
pub trait TrialOpener {
    /// Opens the library of a plugin elsewhere.
    ///
    /// # Errors
    /// Why it must not be opened here, as a sentence.
    fn try_open(&self, candidate: &Candidate<'_>) -> Result<(), String>;
}

/// A plugin whose library is to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its kind: `backend`, say.
    pub kind: &'a str,
    /// The name by which it is enabled.
    pub name: &'a str,
    /// The library.
    pub file: &'a Path,
    /// Time that it may take.
    pub timeout: Duration,
}

/// What is at hand while plugins are loaded.
pub(crate) struct Loading<'a> {
    choices: Choices<'a>,
    services: Arc<dyn HostServices>,
    share: Option<Arc<Share>>,
    starter: Starter,
    worker_program: Option<&'a Path>,
    opener: &'a dyn TrialOpener,
    /// Libraries that were opened, or why not: one may hold several plugins.
    opened: HashMap<PathBuf, (FileId, Result<Library, String>)>,
    registered: Vec<Registered>,
    others: Vec<PluginReport>,
}

// === impl Loading ===

impl<'a> Loading<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        catalog: &'a Catalog,
        services: Arc<dyn HostServices>,
        opener: &'a dyn TrialOpener,
    ) -> Self {
        Self {
            choices: Choices::new(settings, catalog),
            services,
            share: settings.workers.map(Share::new),
            starter: Starter::new(),
            worker_program: settings.worker_program.as_deref(),
            opener,
            opened: HashMap::new(),
            registered: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Where the registered plugins come from, and what is said of the others.
    pub(crate) fn finish(self) -> (Vec<Registered>, Vec<PluginReport>) {
        (self.registered, self.others)
    }

    /// The enabled plugins of a kind.
    pub(crate) fn enabled(&self, kind: &str) -> Vec<&'a str> {
        self.choices.enabled(kind)
    }

    /// Loads all enabled plugins of a kind.
    pub(crate) fn group(
        &mut self,
        kind: &'static str,
    ) -> Result<IndexMap<String, Instance>, LoadError> {
        let names: Vec<String> =
            self.choices.enabled(kind).into_iter().map(str::to_owned).collect();
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
            // The daemon has resources of its own; see kind::OWN_HTTP.
            (false, true) if self.choices.is_complete(kind) => {
                Err(LoadError::NoneLoaded { kind, names })
            }
            (false, _) => Ok(instances),
        }
    }

    /// What a plugin answers to a question that is asked of it once, when it
    /// was made. One that could not be made is not asked.
    pub(super) fn ask<T: Default + Send + 'static>(
        &self,
        instance: &Arc<Instance>,
        question: fn(&Instance) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        if instance.unusable().is_some() {
            return Ok(T::default());
        }
        let asked = Arc::clone(instance);
        let answer = self.starter.run(instance.timeout(), move || question(&asked));
        answer.unwrap_or_else(|_| Err(instance.failed("it did not answer when it was started")))
    }

    fn plugin(&mut self, kind: &'static str, name: &str) -> Result<Instance, Absent> {
        let choice = self.choices.choose(kind, name)?;
        let (version, file) = (choice.version.clone(), choice.inspection.file.clone());
        let accesses = choice.accesses.clone();
        let refused = |reason| Absent::Refused(Refusal { file: Some(file.clone()), reason });
        let isolation = choice.isolation;
        let library = match isolation {
            Isolation::InProcess => Some(self.open(kind, name, &choice).map_err(refused)?),
            Isolation::Process => None,
        };
        // Who starts the daemon and sees nothing more knows what it waits for.
        log::debug!(target: "wazo_auth.plugins",
            "starting {kind} plugin `{name}` {version} from {}", file.display());
        let instance = match library {
            Some(library) => self.start(kind, name, library, choice),
            None => self.start_process(kind, name, choice).map_err(refused)?,
        };
        match instance.unusable() {
            Some(reason) => {
                log::error!(target: "wazo_auth.plugins", "error calling '{name}': {reason}");
            }
            None => {
                let file = file.display();
                log::info!(target: "wazo_auth.plugins", "loaded {kind} plugin `{name}` {version} from {file}");
            }
        }
        let name = name.to_owned();
        self.registered.push(Registered { kind, name, version, file, isolation, accesses });
        Ok(instance)
    }

    fn start(&self, kind: &'static str, name: &str, library: Library, choice: Choice) -> Instance {
        let host = self.host(kind, name, &choice);
        let Choice { timeout, config, .. } = choice;
        let (own_name, own_host) = (name.to_owned(), host.clone());
        let create = move || library.create(kind, &own_name, &config, own_host.into_object());
        let made = match self.starter.run(timeout, create) {
            Ok(made) => made.map_err(|error| StartError::of(name, &error, &host.secrets)),
            Err(no_return) => Err(StartError::no_return(name, timeout, no_return)),
        };
        let made = made.map(Object::Here).map_err(|error| error.to_string());
        Instance::new(host, self.share(kind, name), timeout, health(kind, name), made)
    }

    /// Starts a plugin in a process of its own; an error when its library is not
    /// for this daemon.
    fn start_process(
        &self,
        kind: &'static str,
        name: &str,
        choice: Choice,
    ) -> Result<Instance, String> {
        let (host, health) = (self.host(kind, name, &choice), health(kind, name));
        let Choice { timeout, config, sha256, inspection, .. } = choice;
        let (program, file) =
            (self.worker_program.unwrap_or(Path::new(THIS_PROGRAM)).to_owned(), inspection.file);
        let spec = Spec { program, kind, file, sha256, config, timeout };
        let made = match Cage::start(spec, host.clone(), Arc::clone(&health)) {
            Ok(cage) => Ok(Object::Caged(cage)),
            Err(NotStarted::NotMade(reason) | NotStarted::Config(reason)) => Err(reason),
            Err(NotStarted::Refused(reason)) => return Err(reason),
        };
        Ok(Instance::new(host, self.share(kind, name), timeout, health, made))
    }

    fn host(&self, kind: &str, name: &str, choice: &Choice) -> HostObject {
        let caller = Caller::new(kind, name, choice.accesses.as_deref());
        let gate = Gate::new(choice.max_concurrent_calls, choice.timeout.min(MOST_PATIENCE));
        HostObject::new(caller, gate, Arc::clone(&self.services), of_config(&choice.config))
    }

    /// What it shares with other plugins.
    fn share(&self, kind: &str, name: &str) -> Option<Arc<Share>> {
        // Mails have workers of their own: nobody else needs those.
        let is_own = VITAL.contains(&(kind, name)) || PATIENT.contains(&(kind, name));
        let is_apart = is_own || kind == kind::EMAIL_NOTIFICATION;
        self.share.clone().filter(|_| !is_apart)
    }

    /// Opens the library of a plugin, once for all plugins that are in it.
    fn open(&mut self, kind: &str, name: &str, choice: &Choice) -> Result<Library, String> {
        let Inspection { file, id, .. } = &choice.inspection;
        match self.opened.get(file) {
            Some((known, library)) if known == id => return library.clone(),
            // To open that path again would give the first file's library.
            Some(_) => return Err(OpenError::Replaced { file: file.clone() }.to_string()),
            None => {}
        }
        let library = self.try_and_open(kind, name, choice);
        self.opened.insert(file.clone(), (*id, library.clone()));
        library
    }

    fn try_and_open(&self, kind: &str, name: &str, choice: &Choice) -> Result<Library, String> {
        let inspection = &choice.inspection;
        // Under a stock plugin's name, a path may lead to anything.
        if choice.has_path || !kind::is_stock(kind, name) {
            let file = &inspection.file;
            self.opener.try_open(&Candidate { kind, name, file, timeout: choice.timeout })?;
        }
        Library::open(inspection).map_err(|error| error.to_string())
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

/// Nobody could log in without the daemon's own.
fn health(kind: &str, name: &str) -> Arc<Health> {
    Arc::new(Health::new(name, VITAL.contains(&(kind, name))))
}
