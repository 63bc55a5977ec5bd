//! What a plugin's process writes to its standard output and standard error.

use std::{
    io::{self, Read},
    process::ChildStderr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::cage::{Cage, Worker};

/// Longest line that is kept in one piece.
const MAX_LINE: usize = 4 * 1024;
const CHUNK: usize = 16 * 1024;
/// Most bytes that are read in a time: who writes more has to wait.
const MOST_AT_A_TIME: usize = 1024 * 1024;
const TIME: Duration = Duration::from_millis(500);

/// Writes it to the log, as far as there is room.
pub(crate) fn follow(
    output: ChildStderr,
    cage: &Arc<Cage>,
    worker: &Arc<Worker>,
) -> io::Result<JoinHandle<()>> {
    let (cage, worker) = (Arc::clone(cage), Arc::clone(worker));
    thread::Builder::new()
        .name("cage-output".to_owned())
        .spawn(move || read(output, |line| cage.ear.output(line, &worker.channel.secrets())))
}

fn read(mut output: impl Read, mut tell: impl FnMut(&str)) {
    let (mut kept, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    let (mut since, mut read) = (Instant::now(), 0);
    loop {
        match output.read(&mut chunk) {
            Ok(length @ 1..) => {
                kept.extend_from_slice(&chunk[..length]);
                read += length;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => break,
        }
        take_lines(&mut kept, &mut tell);
        let passed = since.elapsed();
        if passed >= TIME {
            (since, read) = (Instant::now(), 0);
        } else if read >= MOST_AT_A_TIME {
            thread::park_timeout(TIME - passed);
        }
    }
    say(&kept, &mut tell);
}

fn take_lines(kept: &mut Vec<u8>, tell: &mut impl FnMut(&str)) {
    let mut start = 0;
    while let Some(length) = kept[start..].iter().position(|byte| *byte == b'\n') {
        say(&kept[start..start + length], tell);
        start += length + 1;
    }
    kept.drain(..start);
    if kept.len() > MAX_LINE {
        say(kept, tell);
        kept.clear();
    }
}

fn say(line: &[u8], tell: &mut impl FnMut(&str)) {
    let line = &line[..line.len().min(MAX_LINE)];
    let text = String::from_utf8_lossy(line);
    let text = crate::text::one_line(&text, MAX_LINE);
    if !text.is_empty() {
        tell(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_whatever_they_hold() {
        let mut told = Vec::new();
        let output = [&b"one\n\n\xff\x1b[31mtwo\r\n"[..], &[b'x'; 5000], b"\nlast"].concat();
        read(&*output, |line| told.push(line.to_owned()));
        assert_eq!(told.len(), 4, "{told:?}");
        assert_eq!((&*told[0], &*told[1], &*told[3]), ("one", "\u{fffd}\\u{1b}[31mtwo", "last"));
        assert_eq!(told[2].len(), MAX_LINE);
    }
}
