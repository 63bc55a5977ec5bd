//! `/config` (http.md section 9): the configuration without its secrets, and
//! the two switches that can be thrown while the daemon runs.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::{
    App, authorize::given_token, call::Call, errors::Error, fields::boolean, reply::Reply,
};

/// What is shown of the configuration, and what can be changed of it.
pub struct Config {
    /// The tree without its secrets.
    shown: Map<String, Value>,
    debug: AtomicBool,
    profiling: AtomicBool,
    /// Called by one at a time, so that it agrees with what is shown.
    on_debug: Mutex<Box<dyn Fn(bool) + Send>>,
}

/// What a `PATCH` may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    Debug,
    Profiling,
}

/// `GET /config`.
pub(crate) fn get(app: &App, call: &Call) -> Result<Reply, Error> {
    require_top_tenant(app, call)?;
    show(app)
}

/// `PATCH /config`.
pub(crate) fn patch(app: &App, call: &Call) -> Result<Reply, Error> {
    require_top_tenant(app, call)?;
    let body = serde_json::from_slice(&call.body).map_err(|_| Error::unreadable_body())?;
    // All of it, or nothing.
    for (switch, on) in read(&body).map_err(Error::invalid_patch)? {
        app.config.set(switch, on);
    }
    show(app)
}

/// For tokens of the master tenant only.
pub(crate) fn require_top_tenant(app: &App, call: &Call) -> Result<(), Error> {
    match call.caller()?.owner.tenant_uuid == Some(app.services.top_tenant()) {
        true => Ok(()),
        false => Err(Error::invalid_token(&given_token(call))),
    }
}

fn show(app: &App) -> Result<Reply, Error> {
    let mut shown = app.config.shown.clone();
    let names: Vec<&str> = app.services.plugins()?.backend_names().collect();
    shown.insert("loaded_plugins".to_owned(), json!(names));
    shown.insert("uuid".to_owned(), json!(app.services.context().environment().xivo_uuid));
    for switch in [Switch::Debug, Switch::Profiling] {
        shown.insert(switch.key().to_owned(), json!(app.config.get(switch)));
    }
    Ok(Reply::json(&shown))
}

/// The switches of a JSON patch, in their order; or what is wrong with it.
fn read(patch: &Value) -> Result<Vec<(Switch, bool)>, String> {
    let steps = patch.as_array().ok_or("a list of operations is expected")?;
    steps
        .iter()
        .enumerate()
        .map(|(position, step)| {
            step_of(step).map_err(|problem| format!("operation {position}: {problem}"))
        })
        .collect()
}

fn step_of(step: &Value) -> Result<(Switch, bool), &'static str> {
    let step = step.as_object().ok_or("an object is expected")?;
    let (Some(op), Some(path), Some(value), 3) =
        (step.get("op"), step.get("path"), step.get("value"), step.len())
    else {
        return Err("`op`, `path` and `value` are expected, and nothing else");
    };
    if op != "replace" {
        return Err("`op` must be `replace`");
    }
    let switches = [Switch::Debug, Switch::Profiling];
    let switch = switches.into_iter().find(|switch| path == &format!("/{}", switch.key()));
    let switch = switch.ok_or("`path` must be `/debug` or `/profiling_enabled`")?;
    Ok((switch, boolean(value).ok_or("`value` must be a boolean")?))
}

// === impl Config ===

impl Config {
    /// Over the tree of the configuration, already without its secrets;
    /// `on_debug` makes the log talkative or stops it from being so.
    pub fn new(shown: Map<String, Value>, on_debug: impl Fn(bool) + Send + 'static) -> Self {
        let is_on = |switch: Switch| shown.get(switch.key()).and_then(boolean).unwrap_or(false);
        Self {
            debug: AtomicBool::new(is_on(Switch::Debug)),
            profiling: AtomicBool::new(is_on(Switch::Profiling)),
            on_debug: Mutex::new(Box::new(on_debug)),
            shown,
        }
    }

    /// Whether each request leaves a file that says how long it took.
    pub(crate) fn is_profiling(&self) -> bool {
        self.profiling.load(Ordering::Relaxed)
    }

    fn get(&self, switch: Switch) -> bool {
        match switch {
            Switch::Debug => self.debug.load(Ordering::Relaxed),
            Switch::Profiling => self.is_profiling(),
        }
    }

    fn set(&self, switch: Switch, on: bool) {
        match switch {
            Switch::Debug => {
                let on_debug = self.on_debug.lock();
                self.debug.store(on, Ordering::Relaxed);
                on_debug(on);
            }
            Switch::Profiling => self.profiling.store(on, Ordering::Relaxed),
        }
    }
}

// === impl Switch ===

impl Switch {
    fn key(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Profiling => "profiling_enabled",
        }
    }
}
