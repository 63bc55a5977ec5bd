//! The log of a command: what its user ought to know, on standard error.

/// Shows warnings and what is worse from now on, each as a line that begins with
/// `prefix`.
pub(crate) fn start(prefix: &'static str) {
    if log::set_boxed_logger(Box::new(ToStderr { prefix })).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

struct ToStderr {
    prefix: &'static str,
}

impl log::Log for ToStderr {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            eprintln!("{}{}", self.prefix, record.args());
        }
    }

    fn flush(&self) {}
}
