//! `db_uri` as the driver takes it.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::OpenError;
use crate::postgresql::tls::{self, Trust};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long what was sent may stay unconfirmed by the other host.
const USER_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two questions to another host that is silent whether it is still there.
const PROBES: Duration = Duration::from_secs(5);
const UNESCAPED: &str = "write / ? # @ in the user's name and in the password as %2F %3F %23 %40";
/// Where Debian's server listens, for a URI without a host.
const SOCKET_FOLDER: &str = "/var/run/postgresql";
const MODES: &str = "sslmode is disable, prefer, require, verify-ca or verify-full";
const NO_ROOTS: &str =
    "sslmode=verify-ca and verify-full need sslrootcert=/path/of/the/authority.pem";
const IDLE_ROOTS: &str = "sslrootcert has a meaning with sslmode=verify-full, verify-ca and require \
    only: add one of them";

/// How a database is reached.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    tls: MakeRustlsConnect,
}

/// A connection, to be driven.
pub(crate) type Driven = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// What a URI says of TLS.
struct Tls {
    mode: Option<SslMode>,
    trust: Trust,
    roots: Option<PathBuf>,
}

// === impl Address ===

impl Address {
    /// The server and the database that `uri` names. What connects is called
    /// `application` in the server's lists.
    ///
    /// # Errors
    /// A sentence that does not repeat the URI: it may hold a password.
    pub fn parse(uri: &str, application: &str) -> Result<Self, OpenError> {
        let (_, rest) = uri.split_once("://").unwrap_or(("", uri));
        // It would be taken for something else than a password, and be shown.
        if let Some((_, after)) = rest.split_once(['/', '?'])
            && after.contains('@')
        {
            return Err(OpenError::Uri { reason: UNESCAPED.to_owned() });
        }
        let (rest, tls) = Tls::split_off(rest)?;
        let parsed = format!("postgresql://{rest}").parse::<Config>();
        let mut config = parsed.map_err(|error| OpenError::Uri { reason: chain(&error) })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host_path(SOCKET_FOLDER);
        }
        // What stays on this host needs no protection on its way.
        let by_default = if is_local(&config) { SslMode::Disable } else { SslMode::Prefer };
        config.ssl_mode(tls.mode.unwrap_or(by_default));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name(application);
        }
        config.tcp_user_timeout(USER_TIMEOUT).keepalives_idle(USER_TIMEOUT);
        config.keepalives_interval(PROBES).keepalives_retries(2);
        Ok(Self { config, tls: tls::connector(tls.trust, tls.roots.as_deref())? })
    }

    /// Connects. Like libpq, `sslmode=prefer` does without TLS where that fails.
    ///
    /// # Errors
    /// The driver's.
    pub async fn connect(&self) -> Result<(Client, Driven), tokio_postgres::Error> {
        let connected = self.config.connect(self.tls.clone()).await;
        let may_do_without = self.config.get_ssl_mode() == SslMode::Prefer;
        match connected {
            Err(error) if may_do_without && is_for_tls(&error) => {
                let mut config = self.config.clone();
                config.ssl_mode(SslMode::Disable);
                config.connect(self.tls.clone()).await
            }
            connected => connected,
        }
    }

    /// The server and the database in a few words, without user and password.
    pub fn name(&self) -> String {
        name(&self.config)
    }
}

// === impl Tls ===

impl Tls {
    /// Takes what the driver does not know out of the parameters.
    fn split_off(uri: &str) -> Result<(String, Self), OpenError> {
        let refused = |reason: &str| Err(OpenError::Uri { reason: reason.to_owned() });
        let (place, query) = uri.split_once('?').unwrap_or((uri, ""));
        let (mut mode, mut roots, mut others) = (None, None, Vec::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("sslrootcert", value)) => roots = Some(tls::path(value)),
                _ => others.push(parameter),
            }
        }
        let place = match others.is_empty() {
            true => place.to_owned(),
            false => format!("{place}?{}", others.join("&")),
        };
        let (mode, trust) = match mode {
            None => (None, Trust::Anybody),
            Some("disable") => (Some(SslMode::Disable), Trust::Anybody),
            Some("prefer") => (Some(SslMode::Prefer), Trust::Anybody),
            // As to libpq.
            Some("require") if roots.is_some() => (Some(SslMode::Require), Trust::Authority),
            Some("require") => (Some(SslMode::Require), Trust::Anybody),
            Some("verify-ca") => (Some(SslMode::Require), Trust::Authority),
            Some("verify-full") => (Some(SslMode::Require), Trust::Host),
            Some(_) => return refused(MODES),
        };
        match (trust, &roots) {
            (Trust::Authority | Trust::Host, None) => refused(NO_ROOTS),
            (Trust::Anybody, Some(_)) => refused(IDLE_ROOTS),
            _ => Ok((place, Self { mode, trust, roots })),
        }
    }
}

/// Whether TLS itself failed, or the server does not want such connections.
fn is_for_tls(error: &tokio_postgres::Error) -> bool {
    tls::sentence(error).is_some()
        || error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// Whether all its servers are on this host.
fn is_local(config: &Config) -> bool {
    let is_loopback = |name: &str| {
        name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    };
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().all(std::net::IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => is_loopback(name),
        Host::Unix(_) => true,
    })
}

fn name(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let hosts: Vec<String> = hosts.collect();
    let ports: Vec<String> = config.get_ports().iter().map(u16::to_string).collect();
    let port = if ports.is_empty() { String::new() } else { format!(":{}", ports.join(",")) };
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("{database} on {}{port}", hosts.join(","))
}

fn chain(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}
