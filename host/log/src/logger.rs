//! Routes records to their destinations.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wazo_auth_context::Context;

use crate::level::Level;
use crate::line::{Line, Record};
use crate::syslog::{self, Entry, Outbox};
use crate::{CRITICAL_SUFFIX, LogError};

/// Where the log goes, from which level on.
pub struct LogOptions {
    /// The least serious level that is logged.
    pub level: Level,
    /// Gets every record; see [`crate::open_file`].
    pub file: Option<File>,
    /// Gets records below ERROR.
    pub stdout: Option<File>,
    /// Gets records from ERROR on.
    pub stderr: Option<File>,
    /// Whether the local syslog gets every record, too.
    pub syslog: bool,
    /// The clock and the time zone of the lines.
    pub context: Context,
}

/// The logger itself, for those who hand it to the `log` crate on their own; others use [`init`].
pub struct Logger(Arc<Shared>);

/// Changes the logger while it runs.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

struct Shared {
    level: AtomicU8,
    file: Option<Destination>,
    stdout: Option<Destination>,
    stderr: Option<Destination>,
    syslog: Option<Outbox>,
    context: Context,
}

/// Makes the log of this process: from now on, `log::info!` and its like end there.
///
/// # Errors
/// A log was made before, or the thread for syslog cannot be started.
pub fn init(options: LogOptions) -> Result<Handle, LogError> {
    let (logger, handle) = Logger::new(options)?;
    log::set_boxed_logger(Box::new(logger)).map_err(|_| LogError::Twice)?;
    handle.set_level(handle.level());
    Ok(handle)
}

// === impl LogOptions ===

impl LogOptions {
    /// Standard output and standard error of this process, no file, no syslog.
    ///
    /// # Errors
    /// One of them is closed.
    pub fn standard(level: Level, context: Context) -> Result<Self, LogError> {
        let stdout = duplicate(&io::stdout())?;
        let stderr = duplicate(&io::stderr())?;
        Ok(Self {
            level,
            file: None,
            stdout: Some(stdout),
            stderr: Some(stderr),
            syslog: false,
            context,
        })
    }
}

/// The same open file without the buffer that the standard library puts before it.
pub(crate) fn duplicate(stream: &impl AsFd) -> Result<File, LogError> {
    stream.as_fd().try_clone_to_owned().map(File::from).map_err(LogError::Closed)
}

// === impl Logger ===

impl Logger {
    /// A logger and its handle.
    ///
    /// # Errors
    /// The thread for syslog cannot be started.
    pub fn new(options: LogOptions) -> Result<(Self, Handle), LogError> {
        let syslog = if options.syslog {
            Some(Outbox::start(syslog::local()).map_err(LogError::Thread)?)
        } else {
            None
        };
        let shared = Arc::new(Shared {
            level: AtomicU8::new(options.level.number()),
            file: options.file.map(Destination::new),
            stdout: options.stdout.map(Destination::new),
            stderr: options.stderr.map(Destination::new),
            syslog,
            context: options.context,
        });
        Ok((Self(Arc::clone(&shared)), Handle(shared)))
    }
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let (level, logger) = level_and_logger(metadata);
        self.0.wants(level, logger)
    }

    fn log(&self, record: &log::Record<'_>) {
        let (level, logger) = level_and_logger(record.metadata());
        if self.0.wants(level, logger) {
            self.0.write(level, logger, *record.args());
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

// === impl Handle ===

impl Handle {
    /// Logs from this level on.
    pub fn set_level(&self, level: Level) {
        self.0.level.store(level.number(), Ordering::Relaxed);
        log::set_max_level(level.filter());
    }

    /// The least serious level that is logged.
    #[must_use]
    pub fn level(&self) -> Level {
        self.0.level()
    }

    /// Waits, for a second at most, until each destination has what was logged.
    pub fn flush(&self) {
        self.0.flush();
    }
}

// === impl Shared ===

impl Shared {
    fn level(&self) -> Level {
        Level::from_number(self.level.load(Ordering::Relaxed))
    }

    /// Libraries are heard from WARNING on; our own code as the level says.
    fn wants(&self, level: Level, logger: &str) -> bool {
        level >= self.level() && (level >= Level::Warning || is_ours(logger))
    }

    fn write(&self, level: Level, logger: &str, message: std::fmt::Arguments<'_>) {
        let record = Record { at: self.context.now(), level, logger, message };
        let line = Line::new(&record, &self.context.environment().time_zone);
        let stream = if level >= Level::Error { &self.stderr } else { &self.stdout };
        for destination in self.file.iter().chain(stream) {
            destination.write(line.text.as_bytes());
        }
        if let Some(syslog) = &self.syslog {
            syslog.put(Entry { level, local: line.local, text: line.text });
        }
    }

    fn flush(&self) {
        for destination in [&self.file, &self.stdout, &self.stderr].into_iter().flatten() {
            destination.flush();
        }
        if let Some(syslog) = &self.syslog {
            syslog.flush();
        }
    }
}

fn level_and_logger<'a>(metadata: &log::Metadata<'a>) -> (Level, &'a str) {
    match metadata.target().strip_suffix(CRITICAL_SUFFIX) {
        Some(logger) => (Level::Critical, logger),
        None => (metadata.level().into(), metadata.target()),
    }
}

/// The daemon's own crates and loggers, plugins (`wazo_auth.plugins.…`) and
/// what code printed.
fn is_ours(logger: &str) -> bool {
    logger.starts_with("wazo_auth")
        || logger.starts_with("wazo-auth")
        || matches!(logger, "STDOUT" | "STDERR")
}

/// An open file that gets whole lines.
///
/// A thread that finds another one writing leaves its line with it and goes on:
/// the slower the file, the more lines go with one call of the system.
struct Destination {
    file: File,
    lines: Mutex<Lines>,
    /// There is room for lines again, or nothing waits any more.
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    waiting: Vec<u8>,
    /// Whether a thread is at it.
    writing: bool,
}

/// Bytes that may wait. Beyond, whoever logs waits as well: behind a file that
/// takes nothing any more, memory must not grow.
const MOST_WAITING: usize = 256 * 1024;
/// How often a thread writes the lines that others left with it meanwhile.
const ROUNDS: usize = 4;
/// How long a flush waits.
const FLUSH: Duration = Duration::from_secs(1);

// === impl Destination ===

impl Destination {
    fn new(file: File) -> Self {
        Self { file, lines: Mutex::default(), changed: Condvar::new() }
    }

    fn write(&self, line: &[u8]) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        while lines.writing && lines.waiting.len() > MOST_WAITING {
            lines = self.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
        lines.waiting.extend_from_slice(line);
        if lines.writing {
            return;
        }
        lines.writing = true;
        for _ in 0..ROUNDS {
            let batch = std::mem::take(&mut lines.waiting);
            drop(lines);
            self.put(&batch);
            lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.waiting.is_empty() {
                break;
            }
        }
        // Nobody can add to what is written under the lock: this ends.
        self.put(&lines.waiting);
        lines.waiting.clear();
        lines.writing = false;
        self.changed.notify_all();
    }

    /// Waits until another thread has written what was left with it.
    fn flush(&self) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // A file that takes nothing keeps nobody from ending.
        drop(self.changed.wait_timeout_while(lines, FLUSH, |lines| lines.writing));
    }

    /// A full disk or a closed pipe must not stop the daemon, and there is
    /// nobody to tell: errors end here.
    fn put(&self, lines: &[u8]) {
        let _ = (&self.file).write_all(lines);
    }
}
