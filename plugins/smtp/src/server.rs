//! The mail server: one connection for each mail, all of it within a bound.

use std::{
    error::Error as _,
    fs,
    net::ToSocketAddrs,
    path::Path,
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
/// gives it up, so that it hears why.
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

    /// The first of its addresses that greets, looked up anew.
    fn reach(&self, deadline: Deadline) -> Result<SmtpConnection> {
        let implicit = match &self.tls {
            Some((Tls::Implicit, parameters)) => Some(parameters),
            _ => None,
        };
        let addresses = (self.hostname.as_str(), self.port).to_socket_addrs().map_err(|error| {
            Error::other(format!("the mail server {self} (smtp.hostname) has no address: {error}"))
        })?;
        let mut last = None;
        for address in addresses {
            let left = Some(deadline.left());
            match SmtpConnection::connect(address, left, &self.hello, implicit, None) {
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
    /// At least a millisecond: no time at all would mean no limit.
    fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
    }

    fn apply(self, connection: &mut SmtpConnection) {
        // A socket that takes none is broken, as the next command will say.
        let _ = connection.set_timeout(Some(self.left()));
    }
}
