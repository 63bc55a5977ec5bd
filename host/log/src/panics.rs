//! Panics belong in the log, too.

use std::any::Any;
use std::panic;
use std::thread;

/// From now on a panic is logged as ERROR of the logger `STDERR`, in one
/// line, instead of being printed.
pub fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("unnamed");
        let place = info.location().map_or_else(String::new, |place| format!(" at {place}"));
        let message = message(info.payload());
        log::error!(target: "STDERR", "thread `{name}` panicked{place}: {message}");
    }));
}

fn message(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
