//! The local syslog as a further destination.
//!
//! Sending to syslog may block or fail at any time (a restart of its daemon
//! breaks every connection), so a thread of its own does it. A caller only
//! puts a line in a bounded queue; what does not fit, or does not arrive, is
//! missing there but still in the log file.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use jiff::civil;
use syslog::{Facility, LogFormat, LoggerBackend, Severity};

use crate::level::Level;

/// Lines that may wait.
const QUEUE: usize = 1024;
/// The usual limit of syslog daemons; longer lines are cut.
const LONGEST: usize = 8000;
/// How long a flush waits for the queue to empty.
const FLUSH: Duration = Duration::from_secs(1);

/// Opens a connection.
pub(crate) type Connect = Box<dyn FnMut() -> syslog::Result<Connection> + Send>;
type Connection = syslog::Logger<LoggerBackend, Rfc3164>;

/// Where callers put their lines.
pub(crate) struct Outbox(SyncSender<Job>);

enum Job {
    Send(Entry),
    Flush(SyncSender<()>),
}

/// A line on its way.
pub(crate) struct Entry {
    pub level: Level,
    pub local: civil::DateTime,
    pub text: String,
}

// === impl Outbox ===

impl Outbox {
    /// Starts the thread; it ends with the outbox.
    pub(crate) fn start(connect: Connect) -> io::Result<Self> {
        let (sender, jobs) = sync_channel(QUEUE);
        let courier = Courier { connect, connection: None };
        thread::Builder::new().name("syslog".to_owned()).spawn(move || courier.run(&jobs))?;
        Ok(Self(sender))
    }

    /// Queues a line, or drops it if the queue is full.
    pub(crate) fn put(&self, entry: Entry) {
        let _ = self.0.try_send(Job::Send(entry));
    }

    /// Waits, for a second at most, until what is queued was sent.
    pub(crate) fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.0.try_send(Job::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(FLUSH);
        }
    }
}

/// Connects to the socket of this machine's syslog.
pub(crate) fn local() -> Connect {
    Box::new(|| syslog::unix(Rfc3164::new()))
}

struct Courier {
    connect: Connect,
    connection: Option<Connection>,
}

// === impl Courier ===

impl Courier {
    fn run(mut self, jobs: &Receiver<Job>) {
        for job in jobs {
            match job {
                Job::Send(entry) => self.deliver(&entry),
                Job::Flush(done) => drop(done.try_send(())),
            }
        }
    }

    /// A line that fails is tried once more on a new connection: the daemon
    /// may have been restarted since the last one.
    fn deliver(&mut self, entry: &Entry) {
        for _ in 0..2 {
            if self.connection.is_none() {
                self.connection = (self.connect)().ok();
            }
            let Some(connection) = &mut self.connection else { return };
            if send(connection, entry).is_ok() {
                return;
            }
            self.connection = None;
        }
    }
}

fn send(connection: &mut Connection, entry: &Entry) -> syslog::Result<()> {
    match entry.level {
        Level::Debug => connection.debug(entry),
        Level::Info => connection.info(entry),
        Level::Warning => connection.warning(entry),
        Level::Error => connection.err(entry),
        Level::Critical => connection.crit(entry),
    }
}

/// The old form, which every local syslog takes. The library's own formatter
/// asks the clock and sends UTC as if it were local time.
#[derive(Clone)]
pub(crate) struct Rfc3164 {
    pid: u32,
}

// === impl Rfc3164 ===

impl Rfc3164 {
    pub(crate) fn new() -> Self {
        Self { pid: std::process::id() }
    }
}

impl LogFormat<&Entry> for Rfc3164 {
    fn format<W: Write>(&self, w: &mut W, severity: Severity, entry: &Entry) -> syslog::Result<()> {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let local = entry.local;
        let month = usize::from(local.month().unsigned_abs()).saturating_sub(1);
        let priority = Facility::LOG_DAEMON as u8 | severity as u8;
        write!(
            w,
            "<{priority}>{} {:2} {:02}:{:02}:{:02} wazo-auth[{}]: {}",
            MONTHS.get(month).unwrap_or(&"Jan"),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
            self.pid,
            cut(&entry.text),
        )
        .map_err(syslog::Error::Write)
    }
}

/// At most [`LONGEST`] bytes, without the line feed.
fn cut(text: &str) -> &str {
    let text = text.trim_end_matches('\n');
    let end = (0..=LONGEST.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests;
