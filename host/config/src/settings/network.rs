//! The bus and service discovery (contract: config.md sections 2.9 and 2.10).

use serde::Deserialize;
use serde_json::Value;

use super::value::{self, Secret};

value::only_mappings!(Amqp, ServiceDiscovery, Consul);

/// Section `amqp`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self")]
pub struct Amqp {
    /// Whether events are published; unset: the store decides.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// The broker; holds a password.
    pub uri: Secret<String>,
    /// The authorities that the broker's certificate may be of; unset: the system's.
    #[serde(default, deserialize_with = "value::non_empty")]
    pub ca_file: Option<String>,
    /// A durable exchange, declared by us.
    pub exchange_name: String,
    /// Its type.
    pub exchange_type: String,
}

/// Section `service_discovery`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self")]
pub struct ServiceDiscovery {
    /// Whether the daemon registers itself.
    #[serde(deserialize_with = "value::switch")]
    pub enabled: bool,
    /// An address, or `auto`.
    pub advertise_address: String,
    /// The interface that `auto` looks at first.
    pub advertise_address_interface: String,
    /// The port that others are told.
    pub advertise_port: u16,
    /// Seconds after which a service that is not refreshed counts as gone.
    pub ttl_interval: u32,
    /// Seconds between two refreshes.
    pub refresh_interval: u32,
    /// Seconds between two attempts to register.
    pub retry_interval: u32,
    /// Tags added to our own.
    #[serde(deserialize_with = "value::or_default")]
    pub extra_tags: Vec<String>,
}

/// Section `consul`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self")]
pub struct Consul {
    /// `http` or `https`.
    pub scheme: String,
    /// The agent's port.
    pub port: u16,
    /// The agent; unset: this machine.
    #[serde(default, deserialize_with = "value::non_empty")]
    pub host: Option<String>,
    /// What the agent wants to see.
    #[serde(default)]
    pub token: Option<Secret<String>>,
    /// Whether, or with which file, the agent's certificate is checked.
    #[serde(default)]
    pub verify: Option<Value>,
}
