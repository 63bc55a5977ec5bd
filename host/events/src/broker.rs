//! The broker: where it is, a connection to it, a message on its way.

use std::{
    net::Ipv6Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ErrorKind, ExchangeKind,
    PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions},
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
    uri::{AMQPScheme, AMQPUri},
};
use serde_json::{Map, Value};
use tokio::time::timeout;
use wazo_auth_store::events::Event;

use crate::{
    network::{Cut, Network},
    tls::{Tls, distrust},
};

/// A broker that does not answer for so long is away.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the end of a connection is waited for.
const CLOSED_WITHIN: Duration = Duration::from_millis(500);
/// Messages survive a restart of the broker.
const PERSISTENT: u8 = 2;
/// Where the broker is told to keep what belongs to nobody else.
const DEFAULT_VHOST: &str = "/";

/// Where messages go.
pub struct Broker {
    uri: AMQPUri,
    tls: Option<Tls>,
    exchange: ShortString,
    kind: ExchangeKind,
}

/// Why events cannot be published. Holds no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The URI cannot be understood.
    #[error(
        "`amqp.uri` must be of the form amqp://user:password@host:port/vhost, or amqps://… for TLS"
    )]
    Uri,
    /// Authorities are named, and there is no TLS.
    #[error(
        "`amqp.ca_file` is of no use without TLS: let `amqp.uri` begin with amqps://, or remove it"
    )]
    CaFileWithoutTls,
    /// The file of authorities.
    #[error("`amqp.ca_file`: {} {reason}", file.display())]
    CaFile {
        /// Its path.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system's authorities.
    #[error(
        "`amqp.uri` asks for TLS, and the certificates of authorities that this system trusts cannot be \
         read ({reason}): install the package ca-certificates, or set `amqp.ca_file`"
    )]
    Authorities {
        /// What the system says.
        reason: String,
    },
    /// The name of the exchange.
    #[error("`amqp.exchange_name` must have 1 to 255 bytes")]
    ExchangeName,
    /// It does not answer.
    #[error("the message broker at {place} cannot be reached: {reason}")]
    Unreachable {
        /// Host, port and vhost.
        place: String,
        /// What the system says.
        reason: String,
    },
    /// It cannot prove who it is.
    #[error(
        "the message broker at {place} is not trusted: {reason} (the authority of its certificate must be \
         in `amqp.ca_file`, or known to the system where that is not set, and the certificate made for the \
         host in `amqp.uri`)"
    )]
    Untrusted {
        /// Host, port and vhost.
        place: String,
        /// What is wrong with its certificate.
        reason: String,
    },
    /// It answers, and wants nothing of us.
    #[error(
        "the message broker at {place} refuses: {reason} (look at `amqp.uri`, and at what its user may do)"
    )]
    Refused {
        /// Host, port and vhost.
        place: String,
        /// What the broker says.
        reason: String,
    },
    /// There are no such exchanges.
    #[error("the message broker at {place} refuses: {reason} (look at `amqp.exchange_type`)")]
    ExchangeType {
        /// Host, port and vhost.
        place: String,
        /// What the broker says.
        reason: String,
    },
    /// The exchange is another one than we would make.
    #[error(
        "the message broker at {place} has an exchange `{exchange}` of other properties ({reason}): delete it there, \
         or set `amqp.exchange_name` and `amqp.exchange_type`; it must be durable and not auto-deleted"
    )]
    Exchange {
        /// Host, port and vhost.
        place: String,
        /// Its name.
        exchange: String,
        /// What the broker says.
        reason: String,
    },
}

/// A connection that is ready to publish.
pub(crate) struct Link {
    connection: Connection,
    channel: Channel,
    exchange: ShortString,
    place: String,
    /// Dropped last.
    _cut: Cut,
}

// === impl Broker ===

impl Broker {
    /// The broker that a configuration names.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn new(
        uri: &str,
        ca_file: Option<&Path>,
        exchange: &str,
        kind: &str,
    ) -> Result<Self, BrokerError> {
        // Its own error may quote the password.
        let (text, mut uri): (_, AMQPUri) = (uri, uri.parse().map_err(|_| BrokerError::Uri)?);
        if let Some(address) = ipv6_of(text) {
            // Its parser takes them for no host, and that for the host that it is on.
            uri.authority.host = address.to_string();
        }
        let tls = match (&uri.scheme, ca_file) {
            (AMQPScheme::AMQPS, _) => Some(Tls::new(&uri.authority.host, ca_file)?),
            (AMQPScheme::AMQP, Some(_)) => return Err(BrokerError::CaFileWithoutTls),
            (AMQPScheme::AMQP, None) => None,
        };
        if uri.vhost.is_empty() {
            // As others read `amqp://host/`.
            DEFAULT_VHOST.clone_into(&mut uri.vhost);
        }
        let exchange = ShortString::try_new(exchange).ok().filter(|name| !name.as_str().is_empty());
        let exchange = exchange.ok_or(BrokerError::ExchangeName)?;
        let kind = match kind {
            "direct" => ExchangeKind::Direct,
            "fanout" => ExchangeKind::Fanout,
            "headers" => ExchangeKind::Headers,
            "topic" => ExchangeKind::Topic,
            custom => ExchangeKind::Custom(custom.to_owned()),
        };
        Ok(Self { uri, tls, exchange, kind })
    }

    /// Connects, and declares the exchange.
    pub(crate) async fn connect(&self) -> Result<Link, BrokerError> {
        let silent = |_| self.unreachable(format!("no answer within {} s", ANSWER.as_secs()));
        timeout(ANSWER, self.open()).await.map_err(silent)?
    }

    async fn open(&self) -> Result<Link, BrokerError> {
        let properties = ConnectionProperties::default().with_connection_name("wazo-auth".into());
        let failed = |error| self.failed(&error);
        let (network, cut) = Network::new(self.tls.clone());
        let connection = network.connect(self.uri.clone(), properties).await.map_err(failed)?;
        let channel = connection.create_channel().await.map_err(failed)?;
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let (name, kind) = (self.exchange.clone(), self.kind.clone());
        let declared = channel.exchange_declare(name, kind, durable, FieldTable::default());
        declared.await.map_err(|error| self.not_declared(&error))?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
        let (exchange, place) = (self.exchange.clone(), self.place());
        Ok(Link { connection, channel, exchange, place, _cut: cut })
    }

    /// Host, port and vhost: what may be shown of the URI.
    pub(crate) fn place(&self) -> String {
        let AMQPUri { authority, vhost, .. } = &self.uri;
        match authority.host.contains(':') {
            true => format!("[{}]:{} (vhost `{vhost}`)", authority.host, authority.port),
            false => format!("{}:{} (vhost `{vhost}`)", authority.host, authority.port),
        }
    }

    fn unreachable(&self, reason: String) -> BrokerError {
        BrokerError::Unreachable { place: self.place(), reason }
    }

    fn failed(&self, error: &lapin::Error) -> BrokerError {
        failed(self.place(), error)
    }

    fn not_declared(&self, error: &lapin::Error) -> BrokerError {
        match error.kind() {
            ErrorKind::ProtocolError(said)
                if *said.kind() == AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) =>
            {
                let exchange = self.exchange.to_string();
                let reason = said.get_message().to_string();
                BrokerError::Exchange { place: self.place(), exchange, reason }
            }
            ErrorKind::ProtocolError(said)
                if *said.kind() == AMQPErrorKind::Hard(AMQPHardError::COMMANDINVALID) =>
            {
                let reason = said.get_message().to_string();
                BrokerError::ExchangeType { place: self.place(), reason }
            }
            _ => self.failed(error),
        }
    }
}

impl BrokerError {
    /// Whether it goes on until somebody does something about it.
    pub(crate) fn is_for_somebody(&self) -> bool {
        !matches!(self, Self::Unreachable { .. })
    }
}

/// The host of a URI, if it is an address in brackets.
fn ipv6_of(uri: &str) -> Option<Ipv6Addr> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.strip_prefix('[')?.split_once(']')?.0.parse().ok()
}

fn failed(place: String, error: &lapin::Error) -> BrokerError {
    match error.kind() {
        ErrorKind::ProtocolError(said) => {
            BrokerError::Refused { place, reason: said.get_message().to_string() }
        }
        ErrorKind::IOError(io) => match io.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(reason)) => {
                BrokerError::Untrusted { place, reason: distrust(reason) }
            }
            Some(error) => BrokerError::Unreachable {
                place,
                reason: format!("it does not speak TLS as it should: {error}"),
            },
            None => BrokerError::Unreachable { place, reason: io.to_string() },
        },
        _ => BrokerError::Unreachable { place, reason: error.to_string() },
    }
}

// === impl Link ===

impl Link {
    /// Whether messages may be published, as far as is known.
    pub fn check(&self) -> Result<(), BrokerError> {
        if self.connection.status().connected() && self.channel.status().connected() {
            return Ok(());
        }
        Err(self.lost())
    }

    /// Whether the broker has said that it takes no messages for the time being.
    pub fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// A sentence on that.
    pub fn blocked(&self) -> String {
        format!(
            "the message broker at {} takes no messages for the time being (is its disk or its memory \
             full?); events are kept, and sent later",
            self.place
        )
    }

    pub fn silent(&self) -> BrokerError {
        let reason = "it confirms nothing of what it is sent".to_owned();
        BrokerError::Unreachable { place: self.place.clone(), reason }
    }

    pub fn lost(&self) -> BrokerError {
        let reason = "the connection is lost".to_owned();
        BrokerError::Unreachable { place: self.place.clone(), reason }
    }

    /// Sends a message: it is written to the connection when this returns. Nothing
    /// comes back for a row that is no message.
    pub async fn publish(&self, event: &Event) -> Result<Option<PublisherConfirm>, BrokerError> {
        let Some((key, properties)) = message(event) else { return Ok(None) };
        let options = BasicPublishOptions::default();
        let body = event.body.as_bytes();
        let published =
            self.channel.basic_publish(self.exchange.clone(), key, options, body, properties);
        published.await.map(Some).map_err(|error| self.failed(&error))
    }

    pub fn failed(&self, error: &lapin::Error) -> BrokerError {
        failed(self.place.clone(), error)
    }

    /// Ends the connection, in order if the broker still answers.
    pub async fn close(self, why: &str) {
        // Whatever it says: it is over.
        let _ = timeout(CLOSED_WITHIN, self.connection.close(200, why.into())).await;
    }
}

/// Routing key and properties of a message.
fn message(event: &Event) -> Option<(ShortString, BasicProperties)> {
    let key = ShortString::try_new(event.routing_key.as_str()).ok()?;
    let body: Map<String, Value> = serde_json::from_str(&event.body).ok()?;
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_delivery_mode(PERSISTENT)
        .with_priority(0)
        .with_headers(headers(body));
    Some((key, properties))
}

/// The headers stand in the body, beside the payload.
fn headers(body: Map<String, Value>) -> FieldTable {
    let mut headers = FieldTable::default();
    for (name, value) in body.into_iter().filter(|(name, _)| name != "data") {
        // A name is as long as the `auth_id` in it, which only a backend bounds;
        // the body has it all the same.
        let Ok(name) = ShortString::try_new(name) else { continue };
        let value = match value {
            Value::String(text) => AMQPValue::LongString(text.into()),
            Value::Bool(is_so) => AMQPValue::Boolean(is_so),
            _ => AMQPValue::Void,
        };
        headers.insert(name, value);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_read_as_others_read_it() {
        let place = |uri| Broker::new(uri, None, "xivo", "topic").map(|broker| broker.place());
        assert_eq!(place("amqp://u:p@h:1/").unwrap(), "h:1 (vhost `/`)");
        assert_eq!(place("amqp://h").unwrap(), "h:5672 (vhost `/`)");
        assert_eq!(place("amqp://h/%2f").unwrap(), "h:5672 (vhost `/`)");
        assert_eq!(place("amqp://h/wazo").unwrap(), "h:5672 (vhost `wazo`)");
        assert_eq!(place("amqp://u:p@[2001:db8::5]/").unwrap(), "[2001:db8::5]:5672 (vhost `/`)");
        assert_eq!(place("amqp://[::1]:1/v").unwrap(), "[::1]:1 (vhost `v`)");
        let with_file = Broker::new("amqp://h", Some(Path::new("ca.pem")), "xivo", "topic");
        assert_eq!(with_file.err(), Some(BrokerError::CaFileWithoutTls));
        for uri in ["", "h:5672", "http://u:p4ss@h", "amqp://u:p4ss@:x", "amqp://u:p4ss@[zz]/"] {
            let error = place(uri).unwrap_err();
            assert_eq!(error, BrokerError::Uri, "{uri}");
            assert!(!error.to_string().contains("p4ss"));
        }
    }

    #[test]
    fn headers_have_the_types_of_the_body() {
        let body = r#"{"a": "text", "user_uuid:*": true, "origin_uuid": null, "data": {"b": 1}}"#;
        let event = |routing_key: &str, body: &str| Event {
            id: 1,
            subject: String::new(),
            routing_key: routing_key.to_owned(),
            body: body.to_owned(),
            waits: false,
        };
        let (key, properties) = message(&event("k.e.y", body)).unwrap();
        assert_eq!(key.as_str(), "k.e.y");
        let headers = properties.headers().clone().unwrap();
        let of = |name: &str| headers.inner().get(name).cloned();
        assert_eq!(headers.inner().len(), 3);
        assert_eq!(of("a"), Some(AMQPValue::LongString("text".into())));
        assert_eq!(of("user_uuid:*"), Some(AMQPValue::Boolean(true)));
        assert_eq!(of("origin_uuid"), Some(AMQPValue::Void));
        assert!(message(&event("k", "[]")).is_none());
        assert!(message(&event(&"k".repeat(256), "{}")).is_none());
        let long = format!(r#"{{"user_uuid:{}": true}}"#, "x".repeat(1000));
        assert!(message(&event("k", &long)).is_some());
    }
}
