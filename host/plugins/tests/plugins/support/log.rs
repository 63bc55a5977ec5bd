//! What this program logged so far.

use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Capture;

/// Keeps every line from now on.
pub fn capture() {
    if log::set_logger(&Capture).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// `LEVEL target text` of each line.
pub fn lines() -> Vec<String> {
    LINES.lock().unwrap().clone()
}

impl Log for Capture {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        LINES.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}
