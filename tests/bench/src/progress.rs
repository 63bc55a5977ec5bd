//! How far something slow is, for whoever waits at a terminal.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(200);

/// One line on standard error that changes until it is done.
pub(crate) struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    shown: Option<Instant>,
    visible: bool,
}

// === impl Progress ===

impl Progress {
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        Self { what, total, done: 0, shown: None, visible: stderr().is_terminal() }
    }

    pub(crate) fn advance(&mut self, by: u64) {
        self.done += by;
        let now = Instant::now();
        if self.visible && self.shown.is_none_or(|shown| now.duration_since(shown) > PAUSE) {
            let percent = self.done * 100 / self.total.max(1);
            let _ = write!(stderr(), "\r  {}: {percent} %  ", self.what);
            self.shown = Some(now);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.visible {
            let _ = write!(stderr(), "\r{:60}\r", "");
        }
    }
}
