//! The daemon as a plugin sees it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RStr, RVec},
};
use log::Level;
use parking_lot::Mutex;
use wazo_auth_plugin_api::{
    ApiError, Error, ErrorKind,
    abi::{Failure, Frame, HostApi, HostApi_TO, HostBox},
    wire,
};
use wazo_auth_work::TimedOut;

use crate::{
    Caller, confided::hidden, gate::Gate, noise::Noise, reply::check_request, text::shortened,
};

/// What the daemon does for plugins; the shapes are those of
/// [`wire`](wazo_auth_plugin_api::wire), named by `wire::service`.
///
/// Calls come from any thread, from several at the same time.
pub trait HostServices: Send + Sync {
    /// Runs a service for a plugin: the JSON head and the raw bytes of the
    /// request give those of the answer.
    ///
    /// # Errors
    /// Why there is no answer; of kind [`ErrorKind::Unsupported`] when there
    /// is no such service.
    fn call(
        &self,
        caller: &Caller,
        service: &str,
        head: &str,
        body: &[u8],
    ) -> Result<(String, Vec<u8>), HostFailure>;

    /// Whether [`hear`](Self::hear) is to be told all lines that a plugin writes to
    /// the log, those too that nobody reads otherwise.
    fn listens(&self) -> bool {
        false
    }

    /// A line that a plugin writes to the log, as it is.
    fn hear(&self, target: &str, text: &str) {
        let _ = (target, text);
    }
}

/// Why the daemon did not do what a plugin asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct HostFailure {
    /// Which sort of failure; the plugin usually passes it on, and it decides
    /// how the request is answered.
    pub kind: ErrorKind,
    /// A sentence without secrets.
    pub text: String,
}

/// Longest line that a plugin writes to the log, in bytes.
pub(crate) const MAX_LINE: usize = 16 * 1024;

/// Stands before the number of lines that were too much.
pub(crate) const LOST_LINES: &str = "it wrote too much to the log";

/// The host object of one plugin.
#[derive(Clone)]
pub(crate) struct HostObject {
    pub(crate) plugin: Arc<str>,
    pub(crate) caller: Arc<Caller>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) services: Arc<dyn HostServices>,
    /// The secrets of the plugin's configuration.
    pub(crate) secrets: Arc<[String]>,
    pub(crate) noise: Arc<Mutex<Noise>>,
}

// === impl HostFailure ===

impl HostFailure {
    /// The error with which the API is to answer, unless the plugin has another
    /// idea.
    #[must_use]
    pub fn api(error: ApiError) -> Self {
        let failure = Failure::from(Error::from(error));
        Self { kind: ErrorKind::Api, text: failure.text.into() }
    }

    /// A failure of the given kind.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// The answer to a plugin whose call was given up.
    pub(crate) fn nobody_waits() -> Self {
        let text = "the call took too long: nobody waits for it any more";
        Self::new(ErrorKind::TimedOut, text)
    }
}

impl From<HostFailure> for Failure {
    fn from(failure: HostFailure) -> Self {
        Self { kind: failure.kind.number(), text: failure.text.into() }
    }
}

// === impl HostObject ===

impl HostObject {
    /// The daemon for a plugin, of whose configuration these are secrets.
    pub(crate) fn new(
        caller: Caller,
        gate: Arc<Gate>,
        services: Arc<dyn HostServices>,
        secrets: Vec<String>,
    ) -> Self {
        let noise = Arc::new(Mutex::new(Noise::new(Instant::now())));
        let (plugin, caller) = (caller.shared_name(), Arc::new(caller));
        Self { plugin, caller, gate, services, secrets: secrets.into(), noise }
    }

    /// The object as it crosses the border.
    pub(crate) fn into_object(self) -> HostBox {
        HostApi_TO::from_value(self, TD_Opaque)
    }

    /// Serves the plugin on this thread.
    pub(crate) fn serve(
        &self,
        service: &str,
        head: &str,
        body: &[u8],
    ) -> Result<Frame, HostFailure> {
        if service == wire::service::LOG_GET_LEVEL {
            return Ok(self.log_level());
        }
        check_request(service, head, body)
            .map_err(|text| HostFailure::new(ErrorKind::Malformed, text))?;
        let serve = || {
            self.caller.ensure_service(service)?;
            self.services.call(&self.caller, service, head, body)
        };
        // A panic of the daemon must not unwind into the plugin.
        let served = self.gate.outside(|| catch_unwind(AssertUnwindSafe(serve)));
        let served = served.map_err(|TimedOut| HostFailure::nobody_waits())?;
        let (head, body) = served.unwrap_or_else(|_| {
            let text = format!("the daemon failed in `{service}`, its log says why");
            Err(HostFailure::new(ErrorKind::Host, text))
        })?;
        Ok(Frame { head: head.into(), body: body.into() })
    }

    /// The least important level that is written for this plugin.
    fn log_level(&self) -> Frame {
        let target = self.log_target();
        let written = |level: &Level| log::log_enabled!(target: &target, *level);
        // A logger that panics must not unwind into the plugin.
        let level = catch_unwind(|| Level::iter().filter(written).max());
        let level = match self.services.listens() {
            true => Level::Trace as u32,
            false => level.ok().flatten().map_or(0, |level| level as u32),
        };
        Frame { head: format!(r#"{{"level":{level}}}"#).into(), body: RVec::new() }
    }

    /// Writes a line of the plugin to the log, without its secrets and `more`.
    pub(crate) fn write(&self, level: u32, target: &str, text: &str, more: &[String]) {
        let level = match level {
            1 => Level::Error,
            2 => Level::Warn,
            4 => Level::Debug,
            5 => Level::Trace,
            _ => Level::Info,
        };
        let write = || {
            if self.services.listens() {
                self.services.hear(target, text);
            }
            let logger = self.log_target();
            if log::log_enabled!(target: &logger, level) {
                let Some(lost) = self.noise.lock().admit(Instant::now()) else { return };
                if lost > 0 {
                    log::warn!(target: &logger, "{LOST_LINES}: {lost} lines are lost");
                }
                let text = hidden(text, &self.secrets);
                let text = hidden(&text, more);
                let text = shortened(&text, MAX_LINE);
                log::log!(target: &logger, level, "{target}: {text}");
            }
        };
        // A logger that panics must not unwind into the plugin either.
        let _ = catch_unwind(AssertUnwindSafe(write));
    }

    fn log_target(&self) -> String {
        format!("wazo_auth.plugin.{}", self.plugin)
    }
}

impl HostApi for HostObject {
    fn call(
        &self,
        service: RStr<'_>,
        head: RStr<'_>,
        body: RSlice<'_, u8>,
    ) -> RResult<Frame, Failure> {
        self.serve(service.as_str(), head.as_str(), body.as_slice()).map_err(Failure::from).into()
    }

    fn log(&self, level: u32, target: RStr<'_>, text: RStr<'_>) {
        self.write(level, target.as_str(), text.as_str(), &[]);
    }
}

#[cfg(test)]
mod tests;
