//! One of the two connections to the daemon.

use std::{collections::HashMap, io::Write, net::Shutdown, os::unix::net::UnixStream, sync::mpsc};

use parking_lot::Mutex;

use crate::frame::{Frame, What, encode};

/// A connection that several threads write to, and on which each one waits for
/// what it asked for.
pub(super) struct Connection {
    stream: UnixStream,
    writer: Mutex<()>,
    asking: Mutex<Asking>,
}

#[derive(Default)]
struct Asking {
    /// By the number of the call, or a number of its own.
    waiting: HashMap<u64, mpsc::Sender<Frame>>,
    last: u64,
}

// === impl Connection ===

impl Connection {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { stream, writer: Mutex::new(()), asking: Mutex::default() }
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Sends a frame. When that is not possible, the daemon is gone or has
    /// given up: the connection is at its end.
    pub(super) fn send(&self, what: What, code: u32, id: u64, name: &str, head: &str, body: &[u8]) {
        let bytes = encode(what, code, id, name, head, body);
        let _writer = self.writer.lock();
        if (&self.stream).write_all(&bytes).is_err() {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }

    /// A number for something that is asked outside of calls.
    pub(super) fn number(&self) -> u64 {
        let mut asking = self.asking.lock();
        asking.last += 1;
        asking.last
    }

    /// Asks for a service and waits for the answer; none when the daemon is gone.
    pub(super) fn ask(&self, id: u64, service: &str, head: &str, body: &[u8]) -> Option<Frame> {
        let (tell, told) = mpsc::channel();
        self.asking.lock().waiting.insert(id, tell);
        self.send(What::Ask, 0, id, service, head, body);
        let answer = told.recv();
        self.asking.lock().waiting.remove(&id);
        answer.ok()
    }

    /// Gives an answer to the one who waits for it.
    pub(super) fn hand_over(&self, answer: Frame) {
        let waiting = self.asking.lock().waiting.remove(&answer.id);
        if let Some(tell) = waiting {
            let _ = tell.send(answer);
        }
    }
}
