//! One plugin that was made, or could not be, and how it is called.

use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use wazo_auth_plugin_api::{ApiError, Args, Error, ErrorKind, Host, abi::Frame};

use crate::{
    CallError,
    cage::NotStarted,
    confided::{confide, hidden},
    gate::{Full, Gate, MOST_PATIENCE},
    health::{Figures, Health},
    host::HostObject,
    object::Object,
    reply,
    share::{Share, UsedUp},
    text::shortened,
};

/// Room for the head of most requests: it need not grow while it is written.
const MOST_HEADS: usize = 512;
/// Most bytes that are kept of the text of a failure.
const MAX_TEXT: usize = 4 * 1024;

/// Why a call has no answer.
pub(crate) enum Ended {
    /// The plugin says so.
    Failure(Error),
    /// The answer is not used: what is wrong with it.
    Unusable(String),
    /// Its time is over.
    TimedOut,
    /// Its process ended, and how.
    Died(String),
    /// Its process cannot be started again.
    NotStarted(NotStarted),
    /// Its process may be started again after so long.
    Restarting(Duration),
}

/// One registered plugin.
pub(crate) struct Instance {
    name: Arc<str>,
    /// The plugin, or why it could not be made.
    object: Result<Object, String>,
    /// The host as the plugin sees it, for the documented defaults.
    host: Host,
    gate: Arc<Gate>,
    /// The slots of calls that must not wait for the others.
    aside: Arc<Gate>,
    /// What it shares with other plugins; the daemon's own share nothing.
    share: Option<Arc<Share>>,
    timeout: Duration,
    health: Arc<Health>,
    /// The secrets of its configuration.
    secrets: Arc<[String]>,
}

// === impl Instance ===

impl Instance {
    /// The plugin that was made, or a registered one that never was: each call
    /// of it will fail.
    pub(crate) fn new(
        host: HostObject,
        share: Option<Arc<Share>>,
        timeout: Duration,
        health: Arc<Health>,
        object: Result<Object, String>,
    ) -> Self {
        Self {
            name: Arc::clone(&host.plugin),
            object: object.map_err(|reason| words(&reason, &host.secrets)),
            secrets: Arc::clone(&host.secrets),
            gate: Arc::clone(&host.gate),
            aside: Gate::new(host.gate.slots(), timeout.min(MOST_PATIENCE)),
            host: Host::new(host.into_object()),
            share,
            timeout,
            health,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Why it can never be called, if so.
    pub(crate) fn unusable(&self) -> Option<&str> {
        self.object.as_ref().err().map(String::as_str)
    }

    /// Time that a call may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The host as the plugin sees it.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// What became of its calls.
    pub(crate) fn figures(&self) -> Figures {
        let mut figures = self.health.figures();
        // Those that still run will be counted when they return.
        figures.time_outs += (self.gate.hung_here() + self.aside.hung_here()) as u64;
        figures
    }

    /// Runs a method. `None`: the plugin does not have it, and its documented
    /// default is to be used. What `args` hold in confidence stays out of the
    /// words of a failure.
    pub(crate) fn call<Q: Serialize, A: DeserializeOwned>(
        &self,
        method: &str,
        request: &Q,
        args: &Args,
    ) -> Result<Option<A>, CallError> {
        let _confided = confide(args);
        let reply = self.exchange(method, request, &[])?;
        reply.map(|frame| self.read(&frame)).transpose()
    }

    /// Runs a method with a body. `None`: the plugin does not have it.
    pub(crate) fn exchange<Q: Serialize>(
        &self,
        method: &str,
        request: &Q,
        body: &[u8],
    ) -> Result<Option<Frame>, CallError> {
        let turn = self.share.as_ref().map(Share::enter).transpose();
        let _turn = turn.map_err(|used_up| self.crowded_out(&used_up))?;
        self.run(&self.gate, method, request, body)
    }

    /// Runs a method that every login waits for: however many other calls hang
    /// in the plugin, they do not keep it waiting.
    pub(crate) fn exchange_aside<Q: Serialize>(
        &self,
        method: &str,
        request: &Q,
        body: &[u8],
    ) -> Result<Option<Frame>, CallError> {
        self.run(&self.aside, method, request, body)
    }

    fn run<Q: Serialize>(
        &self,
        gate: &Arc<Gate>,
        method: &str,
        request: &Q,
        body: &[u8],
    ) -> Result<Option<Frame>, CallError> {
        let object = self.object.as_ref().map_err(|reason| {
            self.failed(format!("it could not be started when the daemon did: {reason}"))
        })?;
        let head = to_json(request).map_err(|error| self.failed(error.to_string()))?;
        let quarantined = |remaining| self.quarantined(remaining);
        // Nobody waits for a slot of what is not called; and only who has one is
        // a call, or a trial.
        self.health.check().map_err(quarantined)?;
        let slot = gate.enter().map_err(|full| self.busy(&full))?;
        self.health.admit().map_err(quarantined)?;
        // The slot goes with the call: one that never returns keeps it.
        let reply = wazo_auth_work::within(self.timeout, || object.call(slot, method, &head, body))
            .unwrap_or(Err(Ended::TimedOut));
        let answer = match reply {
            Ok(frame) => Ok(Some(frame)),
            Err(Ended::Failure(error)) => self.refusal(error).map_or(Ok(None), Err),
            // Of the daemon: that it was not called shows nothing of its health.
            Err(Ended::Restarting(wait)) => return Err(self.restarting(wait)),
            Err(ended) => Err(self.ended(ended)),
        };
        self.note(&answer);
        answer
    }

    /// What the answer says of the plugin's health.
    fn note<A>(&self, answer: &Result<A, CallError>) {
        match answer {
            Ok(_) => self.health.answered(),
            Err(CallError::TimedOut { .. }) => self.health.timed_out("it did not answer in time"),
            Err(CallError::Panicked { text, .. }) => {
                self.health.panicked(&format!("it panicked: {text}"));
            }
            // Its process has been counted.
            Err(CallError::Died { .. }) => {}
            Err(CallError::Api { error, .. }) => self.health.failed(&error.message),
            Err(
                CallError::BadReply { text, .. }
                | CallError::Failed { text, .. }
                | CallError::NotFound { text, .. }
                | CallError::Unauthorized { text, .. }
                | CallError::Busy { text, .. },
            ) => self.health.failed(text),
        }
    }

    /// The error that a call without an answer is.
    fn ended(&self, ended: Ended) -> CallError {
        let plugin = self.plugin();
        match ended {
            Ended::TimedOut => CallError::TimedOut { plugin },
            Ended::Unusable(text) => self.bad_reply(shortened(&text, MAX_TEXT).to_owned()),
            Ended::Restarting(wait) => self.restarting(wait),
            Ended::Died(how) => CallError::Died { plugin, text: how },
            Ended::NotStarted(why) => {
                let text = format!("its process could not be started again: {}", why.sentence());
                CallError::Died { plugin, text: words(&text, &self.secrets) }
            }
            Ended::Failure(error) => self.failed(words(error.text(), &self.secrets)),
        }
    }

    fn restarting(&self, wait: Duration) -> CallError {
        let (name, seconds) = (&self.name, wait.as_secs_f32());
        let text = format!(
            "the process of `{name}` keeps ending; the next one may start in {seconds:.1} s"
        );
        CallError::Busy { plugin: self.plugin(), text }
    }

    fn quarantined(&self, remaining: Duration) -> CallError {
        let seconds = remaining.as_secs_f32();
        let text = format!(
            "it is quarantined for {seconds:.1} s more, as it kept panicking or ending its process"
        );
        CallError::Busy { plugin: self.plugin(), text }
    }

    /// The error that a failure of the plugin is; none when it merely does not
    /// have the method.
    pub(crate) fn refusal(&self, error: Error) -> Option<CallError> {
        // What most plugins answer to most methods: nothing to put into words.
        if error.kind() == ErrorKind::Unsupported {
            return None;
        }
        let plugin = self.plugin();
        let text = words(error.text(), &self.secrets);
        if let Some(api) = error.api() {
            return Some(self.api_error(api, text));
        }
        Some(match error.kind() {
            ErrorKind::Panic => CallError::Panicked { plugin, text },
            ErrorKind::Unauthorized => CallError::Unauthorized { plugin, text },
            ErrorKind::NotFound => CallError::NotFound { plugin, text },
            ErrorKind::Busy => CallError::Busy { plugin, text },
            _ => CallError::Failed { plugin, text },
        })
    }

    /// What the API is to answer; `text` is its message without secrets.
    fn api_error(&self, error: &ApiError, text: String) -> CallError {
        if !(400..=599).contains(&error.status) {
            return self.bad_reply(format!("an error of status {}, which is none", error.status));
        }
        let mut error = error.clone();
        error.message = text;
        CallError::Api { plugin: self.plugin(), error: Box::new(error) }
    }

    /// A failure that has no kind of its own.
    pub(crate) fn failed(&self, text: impl Into<String>) -> CallError {
        CallError::Failed { plugin: self.plugin(), text: text.into() }
    }

    /// An answer that is not used.
    pub(crate) fn bad_reply(&self, text: String) -> CallError {
        CallError::BadReply { plugin: self.plugin(), text }
    }

    fn busy(&self, full: &Full) -> CallError {
        let (slots, hung) = (self.gate.slots(), full.hung);
        let text = format!(
            "all its {slots} slots (plugins.{}.max_concurrent_calls) are taken, {hung} of them by \
             calls that did not return in time",
            self.name
        );
        CallError::Busy { plugin: self.plugin(), text }
    }

    fn crowded_out(&self, used_up: &UsedUp) -> CallError {
        let workers = used_up.workers;
        let text = format!(
            "calls of plugins hold all {workers} workers that they may hold together \
             (a part of rest_api.max_threads)"
        );
        CallError::Busy { plugin: self.plugin(), text }
    }

    /// Reads the head of an answer.
    pub(crate) fn read<A: DeserializeOwned>(&self, frame: &Frame) -> Result<A, CallError> {
        reply::read(frame.head.as_str()).map_err(|text| self.bad_reply(text))
    }

    fn plugin(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }
}

fn to_json(request: &impl Serialize) -> serde_json::Result<String> {
    let mut head = Vec::with_capacity(MOST_HEADS);
    serde_json::to_writer(&mut head, request)?;
    String::from_utf8(head).map_err(serde::ser::Error::custom)
}

/// What a plugin says of a failure, without secrets and not too long.
fn words(text: &str, secrets: &[String]) -> String {
    shortened(&hidden(text, secrets), MAX_TEXT).to_owned()
}
