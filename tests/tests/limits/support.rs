//! Bare sockets, and what the system knows of the daemon's process.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;
use wazo_auth_tests::Daemon;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A request that is answered from memory, on a connection that stays.
pub const STATUS: &str = "HEAD /0.1/status HTTP/1.1\r\nHost: auth\r\n\r\n";

/// A connection to the daemon.
pub struct Client(pub TcpStream);

// === impl Client ===

impl Client {
    pub fn new(daemon: &Daemon) -> Self {
        let stream = TcpStream::connect(address(daemon)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// A connection over which these bytes were sent.
    pub fn sending(daemon: &Daemon, bytes: impl AsRef<[u8]>) -> Self {
        let mut client = Self::new(daemon);
        client.0.write_all(bytes.as_ref()).unwrap();
        client
    }

    /// Everything that still comes until the daemon closes the connection, one
    /// Latin-1 character per byte.
    pub fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("the connection stays open after {:?}", text(&bytes))
            }
            _ => text(&bytes),
        }
    }

    /// The next answer, which has no body.
    pub fn head(&mut self) -> String {
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(b"\r\n\r\n") {
            assert_eq!(self.0.read(&mut byte).unwrap(), 1, "the end after {:?}", text(&bytes));
            bytes.push(byte[0]);
        }
        text(&bytes)
    }

    /// Sends pieces until the daemon takes no more, at most so many bytes; says
    /// how many it took.
    pub fn pour(&mut self, pieces: impl IntoIterator<Item = Vec<u8>>, most: usize) -> usize {
        let mut sent = 0;
        for piece in pieces {
            if sent >= most || self.0.write_all(&piece).is_err() {
                break;
            }
            sent += piece.len();
        }
        sent
    }

    /// Sends a byte now and then until the daemon closes the connection; gives
    /// what it said, and how long it listened.
    pub fn trickle(&mut self, bytes: impl IntoIterator<Item = u8>) -> (String, Duration) {
        let began = Instant::now();
        self.0.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut said = Vec::new();
        let mut space = [0; 4096];
        for byte in bytes {
            assert!(began.elapsed() < PATIENCE, "the connection stays open");
            let _ = self.0.write_all(&[byte]);
            match self.0.read(&mut space) {
                Ok(0) => break,
                Ok(length) => said.extend_from_slice(&space[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        (text(&said), began.elapsed())
    }

    /// Ends the connection without a farewell, as a client that crashes.
    pub fn reset(self) {
        SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

pub fn address(daemon: &Daemon) -> SocketAddr {
    daemon.url().split("//").nth(1).unwrap().parse().unwrap()
}

/// How many sockets the daemon has open.
pub fn sockets(daemon: &Daemon) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    // One may be closed meanwhile.
    let targets = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// The daemon's memory, in KiB.
pub fn resident(daemon: &Daemon) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Processor time of the daemon so far.
pub fn processor_time(daemon: &Daemon) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Waits until something is so.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "still not so: {what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// Waits until no connection of the test is left over.
#[track_caller]
pub fn eventually_as_few(daemon: &Daemon, before: usize) {
    eventually("as few sockets as before", || sockets(daemon) <= before);
}

/// The status of an answer.
#[track_caller]
pub fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no answer: {answer:?}"))
}
