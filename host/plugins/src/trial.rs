//! A trial of one plugin: load it, ask it what the daemon asks when it starts, let
//! it verify a login that nobody has; or examine it by the conformance kit.
//!
//! What it runs may crash, hang or end the process, so that this belongs in a
//! process of its own, which somebody watches; or the plugin does.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::json;
use wazo_auth_plugin_api::{ErrorKind, testing::conformance::border::Line, wire::service};

use crate::{
    Args, Backend, CallError, Caller, HostFailure, HostServices,
    cage::{Cage, NotStarted, Spec},
    confided::{hidden, of_config},
    conformance::{Made, Place, Subject, ask_first, examine},
    gate::Gate,
    health::Health,
    host::HostObject,
    inspect,
    instance::Instance,
    kind,
    load::Library,
    object::Object,
    registry::THIS_PROGRAM,
    start::StartError,
    text::{one_line, shortened},
};

/// Who logs in, and with what: nobody has either.
const LOGIN: &str = "nobody@trial.invalid";
const PASSWORD: &str = "not-a-password-of-anybody";

/// Most bytes of an author's own words in a sentence.
const WORDS: usize = 300;
/// Calls at a time: as many as the kit makes, and some that hang.
const SLOTS: usize = 64;

/// What is about to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The library's initialisers.
    Open,
    /// The plugin's constructor.
    Create,
    /// The verification of a login.
    VerifyPassword,
    /// The plugin's destructor.
    Drop,
    /// What the daemon asks when it starts.
    Ask,
}

// === impl Step ===

impl Step {
    const ALL: [Self; 5] = [Self::Open, Self::Create, Self::VerifyPassword, Self::Drop, Self::Ask];

    pub(crate) fn number(self) -> u32 {
        self as u32
    }

    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.number() == number)
    }
}

/// How far a trial goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The library is opened.
    Open,
    /// The plugin is made too, and called.
    Whole,
    /// It is examined by the conformance kit.
    Conformance,
}

/// What a plugin that fits did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its library was opened.
    Opened,
    /// It was made, and answered what the daemon asks when it starts.
    Made,
    /// It was made, and answered a login.
    Answered,
    /// It asked for what only the real daemon has, and went no further.
    Asked,
    /// It was made, and conforms.
    Conforms,
}

/// One plugin, and how far its trial goes.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// The library.
    pub file: &'a Path,
    /// `backend`, say.
    pub kind: &'a str,
    /// The name by which it is enabled.
    pub name: &'a str,
    /// What is handed to it, in JSON.
    pub config: &'a str,
    /// How far it goes.
    pub extent: Extent,
    /// Time for each call, as far as the trial itself watches over it.
    pub timeout: Duration,
}

// === impl Trial ===

impl Trial<'_> {
    /// Runs in this process. `step` is told before anything of the plugin runs,
    /// and `about_to` what exactly that is when it is examined. There is no
    /// deadline but for calls of the kit, and the daemon behind the plugin knows
    /// nobody.
    ///
    /// # Errors
    /// Why it does not fit, in one or more sentences.
    pub fn run(
        &self,
        mut step: impl FnMut(Step),
        about_to: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Outcome, String> {
        let inspection = inspect(self.file).map_err(|error| error.to_string())?;
        inspection.fits_in_process().map_err(|error| error.to_string())?;
        step(Step::Open);
        let library = Library::open(&inspection).map_err(|error| error.to_string())?;
        if self.extent == Extent::Open {
            return Ok(Outcome::Opened);
        }
        step(Step::Create);
        let make = |host: HostObject| {
            let secrets = Arc::clone(&host.secrets);
            let made = library.create(self.kind, self.name, self.config, host.into_object());
            made.map(Object::Here).map_err(|error| {
                let is_failure = StartError::of(self.name, &error, &secrets);
                (matches!(is_failure, StartError::Failed { .. }), is_failure.to_string())
            })
        };
        self.made(make, || Place::Here(library), step, about_to)
    }

    /// Runs with the plugin in processes of its own, which this one watches over.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_caged(&self) -> Result<Outcome, String> {
        let make = |host: HostObject| {
            let health = Health::new(self.name, true).into();
            let cage = Cage::start(self.spec()(self.config), host, health);
            cage.map(Object::Caged)
                .map_err(|why| (matches!(why, NotStarted::NotMade(_)), why.sentence().to_owned()))
        };
        self.made(make, || Place::Cages(Box::new(self.spec())), |_| {}, |_| {})
    }

    /// How a process of the plugin is started, by its configuration.
    fn spec(&self) -> impl Fn(&str) -> Spec + Send + Sync + 'static {
        let kind = kind::ALL.into_iter().find(|known| *known == self.kind).unwrap_or_default();
        // Its process is in another folder.
        let file = fs::canonicalize(self.file).unwrap_or_else(|_| self.file.to_owned());
        let timeout = self.timeout;
        move |config| Spec {
            program: PathBuf::from(THIS_PROGRAM),
            kind,
            file: file.clone(),
            sha256: None,
            config: config.to_owned(),
            timeout,
        }
    }

    /// Makes the plugin and goes on from there.
    fn made(
        &self,
        make: impl FnOnce(HostObject) -> Result<Object, (bool, String)>,
        place: impl FnOnce() -> Place,
        mut step: impl FnMut(Step),
        about_to: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Outcome, String> {
        let services = Arc::new(Nobody::new(self.extent == Extent::Conformance));
        let gate = Gate::new(SLOTS, Duration::ZERO);
        let secrets = of_config(self.config);
        let host = HostObject::new(
            Caller::new(self.kind, self.name, None),
            gate,
            Arc::clone(&services) as _,
            secrets.clone(),
        );
        let object = match make(host.clone()) {
            Ok(object) => object,
            Err((true, _)) if services.was_asked() => return Ok(Outcome::Asked),
            Err((_, sentence)) => return Err(sentence),
        };
        if self.extent == Extent::Conformance {
            // The kit makes its own.
            step(Step::Drop);
            drop(object);
            let (kind, name) = (self.kind.to_owned(), self.name.to_owned());
            let (place, about_to) = (place(), Box::new(about_to));
            let subject = Subject { kind, name, place, services, about_to };
            return verdict(&examine(subject, self.config, self.timeout), &secrets);
        }
        if self.kind == kind::BACKEND {
            step(Step::VerifyPassword);
            let health = Health::new(self.name, true).into();
            let backend = Backend(Instance::new(host, None, Duration::MAX, health, Ok(object)));
            let outcome = log_in(&backend, &services)?;
            step(Step::Drop);
            drop(backend);
            return Ok(outcome);
        }
        step(Step::Ask);
        let made = Made::new(object);
        let wrong = ask_first(self.kind, &made).into_iter().next();
        if let Some(wrong) = wrong.filter(|_| !services.was_asked()) {
            return Err(format!("{}; tell its author", hidden(&wrong, &secrets)));
        }
        step(Step::Drop);
        drop(made);
        Ok(Outcome::Made)
    }
}

/// What an examination comes to.
fn verdict(wrong: &[String], secrets: &[String]) -> Result<Outcome, String> {
    if wrong.is_empty() {
        return Ok(Outcome::Conforms);
    }
    let sentences = wrong.iter().map(|sentence| format!("\n- {}", hidden(sentence, secrets)));
    Err(format!("it does not conform:{}", sentences.collect::<String>()))
}

fn log_in(backend: &Backend, services: &Nobody) -> Result<Outcome, String> {
    let args = json!({"login": LOGIN, "password": PASSWORD, "mobile": false});
    match backend.verify_password(LOGIN, PASSWORD, &mut Args::from_value(args)) {
        Ok(_) | Err(CallError::Unauthorized { .. }) => Ok(Outcome::Answered),
        Err(CallError::Failed { .. } | CallError::NotFound { .. }) if services.was_asked() => {
            Ok(Outcome::Asked)
        }
        Err(CallError::Panicked { text, .. }) => Err(format!(
            "it panicked when it verified a trial login: {}; tell its author",
            one_line(&text, WORDS)
        )),
        Err(error) => Err(format!(
            "it did not verify a trial login: {}; see plugins.{}.config, or tell its author",
            one_line(&error.to_string(), WORDS),
            backend.name()
        )),
    }
}

/// Most lines that are kept, and most bytes of each.
const LINES: usize = 1000;
const LINE: usize = 4 * 1024;

/// A daemon that knows nobody and does nothing.
pub(crate) struct Nobody {
    /// Whether it was asked for what only the real daemon has.
    asked: AtomicBool,
    /// The same, since that was last looked at.
    asked_since: AtomicBool,
    /// The last lines of the log, if anybody wants them.
    lines: Option<Mutex<VecDeque<Line>>>,
}

// === impl Nobody ===

impl Nobody {
    fn new(listens: bool) -> Self {
        let (asked, asked_since) = Default::default();
        Self { asked, asked_since, lines: listens.then(Mutex::default) }
    }

    fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn was_asked_since(&self) -> bool {
        self.asked_since.swap(false, Ordering::Relaxed)
    }

    /// What was written to the log since this was last asked.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let lines = self.lines.as_ref().map(|lines| std::mem::take(&mut *lines.lock()));
        lines.unwrap_or_default().into()
    }
}

impl HostServices for Nobody {
    fn call(
        &self,
        _caller: &Caller,
        service: &str,
        _head: &str,
        _body: &[u8],
    ) -> Result<(String, Vec<u8>), HostFailure> {
        let answer = match service {
            service::PLATFORM_GET => json!({"version": env!("CARGO_PKG_VERSION")}),
            service::BACKENDS_GET => json!({"usable": true}),
            service::USERS_VERIFY_PASSWORD => json!({"verified": false}),
            service::USERS_GET_BY_LOGIN | service::USERS_GET => json!({"user": null}),
            service::USERS_GET_ACL => json!({"acl": []}),
            service::USERS_LIST_GROUPS | service::USERS_LIST_POLICIES => json!({"items": []}),
            _ => {
                self.asked.store(true, Ordering::Relaxed);
                self.asked_since.store(true, Ordering::Relaxed);
                let text = "a trial does not have this service";
                return Err(HostFailure::new(ErrorKind::Unsupported, text));
            }
        };
        Ok((answer.to_string(), Vec::new()))
    }

    fn listens(&self) -> bool {
        self.lines.is_some()
    }

    fn hear(&self, target: &str, text: &str) {
        let Some(lines) = &self.lines else { return };
        let (target, text) = (shortened(target, LINE), shortened(text, LINE));
        let mut lines = lines.lock();
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(Line { target: target.to_owned(), text: text.to_owned() });
    }
}
