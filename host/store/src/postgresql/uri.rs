//! `db_uri` as the driver takes it.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::OpenError;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long what was sent may stay unconfirmed by the other host.
const USER_TIMEOUT: Duration = Duration::from_secs(10);
const UNESCAPED: &str = "write / ? # @ in the user's name and in the password as %2F %3F %23 %40";
/// Where Debian's server listens, for a URI without a host.
const SOCKET_FOLDER: &str = "/var/run/postgresql";

/// The server and the database that `uri` names. What connects is called
/// `application` in the server's lists.
///
/// # Errors
/// A sentence that does not repeat the URI: it may hold a password.
pub(crate) fn parse(uri: &str, application: &str) -> Result<Config, OpenError> {
    let (_, rest) = uri.split_once("://").unwrap_or(("", uri));
    // It would be taken for something else than a password, and be shown.
    if let Some((_, after)) = rest.split_once(['/', '?'])
        && after.contains('@')
    {
        return Err(OpenError::Uri { reason: UNESCAPED.to_owned() });
    }
    let parsed = format!("postgresql://{rest}").parse::<Config>();
    let mut config = parsed.map_err(|error| OpenError::Uri { reason: chain(&error) })?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host_path(SOCKET_FOLDER);
    }
    if config.get_ssl_mode() == SslMode::Require {
        let reason = "sslmode=require: TLS to the server is not there yet".to_owned();
        return Err(OpenError::Uri { reason });
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_application_name().is_none() {
        config.application_name(application);
    }
    config.tcp_user_timeout(USER_TIMEOUT).keepalives_idle(USER_TIMEOUT);
    Ok(config)
}

/// The server and the database in a few words, without user and password.
pub(crate) fn name(config: &Config) -> String {
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
