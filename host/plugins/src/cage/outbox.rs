//! What is sent to the process of a plugin over the connection of its calls.

use std::{
    collections::VecDeque,
    io::{self, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use wazo_auth_work::is_abandoned;

use crate::cage::process::Process;

/// How long it may take to send what nobody waits for; longer, and it is sent later.
const TICK: Duration = Duration::from_millis(20);
/// Most refusals that wait to be sent: more than there can be calls.
const MOST_OWED: usize = 1024;

/// The way to one process: one frame after the other.
pub(crate) struct Outbox {
    stream: UnixStream,
    writer: Mutex<()>,
    /// Frames that threads of the plugin wait for, and nobody here does.
    owed: Mutex<VecDeque<Vec<u8>>>,
}

/// Why a frame was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// There was no room for it in time; nothing of it was sent.
    Late,
    /// The process is at its end.
    Ended(&'static str),
}

// === impl Outbox ===

impl Outbox {
    /// The way through a socket.
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_write_timeout(Some(TICK))?;
        Ok(Self { stream, writer: Mutex::new(()), owed: Mutex::default() })
    }

    /// Sends a frame.
    pub(crate) fn send(
        &self,
        bytes: &[u8],
        until: Instant,
        process: &Process,
    ) -> Result<(), Unsent> {
        let Some(_writer) = self.writer.try_lock_until(until) else {
            return Err(Unsent::Late);
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            match (&self.stream).write(rest) {
                Ok(length) => rest = &rest[length..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if Instant::now() < until && !is_abandoned() {
                        continue;
                    }
                    if rest.len() == bytes.len() {
                        return Err(Unsent::Late);
                    }
                    // Half a frame: what follows could not be told from it.
                    process.kill();
                    return Err(Unsent::Ended("it does not read what it is sent"));
                }
                Err(_) => {
                    process.kill();
                    return Err(Unsent::Ended("it closed its connection"));
                }
            }
        }
        Ok(())
    }

    /// Sends a frame that a thread of the plugin waits for: now if that is quickly
    /// done, otherwise when the [`owed`](Self::send_owed) ones are.
    pub(crate) fn owe(&self, bytes: Vec<u8>, process: &Process) {
        let mut owed = self.owed.lock();
        if owed.len() >= MOST_OWED {
            // It asks in calls that it was answered in already.
            return process.kill();
        }
        owed.push_back(bytes);
        drop(owed);
        self.send_owed(process);
    }

    /// Sends what could not be sent when it was owed, as far as there is room.
    pub(crate) fn send_owed(&self, process: &Process) {
        loop {
            let Some(bytes) = self.owed.lock().pop_front() else { return };
            if self.send(&bytes, Instant::now() + TICK, process) == Err(Unsent::Late) {
                return self.owed.lock().push_front(bytes);
            }
        }
    }

    /// What comes back.
    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Nothing goes there any more, and nothing comes.
    pub(crate) fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::cage::process::Process;

    #[test]
    fn what_is_owed_is_sent_when_there_is_room_again() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (outbox, process) = (Outbox::new(ours).unwrap(), Process::gone());
        // Nobody reads: a frame of one byte is sent whole or not at all.
        let late = || Instant::now() + TICK;
        let mut sent = 0;
        while outbox.send(b"x", late(), &process).is_ok() {
            sent += 1;
        }
        assert_eq!(outbox.send(b"x", late(), &process), Err(Unsent::Late));
        outbox.owe(b"!".to_vec(), &process);
        outbox.owe(b"?".to_vec(), &process);
        let mut read = vec![0; sent];
        theirs.read_exact(&mut read).unwrap();
        outbox.send_owed(&process);
        outbox.close();
        read.clear();
        theirs.read_to_end(&mut read).unwrap();
        assert_eq!(read, b"!?");
    }
}
