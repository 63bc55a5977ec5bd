//! Reads the lines of strace.

use std::collections::HashMap;

/// A system call enters the kernel, or leaves it. Both carry the same number.
#[derive(Debug)]
pub enum Event {
    /// Nothing of it has happened yet.
    Began { number: usize, call: Call },
    /// All of it has happened.
    Ended { number: usize, call: Call },
}

/// A system call that matters here.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// `write`, `writev`, `sendto`, `sendmsg` on a TCP connection.
    Send { socket: String, text: String },
    /// `recvfrom` on a TCP connection; its text is known when it has ended.
    Receive { socket: String, text: String },
    /// `pwrite64` to a file.
    Write { file: String, at: u64, bytes: Vec<u8> },
    /// `ftruncate` of a file.
    Truncate { file: String, length: u64 },
    /// `fdatasync` or `fsync` of a file.
    Sync { file: String },
    /// Anything else.
    Other,
}

/// The calls of a trace in the order in which they began and ended. Calls that
/// failed have no end.
pub fn events(lines: &[&str]) -> Vec<Event> {
    let mut unfinished: HashMap<&str, (usize, String)> = HashMap::new();
    let mut events = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix(" <unfinished ...>") {
            events.push(Event::Began { number, call: Call::of(start) });
            unfinished.insert(thread, (number, start.to_owned()));
        } else if let Some(end) = rest.strip_prefix("<... ") {
            let Some((began, start)) = unfinished.remove(thread) else { continue };
            let Some((_, end)) = end.split_once(" resumed>") else { continue };
            push_end(&mut events, began, &(start + end));
        } else {
            events.push(Event::Began { number, call: Call::of(rest) });
            push_end(&mut events, number, rest);
        }
    }
    events
}

fn push_end(events: &mut Vec<Event>, number: usize, text: &str) {
    let failed = text.rsplit_once(" = ").is_none_or(|(_, result)| result.starts_with('-'));
    if !failed {
        events.push(Event::Ended { number, call: Call::of(text) });
    }
}

// === impl Call ===

impl Call {
    /// Reads `name(fd<what>, arguments…`, which may end early.
    fn of(text: &str) -> Self {
        Self::read(text).unwrap_or(Self::Other)
    }

    fn read(text: &str) -> Option<Self> {
        let (name, arguments) = text.split_once('(')?;
        let (descriptor, rest) = arguments.split_once('<')?;
        if descriptor.is_empty() || !descriptor.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (what, rest) = match rest.strip_prefix("TCP") {
            Some(_) => rest.split_once("]>")?,
            None => rest.split_once('>')?,
        };
        let tcp = what.starts_with("TCP");
        let file = what.to_owned();
        Some(match name {
            "write" | "writev" | "sendto" | "sendmsg" if tcp => {
                Self::Send { socket: file, text: lossy(&strings(rest)) }
            }
            "recvfrom" if tcp => Self::Receive { socket: file, text: lossy(&strings(rest)) },
            "fdatasync" | "fsync" => Self::Sync { file },
            "ftruncate" => Self::Truncate { file, length: numbers(rest).first().copied()? },
            "pwrite64" => {
                let (_, after) = rest.rsplit_once("\", ")?;
                Self::Write { file, at: *numbers(after).get(1)?, bytes: strings(rest) }
            }
            _ => return None,
        })
    }
}

/// The whole numbers up to the closing bracket.
fn numbers(text: &str) -> Vec<u64> {
    let text = text.split(')').next().unwrap_or_default();
    text.split(", ").filter_map(|number| number.trim().parse().ok()).collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// All quoted strings of the arguments, one after the other, without escapes.
fn strings(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes().peekable();
    let mut inside = false;
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => inside = !inside,
            _ if !inside => {}
            b'\\' => match rest.next() {
                Some(b'n') => bytes.push(b'\n'),
                Some(b'r') => bytes.push(b'\r'),
                Some(b't') => bytes.push(b'\t'),
                Some(b'v') => bytes.push(0x0b),
                Some(b'f') => bytes.push(0x0c),
                Some(digit @ b'0'..=b'7') => {
                    let mut value = u32::from(digit - b'0');
                    for _ in 0..2 {
                        let Some(digit) = rest.next_if(|byte| (b'0'..=b'7').contains(byte)) else {
                            break;
                        };
                        value = value * 8 + u32::from(digit - b'0');
                    }
                    bytes.push(value.to_le_bytes()[0]);
                }
                Some(other) => bytes.push(other),
                None => {}
            },
            byte => bytes.push(byte),
        }
    }
    bytes
}
