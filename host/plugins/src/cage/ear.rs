//! What a plugin in a process of its own asks the daemon for and says.

use log::Level;
use wazo_auth_plugin_api::abi;

use crate::{
    frame::{self, Frame, What},
    host::{HostFailure, HostObject},
};

/// The daemon, for one process.
pub(crate) struct Ear(HostObject);

// === impl Ear ===

impl Ear {
    pub(crate) fn new(host: HostObject) -> Self {
        Self(host)
    }

    /// The name of the plugin.
    pub(crate) fn plugin(&self) -> &str {
        &self.0.plugin
    }

    /// The secrets of its configuration.
    pub(crate) fn secrets(&self) -> &[String] {
        &self.0.secrets
    }

    /// Serves the plugin, on the thread of the call if it is in one.
    pub(crate) fn answer(&self, ask: &Frame) -> Vec<u8> {
        match self.0.serve(&ask.name, &ask.head, &ask.body) {
            Ok(served) => frame::encode(
                What::Served,
                0,
                ask.id,
                "",
                served.head.as_str(),
                served.body.as_slice(),
            ),
            Err(failure) => not_served(ask, &failure),
        }
    }

    /// The answer to a call that was given up.
    pub(crate) fn nobody_waits(ask: &Frame) -> Vec<u8> {
        not_served(ask, &HostFailure::nobody_waits())
    }

    /// The answer when it asks for too much at a time.
    pub(crate) fn too_much(ask: &Frame) -> Vec<u8> {
        let kind = wazo_auth_plugin_api::ErrorKind::Busy;
        let text = "too many threads of the plugin ask for something at the same time";
        not_served(ask, &HostFailure::new(kind, text))
    }

    /// A line that the plugin writes to the log.
    pub(crate) fn line(&self, line: &Frame, secrets: &[String]) {
        self.0.write(line.code, &line.name, &line.head, secrets);
    }

    /// A line of its standard output or standard error.
    pub(crate) fn output(&self, line: &str, secrets: &[String]) {
        self.0.write(Level::Warn as u32, "output", line, secrets);
    }

    /// What is wrong with the process itself.
    pub(crate) fn complain(&self, sentence: &str) {
        log::error!(target: "wazo_auth.plugins",
            "the process of plugin `{}` is ended: {sentence}", self.plugin());
    }
}

fn not_served(ask: &Frame, failure: &HostFailure) -> Vec<u8> {
    let abi::Failure { kind, text } = failure.clone().into();
    frame::encode(What::NotServed, kind, ask.id, "", text.as_str(), &[])
}
