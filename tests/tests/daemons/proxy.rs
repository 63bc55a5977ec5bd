//! The network between a daemon and PostgreSQL, which can be cut.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pass,
    /// It waits until that changes.
    Hold,
    /// It vanishes, and with it the connection for good: no end hears of that.
    Swallow,
    /// Both ends are told that there is no connection.
    Cut,
}

/// Whose connections are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    All,
    /// The one that is told what others change.
    Listener,
    /// The next one that is about to write, from then on.
    Writer,
}

pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

struct State {
    mode: Mutex<(Mode, Whose)>,
    changed: Condvar,
    connections: Mutex<Vec<Arc<Connection>>>,
    /// Bytes from the daemon to the server, but for those of listeners.
    asked: AtomicU64,
}

struct Connection {
    ends: [TcpStream; 2],
    listens: AtomicBool,
    writes: AtomicBool,
    is_spoilt: AtomicBool,
}

// === impl Proxy ===

impl Proxy {
    /// A way to a port of loopback.
    pub fn start(server: u16) -> Self {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = door.local_addr().unwrap().port();
        let state = Arc::new(State {
            mode: Mutex::new((Mode::Pass, Whose::All)),
            changed: Condvar::new(),
            connections: Mutex::default(),
            asked: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in door.incoming() {
                shared.connect(client.unwrap(), server);
            }
        });
        Self { port, state }
    }

    /// A URI of that server, by way of this proxy.
    pub fn uri(&self, direct: &str, server: u16) -> String {
        direct.replace(&format!(":{server}/"), &format!(":{}/", self.port))
    }

    pub fn set(&self, mode: Mode, whose: Whose) {
        *self.state.mode.lock().unwrap() = (mode, whose);
        self.state.changed.notify_all();
        let mut connections = self.state.connections.lock().unwrap();
        let (cut, kept) = connections
            .drain(..)
            .partition::<Vec<_>, _>(|connection| mode == Mode::Cut && connection.is_meant(whose));
        *connections = kept;
        cut.iter().for_each(|connection| connection.end());
    }

    pub fn heal(&self) {
        self.set(Mode::Pass, Whose::All);
    }

    /// How much was asked, but for what listeners ask all the time.
    pub fn asked(&self) -> u64 {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// How many connections have lost something.
    pub fn spoilt(&self) -> usize {
        let connections = self.state.connections.lock().unwrap();
        connections.iter().filter(|connection| connection.is_spoilt.load(Ordering::SeqCst)).count()
    }
}

// === impl State ===

impl State {
    fn connect(self: &Arc<Self>, client: TcpStream, server: u16) {
        if *self.mode.lock().unwrap() == (Mode::Cut, Whose::All) {
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { return };
        let ends = [client, server];
        ends.iter().for_each(|end| end.set_nodelay(true).unwrap());
        let [listens, writes, is_spoilt] = [false; 3].map(AtomicBool::new);
        let connection = Arc::new(Connection { ends, listens, writes, is_spoilt });
        self.connections.lock().unwrap().push(Arc::clone(&connection));
        for (from, to) in [(0, 1), (1, 0)] {
            let (state, connection) = (Arc::clone(self), Arc::clone(&connection));
            thread::spawn(move || {
                state.pump(&connection, from, to);
                // Who has lost something does not hear of the end either.
                if from == 0 || !connection.is_spoilt.load(Ordering::SeqCst) {
                    connection.end();
                }
            });
        }
    }

    fn pump(&self, connection: &Connection, from: usize, to: usize) {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let Ok(length @ 1..) = (&connection.ends[from]).read(&mut buffer) else { return };
            let bytes = &buffer[..length];
            if from == 0 {
                connection.notice(bytes, self.mode.lock().unwrap().1 == Whose::Writer);
            }
            let mut mode = self.mode.lock().unwrap();
            while mode.0 == Mode::Hold && connection.is_meant(mode.1) {
                mode = self.changed.wait(mode).unwrap();
            }
            let is_meant = connection.is_meant(mode.1);
            let mode = mode.0;
            match mode {
                Mode::Cut if is_meant => return,
                // A writer gets its lock first.
                Mode::Swallow if is_meant && !(from == 0 && is_lock(bytes)) => {
                    connection.is_spoilt.store(true, Ordering::SeqCst);
                }
                _ => {}
            }
            if connection.is_spoilt.load(Ordering::SeqCst) {
                continue;
            }
            if from == 0 && !connection.listens.load(Ordering::SeqCst) {
                self.asked.fetch_add(length as u64, Ordering::SeqCst);
            }
            if (&connection.ends[to]).write_all(bytes).is_err() {
                return;
            }
        }
    }
}

/// The parameter of the statement, which is prepared: the number of the lock.
fn is_lock(bytes: &[u8]) -> bool {
    holds(bytes, b"wazoauth")
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

// === impl Connection ===

impl Connection {
    fn notice(&self, bytes: &[u8], writers: bool) {
        if holds(bytes, b"LISTEN wazo_auth") {
            self.listens.store(true, Ordering::SeqCst);
        }
        if writers && is_lock(bytes) {
            self.writes.store(true, Ordering::SeqCst);
        }
    }

    fn is_meant(&self, whose: Whose) -> bool {
        match whose {
            Whose::All => true,
            Whose::Listener => self.listens.load(Ordering::SeqCst),
            Whose::Writer => self.writes.load(Ordering::SeqCst),
        }
    }

    fn end(&self) {
        for end in &self.ends {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}
