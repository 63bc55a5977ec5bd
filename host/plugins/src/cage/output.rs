//! What a plugin's process writes to its standard output and standard error.

use std::{
    io::{self, Read},
    os::fd::AsFd,
    process::ChildStderr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use crate::cage::{Cage, worker::Worker};

/// Longest line whose secrets are found. It is cut after that, where the log cuts
/// all lines; what is beyond is lost.
const MAX_LINE: usize = 64 * 1024;
const CHUNK: usize = 16 * 1024;
/// Most bytes that are read in a time: who writes more has to wait.
const MOST_AT_A_TIME: usize = 1024 * 1024;
const TIME: Duration = Duration::from_millis(500);
/// How often it is looked up whether the process has ended.
const TICK: u16 = 100;

/// Writes it to the log, as far as there is room.
pub(crate) fn follow(
    output: ChildStderr,
    cage: &Arc<Cage>,
    worker: &Arc<Worker>,
) -> io::Result<JoinHandle<()>> {
    let (cage, told, seen) = (Arc::clone(cage), Arc::clone(worker), Arc::clone(worker));
    let tell = move |line: &str| cage.ear.output(line, &told.channel.secrets());
    let has_ended = move || seen.has_ended();
    thread::Builder::new()
        .name("cage-output".to_owned())
        .spawn(move || read(UntilItsEnd { output, has_ended, ended: None }, tell))
}

/// What was written up to the end of the process. What it started elsewhere may
/// live on, and write for ever.
struct UntilItsEnd<R, F> {
    output: R,
    has_ended: F,
    /// When that was seen.
    ended: Option<Instant>,
}

impl<R: Read + AsFd, F: Fn() -> bool> Read for UntilItsEnd<R, F> {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.ended.is_none() && (self.has_ended)() {
                self.ended = Some(Instant::now());
            }
            let tick = if self.ended.is_some() { PollTimeout::ZERO } else { TICK.into() };
            let mut ready = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, tick) {
                Ok(0) | Err(Errno::EINTR) if self.ended.is_none() => {}
                Ok(1..) if self.ended.is_none_or(|ended| ended.elapsed() < TIME) => {
                    return self.output.read(chunk);
                }
                _ => return Ok(0),
            }
        }
    }
}

fn read(mut output: impl Read, mut tell: impl FnMut(&str)) {
    let (mut kept, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    let (mut since, mut read) = (Instant::now(), 0);
    loop {
        match output.read(&mut chunk) {
            Ok(length @ 1..) => {
                take_lines(&chunk[..length], &mut kept, &mut tell);
                read += length;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => break,
        }
        let passed = since.elapsed();
        if passed >= TIME {
            (since, read) = (Instant::now(), 0);
        } else if read >= MOST_AT_A_TIME {
            thread::park_timeout(TIME - passed);
        }
    }
    say(&kept, &mut tell);
}

/// Tells the lines that end here; of the last one so much is kept as is told.
fn take_lines(mut chunk: &[u8], kept: &mut Vec<u8>, tell: &mut impl FnMut(&str)) {
    while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
        keep(&chunk[..end], kept);
        say(kept, tell);
        kept.clear();
        chunk = &chunk[end + 1..];
    }
    keep(chunk, kept);
}

fn keep(part: &[u8], kept: &mut Vec<u8>) {
    let room = MAX_LINE - kept.len();
    kept.extend_from_slice(&part[..part.len().min(room)]);
}

fn say(line: &[u8], tell: &mut impl FnMut(&str)) {
    // Whole: half a secret would not be recognized.
    let text = crate::text::one_line(&String::from_utf8_lossy(line), usize::MAX);
    if !text.is_empty() {
        tell(&text);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_are_told_whatever_they_hold() {
        let mut told = Vec::new();
        let output =
            [&b"one\n\n\xff\x1b[31mtwo\r\n"[..], &[b'x'; MAX_LINE + 1], b"y\nlast"].concat();
        read(&*output, |line| told.push(line.to_owned()));
        assert_eq!(told.len(), 4, "{told:?}");
        assert_eq!((&*told[0], &*told[1], &*told[3]), ("one", "\u{fffd}\\u{1b}[31mtwo", "last"));
        assert_eq!(told[2].len(), MAX_LINE);
    }

    #[test]
    fn who_lives_on_after_the_process_is_not_listened_to() {
        let (output, mut another) = io::pipe().unwrap();
        another.write_all(b"before\nits end").unwrap();
        let mut told = Vec::new();
        let output = UntilItsEnd { output, has_ended: || true, ended: None };
        read(output, |line| told.push(line.to_owned()));
        assert_eq!(told, ["before", "its end"]);
        drop(another);
    }
}
