//! The conformance kit of the plugin API on a library, wherever it runs.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use wazo_auth_plugin_api::{
    Error, ErrorKind, Map,
    abi::Failure,
    testing::conformance::border::{self, Examination, Failed, Line, Reply},
};

use crate::{
    Caller,
    cage::{Cage, NotStarted, Spec},
    gate::Gate,
    health::Health,
    host::HostObject,
    instance::Ended,
    load::Library,
    object::Object,
    reply::{MAX_BODY, bounded},
    trial::Nobody,
};

/// How many calls may run at the same time: those that hang keep their slots.
const SLOTS: usize = 64;
/// What is added to the time of a call where somebody else watches over it.
const MORE: Duration = Duration::from_secs(2);
/// How long the process of a plugin may take to be there again.
const TO_RESTART: Duration = Duration::from_secs(15);

/// Where the plugin runs.
pub(crate) enum Place {
    /// In this process.
    Here(Library),
    /// In processes of its own.
    Cages(Box<dyn Fn(&str) -> Spec + Send + Sync>),
}

/// A plugin that can be made.
pub(crate) struct Subject {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) services: Arc<Nobody>,
    /// Told what is about to run.
    pub(crate) about_to: Box<dyn Fn(&str) + Send + Sync>,
}

/// A plugin that was made, and its slots.
pub(crate) struct Made {
    object: Object,
    gate: Arc<Gate>,
}

/// Examines a plugin; gives what is wrong, a sentence for each.
pub(crate) fn examine(subject: Subject, config: &str, timeout: Duration) -> Vec<String> {
    let config = serde_json::from_str(config).unwrap_or_default();
    // A cage watches over them itself.
    let (timeout, to_make) = match subject.place {
        Place::Here(_) => (timeout, timeout),
        Place::Cages(_) => (timeout + MORE, timeout.max(TO_RESTART) + MORE),
    };
    let kind = subject.kind.clone();
    let subject: Arc<dyn border::Library> = Arc::new(subject);
    let (kind, config, args) = (&*kind, &config, Map::new());
    Examination { kind, config, login: None, args, timeout, to_make }.run(&subject)
}

/// Asks what the daemon asks when it starts; gives what is wrong.
pub(crate) fn ask_first(kind: &str, made: &Made) -> Vec<String> {
    let (config, args, timeout) = (&serde_json::Value::Null, Map::new(), Duration::MAX);
    Examination { kind, config, login: None, args, timeout, to_make: timeout }.run_first(made)
}

// === impl Subject ===

impl Subject {
    fn object(&self, config: &str) -> Result<Object, Failed> {
        let gate = Gate::new(SLOTS, Duration::ZERO);
        let services = Arc::clone(&self.services);
        let host = HostObject::new(
            Caller::new(&self.kind, &self.name, None),
            gate,
            services as _,
            Vec::new(),
        );
        match &self.place {
            Place::Here(library) => {
                let made = library.create(&self.kind, &self.name, config, host.into_object());
                made.map(Object::Here).map_err(failed)
            }
            Place::Cages(spec) => {
                // No fault keeps it from being called.
                let health = Health::new(&self.name, true);
                let started = Cage::start(spec(config), host, health.into());
                started.map(Object::Caged).map_err(|why| {
                    let kind = match why {
                        NotStarted::Config(_) => ErrorKind::Config,
                        _ => ErrorKind::Other,
                    };
                    failed(Error::new(kind, why.sentence()))
                })
            }
        }
    }
}

impl border::Library for Subject {
    fn make(&self, config: &str) -> Result<Box<dyn border::Object>, Failed> {
        Ok(Box::new(Made::new(self.object(config)?)))
    }

    fn about_to(&self, what: &str) {
        (self.about_to)(what);
    }

    fn lines(&self) -> Vec<Line> {
        self.services.lines()
    }

    fn asked_in_vain(&self) -> bool {
        self.services.was_asked_since()
    }
}

// === impl Made ===

impl Made {
    pub(crate) fn new(object: Object) -> Self {
        Self { object, gate: Gate::new(SLOTS, Duration::ZERO) }
    }
}

impl border::Object for Made {
    fn call(&self, method: &str, head: &str, body: &[u8]) -> Reply {
        let until = Instant::now() + TO_RESTART;
        loop {
            let Ok(slot) = self.gate.enter() else { return Reply::TimedOut };
            match self.object.call(slot, method, head, body) {
                Err(Ended::Restarting(wait)) if Instant::now() < until => {
                    thread::park_timeout(wait)
                }
                result => return reply(result),
            }
        }
    }

    fn close(self: Box<Self>) -> Option<String> {
        // A panic is in the lines.
        None
    }
}

fn reply(result: Result<wazo_auth_plugin_api::abi::Frame, Ended>) -> Reply {
    let frame = match result {
        Ok(frame) => frame,
        Err(Ended::Failure(error)) => return Reply::Failure(failed(error)),
        Err(Ended::Unusable(why)) => return Reply::Unusable(why),
        Err(Ended::TimedOut) => return Reply::TimedOut,
        Err(Ended::Died(how)) => return Reply::Lost(how),
        Err(Ended::NotStarted(why)) => {
            return Reply::Lost(format!("it could not be started again: {}", why.sentence()));
        }
        Err(Ended::Restarting(_)) => return Reply::Lost("it keeps ending its process".to_owned()),
    };
    match (bounded(frame.head.as_bytes()), frame.body.len()) {
        (Err(why), _) => Reply::Unusable(why),
        (Ok(_), length) if length > MAX_BODY => {
            Reply::Unusable(format!("a body of {length} bytes, at most {MAX_BODY} are read"))
        }
        (Ok(head), _) => {
            Reply::Answer { head: head.as_bytes().to_vec(), body: frame.body.to_vec() }
        }
    }
}

fn failed(error: Error) -> Failed {
    let Failure { kind, text } = error.into();
    Failed { kind, text: text.into() }
}
