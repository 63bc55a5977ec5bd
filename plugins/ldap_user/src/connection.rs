//! A connection to a server, on which nothing takes longer than it may.

use std::{
    fmt,
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use crate::{
    ber,
    message::{self, Entry, Outcome, Request, Response, SUCCESS, Search},
};

/// Longest time until a connection is there, and longest time that each operation
/// on it takes (plugins.md section 8.3).
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

/// The largest message that is read, in bytes. One entry with one attribute is far
/// smaller.
const LARGEST: usize = 1024 * 1024;

/// How a connection is protected.
#[derive(Clone)]
pub(crate) enum Security {
    None,
    /// Encrypted from its beginning.
    Ldaps(Arc<ClientConfig>),
    /// Encrypted before anything is told.
    StartTls(Arc<ClientConfig>),
}

/// Why a server did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It cannot be reached.
    Unreachable(String),
    /// It has refused an operation.
    Refused(Outcome),
    /// Anything else.
    Other(String),
}

/// A connection to a server.
pub(crate) struct Connection {
    stream: Stream,
    /// The number of the latest message.
    id: i32,
}

/// What a search has found.
#[derive(Default)]
struct Found {
    /// The first answer: an entry, or that it is to be found elsewhere.
    first: Option<Option<Entry>>,
    entries: usize,
}

enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
    /// While one becomes the other.
    Lost,
}

/// A socket on which reading and writing end by an instant.
struct Socket {
    stream: TcpStream,
    until: Instant,
}

// === impl Connection ===

impl Connection {
    pub(crate) fn open(host: &str, port: u16, security: &Security) -> Result<Self, Failure> {
        let until = Instant::now() + TIMEOUT;
        let stream = connect(host, port, until)?;
        // Messages are small, and each waits for an answer.
        stream.set_nodelay(true).map_err(|error| Failure::of(&error))?;
        let mut connection = Self { stream: Stream::Plain(Socket { stream, until }), id: 0 };
        match security {
            Security::None => {}
            Security::Ldaps(client) => connection.encrypt(host, client)?,
            Security::StartTls(client) => {
                connection.succeed(&Request::StartTls)?;
                connection.encrypt(host, client)?;
            }
        }
        Ok(connection)
    }

    /// Says who is asking; `false`: the server does not believe it.
    pub(crate) fn bind(&mut self, version: i32, dn: &str, password: &str) -> Result<bool, Failure> {
        match self.succeed(&Request::Bind { version, dn, password }) {
            Ok(_) => Ok(true),
            Err(Failure::Refused(Outcome { code: message::INVALID_CREDENTIALS, .. })) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The entry that is found, if it is the only one and not to be found elsewhere.
    pub(crate) fn search(&mut self, search: Search<'_>) -> Result<Option<Entry>, Failure> {
        match self.succeed(&Request::Search(search)) {
            Ok(Found { first: Some(Some(entry)), entries: 1 }) => Ok(Some(entry)),
            Ok(_) => Ok(None),
            // There are more than the one that is asked for.
            Err(Failure::Refused(Outcome { code: message::SIZE_LIMIT_EXCEEDED, .. })) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Takes leave.
    pub(crate) fn close(mut self) {
        self.stream.allow(TIMEOUT);
        self.id += 1;
        // It goes either way.
        let _ = self.stream.write_all(&Request::Unbind.message(self.id));
    }

    /// What a search finds, until the operation has succeeded.
    fn succeed(&mut self, request: &Request<'_>) -> Result<Found, Failure> {
        self.stream.allow(TIMEOUT);
        self.id += 1;
        self.stream.write_all(&request.message(self.id)).map_err(|error| Failure::of(&error))?;
        let mut found = Found::default();
        loop {
            let bytes = self.read_message()?;
            let read = message::read(&bytes, request.result_tag());
            let (id, response) = read.map_err(|_| Failure::malformed())?;
            match response {
                Response::Result(outcome) if id == 0 => return Err(Failure::Refused(outcome)),
                _ if id != self.id => return Err(Failure::malformed()),
                Response::Result(outcome) if outcome.code == SUCCESS => return Ok(found),
                Response::Result(outcome) => return Err(Failure::Refused(outcome)),
                Response::Intermediate => {}
                Response::Reference => {
                    found.first.get_or_insert(None);
                }
                // It was asked for one, and need not be heard to the end.
                Response::Entry(_) if found.entries == 1 => return Ok(Found::default()),
                Response::Entry(entry) => {
                    found.first.get_or_insert(Some(entry));
                    found.entries += 1;
                }
            }
        }
    }

    /// The content of the next message. Nothing of what follows it is read: that may
    /// have to be read encrypted.
    fn read_message(&mut self) -> Result<Vec<u8>, Failure> {
        let mut read =
            |bytes: &mut [u8]| self.stream.read_exact(bytes).map_err(|error| Failure::of(&error));
        let mut head = [0; 6];
        read(&mut head[..2])?;
        let digits = if head[1] < 0x80 { 0 } else { usize::from(head[1] & 0x7F) };
        if head[0] != ber::SEQUENCE || digits > 4 {
            return Err(Failure::malformed());
        }
        read(&mut head[2..2 + digits])?;
        let length = ber::length(&head[1..2 + digits]).map(|(length, _)| length);
        let length = length.filter(|length| *length <= LARGEST).ok_or_else(Failure::malformed)?;
        let mut content = vec![0; length];
        read(&mut content)?;
        Ok(content)
    }

    fn encrypt(&mut self, host: &str, client: &Arc<ClientConfig>) -> Result<(), Failure> {
        self.stream.allow(TIMEOUT);
        let other = |error: &dyn fmt::Display| Failure::Other(format!("TLS: {error}"));
        let name = ServerName::try_from(host.to_owned()).map_err(|error| other(&error))?;
        let session = ClientConnection::new(Arc::clone(client), name);
        let session = session.map_err(|error| other(&error))?;
        let Stream::Plain(socket) = std::mem::replace(&mut self.stream, Stream::Lost) else {
            return Err(Failure::malformed());
        };
        let mut stream = Box::new(StreamOwned::new(session, socket));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| other(&said(&error)))?;
        }
        self.stream = Stream::Tls(stream);
        Ok(())
    }
}

/// Connects to the first address of a host that answers.
fn connect(host: &str, port: u16, until: Instant) -> Result<TcpStream, Failure> {
    let mut reason = "it has no address".to_owned();
    for address in addresses(host, port, until)? {
        match until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            None => return Err(Failure::Unreachable(late().to_owned())),
            Some(left) => match TcpStream::connect_timeout(&address, left) {
                Ok(stream) => return Ok(stream),
                Err(error) => reason = said(&error),
            },
        }
    }
    Err(Failure::Unreachable(reason))
}

/// The addresses of a host. Who asks the system for them cannot say how long it
/// may take: another thread does, and is left to itself when it takes too long.
fn addresses(host: &str, port: u16, until: Instant) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (tell, told) = mpsc::channel();
    let place = (host.to_owned(), port);
    let ask = move || tell.send(place.to_socket_addrs().map(Iterator::collect)).unwrap_or_default();
    let asking = thread::Builder::new().name("ldap-addresses".to_owned()).spawn(ask);
    asking.map_err(|error| Failure::of(&error))?;
    let left = until.saturating_duration_since(Instant::now());
    let found = told.recv_timeout(left).map_err(|_| Failure::Unreachable(late().to_owned()))?;
    found.map_err(|error: io::Error| Failure::Unreachable(said(&error)))
}

fn late() -> &'static str {
    "it does not answer in time"
}

/// A failure of the system in few words.
fn said(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => late().to_owned(),
        ErrorKind::UnexpectedEof => "it ended the connection".to_owned(),
        _ => error.to_string(),
    }
}

// === impl Stream ===

impl Stream {
    fn socket(&mut self) -> Option<&mut Socket> {
        match self {
            Self::Plain(socket) => Some(socket),
            Self::Tls(stream) => Some(&mut stream.sock),
            Self::Lost => None,
        }
    }

    /// What comes next may take so long.
    fn allow(&mut self, time: Duration) {
        if let Some(socket) = self.socket() {
            socket.until = Instant::now() + time;
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Self::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.read_exact(bytes),
            Self::Tls(stream) => stream.read_exact(bytes),
            Self::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }
}

// === impl Socket ===

impl Socket {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(bytes)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

// === impl Failure ===

impl Failure {
    fn of(error: &io::Error) -> Self {
        Self::Other(said(error))
    }

    fn malformed() -> Self {
        Self::Other("it answers something that is not LDAP, or not what was asked".to_owned())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reason) => write!(f, "it cannot be reached: {reason}"),
            Self::Refused(Outcome { code, text }) if text.is_empty() => {
                write!(f, "it answers with result code {code}")
            }
            Self::Refused(Outcome { code, text }) => {
                write!(f, "it answers with result code {code}: {text}")
            }
            Self::Other(reason) => f.write_str(reason),
        }
    }
}
