//! A daemon with a mail server.

use serde_json::{Value, json};
use wazo_auth_servers::smtp::Smtp;
use wazo_auth_tests::{Daemon, Setup};

pub(crate) const REGISTRATION: &str = "enabled_http_plugins: {user_registration: true}";

/// The configuration of a daemon whose mails go to this server.
pub(crate) fn to(server: &Smtp) -> Setup {
    to_port(server.port())
}

/// The same for a port of the loopback.
pub(crate) fn to_port(port: u16) -> Setup {
    Setup::default().config(&format!("smtp: {{hostname: 127.0.0.1, port: {port}}}"))
}

/// What somebody who registers sends.
pub(crate) fn somebody(name: &str) -> Value {
    json!({"username": name, "password": "s3cre7", "email_address": format!("{name}@example.com")})
}

/// The path of a link, as a proxy would pass it on.
pub(crate) fn path(link: &str) -> String {
    let (_, path) = link.split_once("/0.1/").unwrap();
    format!("/0.1/{path}")
}

/// A parameter of a link.
pub(crate) fn parameter(link: &str, name: &str) -> String {
    let (_, query) = link.split_once('?').unwrap();
    let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.unwrap().to_owned()
}

/// How many rows a table has.
pub(crate) fn count(daemon: &Daemon, table: &str) -> String {
    daemon.database().text(&format!("SELECT count(*) FROM {table}"))
}

/// Ends a daemon in order; gives all that it has said.
pub(crate) fn ended(daemon: Daemon) -> String {
    daemon.stop().2
}
