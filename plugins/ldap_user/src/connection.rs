//! A connection to a server, on which nothing takes longer than it may.
//!
//! ```text
//!  LDAP library ◀─ pair of ─▶ guard.rs ◀─ TCP, with TLS or without ─▶ server
//!                  sockets
//! ```
//!
//! All of it runs on the thread that logs somebody in, and ends with the connection.

use std::{
    fmt,
    future::Future,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    os::unix::net::UnixStream,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry,
    SearchOptions, StdStream, exop::Exop,
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    runtime::{self, Runtime},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::guard::{Guard, length_of_message};

/// Longest time until a connection is there, and longest time that each operation
/// on it takes (plugins.md section 8.3).
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

/// Result codes that mean something here (RFC 4511 appendix A).
const SUCCESS: u32 = 0;
pub(crate) const SIZE_LIMIT_EXCEEDED: u32 = 4;
const INVALID_CREDENTIALS: u32 = 49;

/// An attribute that no entry has: a server then sends none (RFC 4511 section
/// 4.5.1.8).
const NO_ATTRIBUTE: &str = "1.1";
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";

/// How many bytes are read at once.
const CHUNK: usize = 16 * 1024;

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
    Refused { code: u32, text: String },
    /// Anything else.
    Other(String),
}

/// What is looked for.
pub(crate) struct Search {
    pub(crate) base: String,
    pub(crate) scope: Scope,
    pub(crate) filter: String,
    /// What is wanted of an entry.
    pub(crate) attribute: String,
}

/// A connection to a server.
pub(crate) struct Connection {
    runtime: Runtime,
    ldap: Ldap,
    relay: Relay,
    /// Whether the last operation has come to its end.
    is_in_order: bool,
}

/// What passes messages between the library and the server.
struct Relay {
    guard: Guard,
    version: u8,
    library: tokio::net::UnixStream,
    requests: BytesMut,
    server: Box<dyn Stream>,
    answers: BytesMut,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

// === impl Connection ===

impl Connection {
    pub(crate) fn open(
        host: &str,
        port: u16,
        version: u8,
        security: &Security,
    ) -> Result<Self, Failure> {
        let stream = connect(host, port, Instant::now() + TIMEOUT)?;
        // Messages are small, and each waits for an answer.
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let (library, ours) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (ldap, relay) = runtime.block_on(async {
            let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(library));
            let (library, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///").await?;
            // It ends with the connection; how, its operations tell.
            tokio::spawn(library.drive());
            let relay = Relay {
                guard: Guard::default(),
                version,
                library: tokio::net::UnixStream::from_std(ours)?,
                requests: BytesMut::new(),
                server: Box::new(tokio::net::TcpStream::from_std(stream)?),
                answers: BytesMut::new(),
            };
            Ok::<_, Failure>((ldap, relay))
        })?;
        let mut connection = Self { runtime, ldap, relay, is_in_order: true };
        match security {
            Security::None => {}
            Security::Ldaps(client) => connection.encrypt(host, client)?,
            Security::StartTls(client) => {
                let exop = Exop { name: Some(START_TLS.to_owned()), val: None };
                let ask = |mut ldap: Ldap| async move { Ok(ldap.extended(exop).await?.1) };
                succeeded(connection.perform(ask)?)?;
                connection.encrypt(host, client)?;
            }
        }
        Ok(connection)
    }

    /// Says who is asking; `false`: the server does not believe it.
    pub(crate) fn bind(&mut self, dn: &str, password: &str) -> Result<bool, Failure> {
        let (dn, password) = (dn.to_owned(), password.to_owned());
        let ask = |mut ldap: Ldap| async move { Ok(ldap.simple_bind(&dn, &password).await?) };
        match self.perform(ask)? {
            LdapResult { rc: INVALID_CREDENTIALS, .. } => Ok(false),
            result => succeeded(result).map(|()| true),
        }
    }

    /// The entry that is found, if it is the only one and not to be found elsewhere.
    pub(crate) fn search(&mut self, search: Search) -> Result<Option<SearchEntry>, Failure> {
        let found = self.perform(|ldap| find(ldap, search));
        match found.and_then(|(found, result)| succeeded(result).map(|()| found)) {
            // There are more than the one that is asked for.
            Err(Failure::Refused { code: SIZE_LIMIT_EXCEEDED, .. }) => Ok(None),
            found => found,
        }
    }

    /// Takes leave.
    pub(crate) fn close(mut self) {
        if !self.is_in_order {
            return;
        }
        let Self { runtime, ldap, relay, .. } = &mut self;
        let leave = async { tokio::join!(ldap.unbind(), relay.run()) };
        // It goes either way.
        let _ = runtime.block_on(async { timeout(TIMEOUT, leave).await });
    }

    /// Lets the library do something, in another task: should it panic, that is all
    /// that ends.
    fn perform<T, F>(&mut self, operation: impl FnOnce(Ldap) -> F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        self.is_in_order = false;
        let Self { runtime, ldap, relay, .. } = self;
        let operation = operation(ldap.clone());
        let done = runtime.block_on(async {
            let operation = tokio::spawn(operation);
            let either = async {
                tokio::select! {
                    biased;
                    ended = relay.run() => Err(ended.err().unwrap_or_else(Failure::malformed)),
                    done = operation => done.map_err(|_| Failure::malformed())?,
                }
            };
            timeout(TIMEOUT, either).await.map_err(|_| Failure::Other(late().to_owned()))?
        })?;
        self.is_in_order = true;
        Ok(done)
    }

    fn encrypt(&mut self, host: &str, client: &Arc<ClientConfig>) -> Result<(), Failure> {
        // What came in clear may be of anybody.
        if !self.relay.answers.is_empty() {
            return Err(Failure::malformed());
        }
        let other = |error: &dyn fmt::Display| Failure::Other(format!("TLS: {error}"));
        let name = ServerName::try_from(host.to_owned()).map_err(|error| other(&error))?;
        let server = std::mem::replace(&mut self.relay.server, Box::new(tokio::io::empty()));
        let connector = TlsConnector::from(Arc::clone(client));
        let stream = self
            .runtime
            .block_on(async { timeout(TIMEOUT, connector.connect(name, server)).await });
        let stream = stream.map_err(|_| other(&late()))?;
        self.relay.server = Box::new(stream.map_err(|error| other(&said(&error)))?);
        Ok(())
    }
}

/// What a search finds, and how it ends.
async fn find(
    mut ldap: Ldap,
    search: Search,
) -> Result<(Option<SearchEntry>, LdapResult), Failure> {
    let Search { base, scope, filter, attribute } = search;
    let attribute = if attribute.is_empty() { NO_ATTRIBUTE.to_owned() } else { attribute };
    let seconds = i32::try_from(TIMEOUT.as_secs()).unwrap_or(i32::MAX);
    ldap.with_search_options(SearchOptions::new().sizelimit(1).timelimit(seconds));
    let mut answers = ldap.streaming_search(&base, scope, &filter, [attribute]).await?;
    // An entry, or that it is to be found elsewhere.
    let mut first = None;
    while let Some(answer) = answers.next().await? {
        first.get_or_insert((!answer.is_ref()).then(|| SearchEntry::construct(answer)));
    }
    Ok((first.flatten(), answers.finish().await))
}

fn succeeded(result: LdapResult) -> Result<(), Failure> {
    match result {
        LdapResult { rc: SUCCESS, .. } => Ok(()),
        LdapResult { rc: code, text, .. } => Err(Failure::Refused { code, text }),
    }
}

// === impl Relay ===

impl Relay {
    /// Passes messages on until the library has no more of them. A server is listened to
    /// while it is asked something: one that has answered may go.
    async fn run(&mut self) -> Result<(), Failure> {
        loop {
            while self.guard.is_waiting()
                && let Some(answer) = first_message(&mut self.answers)?
            {
                if let Some(answer) = self.guard.receives(&answer)? {
                    self.library.write_all(&answer).await?;
                }
            }
            self.requests.reserve(CHUNK);
            self.answers.reserve(CHUNK);
            tokio::select! {
                read = self.library.read_buf(&mut self.requests) => {
                    if read? == 0 {
                        return Ok(self.server.shutdown().await?);
                    }
                    while let Some(mut request) = first_message(&mut self.requests)? {
                        self.guard.sends(&mut request, self.version)?;
                        self.server.write_all(&request).await?;
                        self.server.flush().await?;
                    }
                }
                read = self.server.read_buf(&mut self.answers), if self.guard.is_waiting() => {
                    if read? == 0 {
                        return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
                    }
                }
            }
        }
    }
}

/// Takes the message away that these bytes begin with, once all of it is there.
fn first_message(bytes: &mut BytesMut) -> Result<Option<BytesMut>, Failure> {
    let length = length_of_message(bytes)?;
    Ok(length.map(|length| bytes.split_to(length)))
}

/// Connects to the first address of a host that answers.
fn connect(host: &str, port: u16, until: Instant) -> Result<TcpStream, Failure> {
    connect_to(&addresses(host, port, until)?, until)
}

/// Each address gets its share of the time: one that is silent leaves some for the
/// others.
fn connect_to(addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, Failure> {
    let mut reason = "it has no address".to_owned();
    for (address, rest) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(rest).unwrap_or(u32::MAX);
        if share.is_zero() {
            return Err(Failure::Unreachable(late().to_owned()));
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return Ok(stream),
            Err(error) => reason = said(&error),
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
    asking?;
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

// === impl Failure ===

impl Failure {
    pub(crate) fn malformed() -> Self {
        Self::Other("it answers something that is not LDAP, or not what was asked".to_owned())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(said(&error))
    }
}

impl From<LdapError> for Failure {
    /// The guard knows better; this is for what it has let through.
    fn from(_: LdapError) -> Self {
        Self::malformed()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reason) => write!(f, "it cannot be reached: {reason}"),
            Self::Refused { code, text } if text.is_empty() => {
                write!(f, "it answers with result code {code}")
            }
            Self::Refused { code, text } => write!(f, "it answers with result code {code}: {text}"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_address_that_is_silent_leaves_time_for_the_next_one() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        // The system takes a number of connections that nobody accepts, then no more.
        let soon = Duration::from_millis(200);
        let taken: Vec<_> =
            std::iter::from_fn(|| TcpStream::connect_timeout(&address, soon).ok()).collect();
        let listens = TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [address, listens.local_addr().unwrap()];
        let stream = connect_to(&addresses, Instant::now() + TIMEOUT).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
        drop(taken);
    }

    #[test]
    fn a_panic_of_the_library_ends_the_connection_only() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let mut connection = Connection::open("127.0.0.1", port, 3, &Security::None).unwrap();
        let failure = connection.perform(|_| async { panic!("as its parser does") });
        let Err::<(), _>(Failure::Other(reason)) = failure else { panic!("{failure:?}") };
        assert!(reason.starts_with("it answers something that is not LDAP"), "{reason}");
        connection.close();
    }
}
