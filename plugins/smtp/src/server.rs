//! The mail server: one connection for each mail, each step of it within the time
//! that is left.

use std::{
    error::Error as _,
    fs, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use lettre::{
    Address,
    transport::smtp::{
        self,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{Certificate, CertificateStore, SmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use wazo_auth_plugin_api::{Error, Result, serde::Deserialize};

use crate::Config;

/// How long one mail may take. A little less than the 4 s after which the daemon
/// gives it up, so that it hears why. Longer takes only a server that sends its
/// answers byte by byte: the library waits anew for each of them.
const LIMIT: Duration = Duration::from_millis(3_800);
/// A mail was accepted; the farewell is only polite.
const FAREWELL: Duration = Duration::from_millis(100);

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(crate = "wazo_auth_plugin_api::serde", rename_all = "lowercase")]
pub(crate) enum Tls {
    /// After a word in clear, which the server must understand.
    Starttls,
    /// From the first byte.
    Implicit,
}

/// Where mails are handed in.
pub(crate) struct Server {
    hostname: String,
    port: u16,
    hello: ClientId,
    tls: Option<(Tls, TlsParameters)>,
    credentials: Option<Credentials>,
}

/// The time that is left for a mail.
#[derive(Clone, Copy)]
struct Deadline(Instant);

// === impl Server ===

impl Server {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let hostname = config.hostname.clone();
        let credentials = match (&config.username, &config.password) {
            (Some(username), Some(password)) => {
                Some(Credentials::new(username.clone(), password.clone()))
            }
            (None, None) => None,
            _ => return Err(Error::config("`username` and `password` have effect together only")),
        };
        if credentials.is_some() && config.tls.is_none() {
            return Err(Error::config(
                "the password would be sent in clear: set `tls` to `starttls` or `implicit`",
            ));
        }
        let tls = match config.tls {
            Some(tls) => Some((tls, parameters(&hostname, config.ca_file.as_deref())?)),
            None => None,
        };
        let hello = ClientId::default();
        Ok(Self { hostname, port: config.port, hello, tls, credentials })
    }

    /// Returns once the message is accepted.
    pub(crate) fn send(&self, from: Address, to: Address, message: &[u8]) -> Result<()> {
        let deadline = Deadline(Instant::now() + LIMIT);
        let mut connection = self.connect(deadline)?;
        let handed_in = hand_in(&mut connection, deadline, from, to, message);
        let farewell = connection.set_timeout(Some(FAREWELL));
        if handed_in.is_ok() && farewell.is_ok() {
            // It has the mail: what it answers is of no matter.
            let _ = connection.quit();
        } else {
            connection.abort();
        }
        handed_in.map_err(|error| self.failed("does not accept the mail", &error))
    }

    fn connect(&self, deadline: Deadline) -> Result<SmtpConnection> {
        let mut connection = self.reach(deadline)?;
        if let Some((Tls::Starttls, parameters)) = &self.tls {
            deadline.apply(&mut connection);
            let secured = connection.starttls(parameters, &self.hello);
            secured.map_err(|error| self.failed("does not begin to encrypt", &error))?;
        }
        if let Some(credentials) = &self.credentials {
            deadline.apply(&mut connection);
            let known = connection.auth(DEFAULT_MECHANISMS, credentials);
            known.map_err(|error| self.failed("does not take username and password", &error))?;
        }
        Ok(connection)
    }

    /// By the first of its addresses that greets, looked up anew.
    fn reach(&self, deadline: Deadline) -> Result<SmtpConnection> {
        let addresses = addresses(&self.hostname, self.port, deadline).map_err(|why| {
            Error::other(format!("the mail server {self} (smtp.hostname) has no address: {why}"))
        })?;
        self.greeted_at(&addresses, deadline)
    }

    /// Each address gets its share of the time: one that is silent leaves some for
    /// the others.
    fn greeted_at(&self, addresses: &[SocketAddr], deadline: Deadline) -> Result<SmtpConnection> {
        let implicit = match &self.tls {
            Some((Tls::Implicit, parameters)) => Some(parameters),
            _ => None,
        };
        let mut last = None;
        for (address, rest) in addresses.iter().zip((1..=addresses.len()).rev()) {
            let share = Some(deadline.share(rest));
            match SmtpConnection::connect(address, share, &self.hello, implicit, None) {
                Ok(connection) => return Ok(connection),
                Err(error) => last = Some(self.failed("does not answer", &error)),
            }
        }
        Err(last.unwrap_or_else(|| Error::other(format!("the mail server {self} has no address"))))
    }

    fn failed(&self, what: &str, error: &smtp::Error) -> Error {
        if is_timeout(error) {
            let seconds = LIMIT.as_secs_f32();
            return Error::other(format!("the mail server {self} {what} within {seconds} s"));
        }
        let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        let code = error.status().map(|code| format!("{code} ")).unwrap_or_default();
        Error::other(format!("the mail server {self} {what}: {code}{}", why.trim()))
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.hostname, self.port)
    }
}

/// The addresses of a host. Who asks the system for them cannot say how long it may
/// take: another thread does, and is left to itself when it takes too long.
fn addresses(host: &str, port: u16, deadline: Deadline) -> Result<Vec<SocketAddr>, String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (tell, told) = mpsc::channel();
    let place = (host.to_owned(), port);
    let ask = move || tell.send(place.to_socket_addrs().map(Iterator::collect)).unwrap_or_default();
    let asking = thread::Builder::new().name("smtp-addresses".to_owned()).spawn(ask);
    asking.map_err(|error| error.to_string())?;
    match told.recv_timeout(deadline.left()) {
        Ok(found) => found.map_err(|error: io::Error| error.to_string()),
        Err(_) => Err("the system does not find it in time".to_owned()),
    }
}

/// The same as the library's own `send`, but for the time: it gives each of its
/// steps as much as all of them may take.
fn hand_in(
    connection: &mut SmtpConnection,
    deadline: Deadline,
    from: Address,
    to: Address,
    message: &[u8],
) -> Result<(), smtp::Error> {
    let mut options = Vec::new();
    let info = connection.server_info();
    // What the server does not offer, it will refuse in its own words.
    if [&from, &to].iter().any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
        options.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() && info.supports_feature(Extension::EightBitMime) {
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    deadline.apply(connection);
    connection.command(Mail::new(Some(from), options))?;
    deadline.apply(connection);
    connection.command(Rcpt::new(to, Vec::new()))?;
    deadline.apply(connection);
    connection.command(Data)?;
    deadline.apply(connection);
    connection.message(message)?;
    Ok(())
}

fn parameters(hostname: &str, ca_file: Option<&Path>) -> Result<TlsParameters> {
    let mut parameters = TlsParameters::builder(hostname.to_owned());
    if let Some(path) = ca_file {
        let wrong = |why: String| {
            Error::config(format!("`ca_file` {} holds no certificate: {why}", path.display()))
        };
        let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let found = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
        parameters =
            parameters.certificate_store(CertificateStore::None).add_root_certificate(found);
    }
    let built = parameters.build();
    built.map_err(|error| Error::config(format!("TLS to {hostname} cannot be set up: {error}")))
}

/// A socket's time-out has one of two names.
fn is_timeout(error: &smtp::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    let source = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    source.is_some_and(|error| matches!(error.kind(), TimedOut | WouldBlock))
}

// === impl Deadline ===

impl Deadline {
    fn left(self) -> Duration {
        self.share(1)
    }

    /// One of so many equal parts of what is left. At least a millisecond: no time at
    /// all would mean no limit.
    fn share(self, parts: usize) -> Duration {
        let left = self.0.saturating_duration_since(Instant::now());
        (left / u32::try_from(parts).unwrap_or(u32::MAX)).max(Duration::from_millis(1))
    }

    fn apply(self, connection: &mut SmtpConnection) {
        // A socket that takes none is broken, as the next command will say.
        let _ = connection.set_timeout(Some(self.left()));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn an_address_that_is_silent_leaves_time_for_the_next_one() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let greets = TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [&silent, &greets].map(|server| server.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = greets.accept().unwrap();
            stream.write_all(b"220 here\r\n").unwrap();
            let mut hello = String::new();
            BufReader::new(&stream).read_line(&mut hello).unwrap();
            stream.write_all(b"250 here\r\n").unwrap();
        });
        let server = Server::new(&Config::default()).unwrap();
        let began = Instant::now();
        let reached = server.greeted_at(&addresses, Deadline(began + LIMIT));
        assert!(reached.is_ok(), "{:?}", reached.err());
        assert!(began.elapsed() >= LIMIT / 2, "the first one was asked");
    }

    #[test]
    fn a_name_is_looked_up() {
        let found = addresses("localhost", 25, Deadline(Instant::now() + LIMIT)).unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 25));
    }
}
