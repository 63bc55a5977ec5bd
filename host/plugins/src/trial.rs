//! A trial of one plugin: load it, let it verify a login that nobody has.
//!
//! What it runs may crash, hang or end the process, so that this belongs in a
//! process of its own, which somebody watches.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use wazo_auth_plugin_api::{ErrorKind, wire::service};

use crate::{
    Args, Backend, CallError, HostFailure, HostServices, confided::of_config, gate::Gate,
    health::Health, host::HostObject, inspect, instance::Instance, load::Library, object::Object,
    start::StartError, text::one_line,
};

/// Who logs in, and with what: nobody has either.
const LOGIN: &str = "nobody@trial.invalid";
const PASSWORD: &str = "not-a-password-of-anybody";

/// Most bytes of an author's own words in a sentence.
const WORDS: usize = 300;

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
}

// === impl Step ===

impl Step {
    const ALL: [Self; 4] = [Self::Open, Self::Create, Self::VerifyPassword, Self::Drop];

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
}

/// What a plugin that fits did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its library was opened.
    Opened,
    /// It was made.
    Made,
    /// It was made, and answered a login.
    Answered,
    /// It asked for what only the real daemon has, and went no further.
    Asked,
}

/// Loads one plugin of a file and, if it is a backend, lets it verify a login.
/// `step` is told before anything of the plugin runs.
///
/// There is no deadline, and the daemon behind the plugin knows nobody.
///
/// # Errors
/// Why it does not fit, as a sentence.
pub fn try_out(
    file: &Path,
    kind: &str,
    name: &str,
    extent: Extent,
    config: &str,
    mut step: impl FnMut(Step),
) -> Result<Outcome, String> {
    let inspection = inspect(file).map_err(|error| error.to_string())?;
    inspection.fits_in_process().map_err(|error| error.to_string())?;
    step(Step::Open);
    let library = Library::open(&inspection).map_err(|error| error.to_string())?;
    if extent == Extent::Open {
        return Ok(Outcome::Opened);
    }
    step(Step::Create);
    let services = Arc::new(Nobody::default());
    let asked = Arc::clone(&services);
    let gate = Gate::new(1, Duration::ZERO);
    let host = HostObject::new(name, gate, services, of_config(config));
    let secrets = Arc::clone(&host.secrets);
    let made = library.create(kind, name, config, host.clone().into_object());
    let made = match made.map_err(|error| StartError::of(name, &error, &secrets)) {
        Ok(made) => made,
        Err(StartError::Failed { .. }) if asked.was_asked() => return Ok(Outcome::Asked),
        Err(error) => return Err(error.to_string()),
    };
    let plugin = Instance::new(
        host,
        None,
        Duration::MAX,
        Health::new(name, false).into(),
        Ok(Object::Here(made)),
    );
    let (plugin, outcome) = if kind == "backend" {
        step(Step::VerifyPassword);
        let backend = Backend(plugin);
        let outcome = log_in(&backend, &asked)?;
        (backend.0, outcome)
    } else {
        (plugin, Outcome::Made)
    };
    step(Step::Drop);
    drop(plugin);
    Ok(outcome)
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

/// A daemon that knows nobody and does nothing.
#[derive(Default)]
struct Nobody {
    /// Whether it was asked for what only the real daemon has.
    asked: AtomicBool,
}

// === impl Nobody ===

impl Nobody {
    fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl HostServices for Nobody {
    fn call(
        &self,
        _plugin: &str,
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
                let text = "a trial does not have this service";
                return Err(HostFailure::new(ErrorKind::Unsupported, text));
            }
        };
        Ok((answer.to_string(), Vec::new()))
    }
}
