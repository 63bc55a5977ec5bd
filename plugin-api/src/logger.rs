//! `log` lines and panics of a plugin go to the daemon's log.
//!
//! Every `.so` has its own `log` and its own panic hook, which know nothing of
//! the daemon's: this module connects them.

use std::{cell::RefCell, panic, sync::OnceLock};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::{Host, export::panic_text};

/// The host of the first plugin of this file: where threads of the plugin's
/// own send their lines.
static FIRST: OnceLock<Host> = OnceLock::new();

thread_local! {
    /// The host of the call in progress on this thread.
    static CURRENT: RefCell<Option<Host>> = const { RefCell::new(None) };
}

struct ToHost;

/// Ends the call in progress when dropped.
pub(crate) struct Entered(Option<Host>);

/// Makes `log` and the panic hook of this file speak to the daemon.
pub(crate) fn install() {
    // Silent until a plugin is made and its host has told the level.
    let _ = log::set_logger(&ToHost);
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = format!("panicked at {place}: {}", panic_text(panic.payload()));
        send(Level::Error, "panic", &text);
    }));
}

/// Makes `log` in a test program speak to the host of the call in progress.
pub(crate) fn install_for_test() {
    if log::set_logger(&ToHost).is_ok() {
        log::set_max_level(LevelFilter::Trace);
    }
}

/// Keeps the host of the first plugin, and lets those lines through that the
/// host of any plugin of this file writes: what nobody reads (most lines of an
/// author's libraries) is not even put into words.
pub(crate) fn remember(host: &Host) {
    let _ = FIRST.set(host.clone());
    log::set_max_level(log::max_level().max(host.log_level()));
}

/// Lines of this thread go to `host` until the answer is dropped.
pub(crate) fn enter(host: &Host) -> Entered {
    let before = CURRENT.try_with(|current| current.replace(Some(host.clone())));
    Entered(before.ok().flatten())
}

fn send(level: Level, target: &str, text: &str) {
    // Not borrowed while the host runs: it may call this plugin again.
    let current = CURRENT.try_with(|current| current.try_borrow().ok().and_then(|h| h.clone()));
    if let Some(host) = current.ok().flatten().as_ref().or_else(|| FIRST.get()) {
        host.log(level, target, text);
    }
}

// === impl ToHost ===

impl Log for ToHost {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        send(record.level(), record.target(), &record.args().to_string());
    }

    fn flush(&self) {}
}

// === impl Entered ===

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.0.take();
        let host = CURRENT.try_with(|current| current.replace(before));
        drop(host);
    }
}
