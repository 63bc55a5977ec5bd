//! One record as one line (contract: config.md section 6).

use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use jiff::{Timestamp, civil, tz::TimeZone};

use crate::level::Level;

/// What a line says.
pub(crate) struct Record<'a> {
    pub at: Timestamp,
    pub level: Level,
    pub logger: &'a str,
    pub message: fmt::Arguments<'a>,
}

/// A line that ends in a line feed, and the local time it begins with.
pub(crate) struct Line {
    pub text: String,
    pub local: civil::DateTime,
}

// === impl Line ===

impl Line {
    pub(crate) fn new(record: &Record<'_>, zone: &TimeZone) -> Self {
        let offset = zone.to_offset_info(record.at);
        let local = offset.offset().to_datetime(record.at);
        let mut text = String::with_capacity(512);
        // Nothing here can fail but a message's own formatting: the line then ends early.
        let _ = write!(
            text,
            "{}-{:02}-{:02} {:02}:{:02}:{:02},{:03} {} [pid {}] [tid {}] ({}) (",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
            local.millisecond(),
            offset.abbreviation(),
            *PROCESS,
            thread_id(),
            record.level.word(),
        );
        let _ = Escaped(&mut text).write_str(record.logger);
        text.push_str("): ");
        let _ = Escaped(&mut text).write_fmt(record.message);
        text.push('\n');
        Self { text, local }
    }
}

/// The number of this process, which asks the kernel for it once: it writes a
/// line after the other, and never forks.
static PROCESS: LazyLock<u32> = LazyLock::new(std::process::id);

/// The number the kernel gave the thread, as `ps -L` shows it.
fn thread_id() -> i32 {
    thread_local! {
        static ID: i32 = nix::unistd::gettid().as_raw();
    }
    ID.try_with(|id| *id).unwrap_or_default()
}

/// Writes control characters as escapes, so that no message can begin a line
/// of its own or speak to the terminal of who reads the log.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nearly every text; no look at the kind of each character is needed.
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.0.push_str(text);
            return Ok(());
        }
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| must_escape(c)) {
            self.0.push_str(&rest[..at]);
            self.0.extend(c.escape_default());
            rest = &rest[at + c.len_utf8()..];
        }
        self.0.push_str(rest);
        Ok(())
    }
}

/// Control characters but the tab, Unicode's own line ends, and what turns the
/// direction of text around.
fn must_escape(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
