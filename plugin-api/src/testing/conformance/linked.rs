//! A plugin that is part of the test program.

use std::sync::atomic::{AtomicUsize, Ordering};

use abi_stable::std_types::{RResult, RSlice, RStr};

use super::border::{Failed, Library, Line, Object, Reply};
use crate::{
    Host, Result,
    abi::{Failure, PluginBox},
    export, logger,
    testing::MockHost,
};

/// How it is made, and the daemon that it is made in.
pub(super) struct Linked {
    create: fn(&str, Host) -> Result<PluginBox>,
    host: MockHost,
    /// Lines that were looked at.
    seen: AtomicUsize,
}

// === impl Linked ===

impl Linked {
    pub(super) fn new(create: fn(&str, Host) -> Result<PluginBox>, host: MockHost) -> Self {
        logger::install_for_test();
        let seen = AtomicUsize::new(host.logs().len());
        Self { create, host, seen }
    }
}

impl Library for Linked {
    fn make(&self, config: &str) -> Result<Box<dyn Object>, Failed> {
        let host = self.host.handle();
        let made = export::guard(&host, || (self.create)(config, host.clone()));
        match made {
            Ok(object) => Ok(Box::new(object)),
            Err(error) => Err(Failure::from(error).into()),
        }
    }

    fn lines(&self) -> Vec<Line> {
        let lines = self.host.logs();
        let seen = self.seen.swap(lines.len(), Ordering::SeqCst);
        let new = lines.into_iter().skip(seen);
        new.map(|line| Line { target: line.target, text: line.text }).collect()
    }

    fn asked_in_vain(&self) -> bool {
        self.host.asked_in_vain()
    }
}

impl Object for PluginBox {
    fn call(&self, method: &str, head: &str, body: &[u8]) -> Reply {
        match PluginBox::call(self, RStr::from(method), RStr::from(head), RSlice::from(body)) {
            RResult::ROk(frame) => Reply::Answer {
                head: frame.head.into_bytes().into_vec(),
                body: frame.body.into_vec(),
            },
            RResult::RErr(failure) => Reply::Failure(failure.into()),
        }
    }

    fn close(self: Box<Self>) -> Option<String> {
        let before = export::panics_here();
        drop(self);
        let panicked = export::panics_here() > before;
        panicked.then(|| "it panicked".to_owned())
    }
}

// === impl Failed ===

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self { kind: failure.kind, text: failure.text.into_string() }
    }
}
