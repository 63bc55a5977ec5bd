//! What a plugin in a process of its own asks the daemon for and says.

use log::Level;
use wazo_auth_plugin_api::{ErrorKind, abi};

use crate::{
    frame::{self, Frame, OF_DAEMON, What},
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
            Ok(abi::Frame { head, body }) if !OF_DAEMON.hold(head.len(), body.len()) => {
                let (name, length) = (&ask.name, head.len().max(body.len()));
                let most = OF_DAEMON.body;
                let text = format!(
                    "the answer of `{name}` has {length} bytes, at most {most} reach a process of \
                     its own: ask for less at a time"
                );
                not_served(ask, &HostFailure::new(ErrorKind::Host, text))
            }
            Ok(abi::Frame { head, body }) => {
                frame::encode(What::Served, 0, ask.id, "", head.as_str(), body.as_slice())
            }
            Err(failure) => not_served(ask, &failure),
        }
    }

    /// The answer to a call that was given up.
    pub(crate) fn nobody_waits(ask: &Frame) -> Vec<u8> {
        not_served(ask, &HostFailure::nobody_waits())
    }

    /// The answer when it asks for too much at a time.
    pub(crate) fn too_much(ask: &Frame) -> Vec<u8> {
        let text = "too many threads of the plugin ask for something at the same time";
        not_served(ask, &HostFailure::new(ErrorKind::Busy, text))
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

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{Caller, HostServices, frame::Inbox, gate::Gate};

    struct Much;

    impl HostServices for Much {
        fn call(
            &self,
            _: &Caller,
            _: &str,
            _: &str,
            _: &[u8],
        ) -> Result<(String, Vec<u8>), HostFailure> {
            Ok((String::new(), vec![0; OF_DAEMON.body + 1]))
        }
    }

    #[test]
    fn an_answer_that_is_too_long_is_a_failure_and_not_the_end_of_the_process() {
        let gate = Gate::new(1, Duration::ZERO);
        let ear = Ear::new(HostObject::new(
            Caller::new("backend", "asks", None),
            gate,
            Arc::new(Much),
            Vec::new(),
        ));
        let (what, name, head) = (What::Ask, "api.request".to_owned(), "{}".to_owned());
        let answer = ear.answer(&Frame { what, code: 0, id: 7, name, head, body: Vec::new() });
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        std::io::Write::write_all(&mut theirs, &answer).unwrap();
        let answer = Inbox::new(OF_DAEMON).receive(&ours).unwrap().unwrap();
        assert_eq!((answer.what, answer.id), (What::NotServed, 7));
        assert!(answer.head.contains("ask for less at a time"), "{}", answer.head);
    }
}
