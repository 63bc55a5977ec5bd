//! One plugin that was made, or could not be, and how it is called.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use abi_stable::std_types::{RResult, RSlice, RStr};
use serde::{Serialize, de::DeserializeOwned};
use wazo_auth_plugin_api::{
    Error, ErrorKind, Host,
    abi::{Frame, PluginBox},
};

use crate::{
    CallError,
    gate::{Full, Gate},
    host::HostObject,
    share::{Share, UsedUp},
    text::shortened,
};

/// Most bytes that the head of an answer may have.
const MAX_HEAD: usize = 1024 * 1024;
/// Deepest nesting of objects and lists that it may have.
const MAX_DEPTH: usize = 64;
/// Most bytes that are kept of the text of a failure.
const MAX_TEXT: usize = 4 * 1024;

/// One registered plugin.
pub(crate) struct Instance {
    name: Arc<str>,
    /// The plugin, or why it could not be made.
    object: Result<PluginBox, String>,
    /// The host as the plugin sees it, for the documented defaults.
    host: Host,
    gate: Arc<Gate>,
    /// What it shares with other plugins; the daemon's own share nothing.
    share: Option<Arc<Share>>,
    timeout: Duration,
    panics: AtomicU64,
}

// === impl Instance ===

impl Instance {
    /// The plugin that was made, or a registered one that never was: each call
    /// of it will fail.
    pub(crate) fn new(
        host: HostObject,
        share: Option<Arc<Share>>,
        timeout: Duration,
        object: Result<PluginBox, String>,
    ) -> Self {
        Self {
            name: Arc::clone(&host.plugin),
            object: object.map_err(|reason| shortened(&reason, MAX_TEXT).to_owned()),
            gate: Arc::clone(&host.gate),
            host: Host::new(host.into_object()),
            share,
            timeout,
            panics: AtomicU64::new(0),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Why it can never be called, if so.
    pub(crate) fn unusable(&self) -> Option<&str> {
        self.object.as_ref().err().map(String::as_str)
    }

    /// The host as the plugin sees it.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// How often it panicked.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Runs a method. `None`: the plugin does not have it, and its documented
    /// default is to be used.
    pub(crate) fn call<Q: Serialize, A: DeserializeOwned>(
        &self,
        method: &str,
        request: &Q,
    ) -> Result<Option<A>, CallError> {
        let object = self.object.as_ref().map_err(|reason| {
            self.failed(format!("it could not be started when the daemon did: {reason}"))
        })?;
        let head =
            serde_json::to_string(request).map_err(|error| self.failed(error.to_string()))?;
        let turn = self.share.as_ref().map(Share::enter).transpose();
        let _turn = turn.map_err(|used_up| self.crowded_out(&used_up))?;
        let slot = self.gate.enter().map_err(|full| self.busy(&full))?;
        let call = || object.call(RStr::from(method), RStr::from(&*head), RSlice::from(&[][..]));
        // The slot goes with the call: one that never returns keeps it.
        let reply = wazo_auth_work::within(self.timeout, || slot.call(call))
            .map_err(|_| CallError::TimedOut { plugin: self.plugin() })?;
        match reply {
            RResult::ROk(frame) => self.read(&frame).map(Some),
            RResult::RErr(failure) => self.refusal(failure.into()).map_or(Ok(None), Err),
        }
    }

    /// The error that a failure of the plugin is; none when it merely does not
    /// have the method.
    pub(crate) fn refusal(&self, error: Error) -> Option<CallError> {
        let plugin = self.plugin();
        let text = shortened(error.text(), MAX_TEXT).to_owned();
        Some(match error.kind() {
            ErrorKind::Unsupported => return None,
            ErrorKind::Panic => {
                self.panics.fetch_add(1, Ordering::Relaxed);
                CallError::Panicked { plugin, text }
            }
            ErrorKind::Unauthorized => CallError::Unauthorized { plugin, text },
            ErrorKind::NotFound => CallError::NotFound { plugin, text },
            ErrorKind::Busy => CallError::Busy { plugin, text },
            _ => CallError::Failed { plugin, text },
        })
    }

    /// A failure that has no kind of its own.
    pub(crate) fn failed(&self, text: impl Into<String>) -> CallError {
        CallError::Failed { plugin: self.plugin(), text: text.into() }
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

    fn read<A: DeserializeOwned>(&self, frame: &Frame) -> Result<A, CallError> {
        let bad = |text| CallError::BadReply { plugin: self.plugin(), text };
        let head = frame.head.as_str();
        if head.len() > MAX_HEAD {
            return Err(bad(format!("{} bytes, at most {MAX_HEAD} are read", head.len())));
        }
        if is_deeper_than(head.as_bytes(), MAX_DEPTH) {
            return Err(bad(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        serde_json::from_str(head).map_err(|error| {
            // Not the error's own text: it may quote the answer.
            let (line, column) = (error.line(), error.column());
            bad(format!("not of the expected form (line {line}, column {column})"))
        })
    }

    fn plugin(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }
}

/// Whether objects and lists are nested deeper than `max`.
fn is_deeper_than(json: &[u8], max: usize) -> bool {
    if json.len() <= max {
        return false;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > max {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_deeper_than;

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn depth_is_that_of_open_brackets() {
        assert!(!is_deeper_than(nested(64).as_bytes(), 64));
        assert!(is_deeper_than(nested(65).as_bytes(), 64));
        assert!(!is_deeper_than("[],".repeat(100).as_bytes(), 64));
        assert!(is_deeper_than(format!(r#"{{"a": {}}}"#, nested(64)).as_bytes(), 64));
    }

    #[test]
    fn brackets_in_a_text_do_not_count() {
        let text = format!(r#"["{}", "\"{}\\"]"#, "[".repeat(100), "[".repeat(100));
        assert!(!is_deeper_than(text.as_bytes(), 64));
        let text = format!(r#"["\\", {}]"#, nested(64));
        assert!(is_deeper_than(text.as_bytes(), 64));
    }
}
