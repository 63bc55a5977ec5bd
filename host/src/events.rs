//! Whether and where events are published (design: events are rows first).

use std::{path::Path, sync::Arc, time::Duration};

use wazo_auth_config::{Amqp, Config, DbUri};
use wazo_auth_context::Context;
use wazo_auth_events::{Broker, BrokerError, Events, Limits};
use wazo_auth_store::Store;

use crate::setup::Failure;

/// So long the socket stays closed for a broker that does not answer: whoever
/// asks first, asks a daemon that is connected.
pub(crate) const FIRST_ATTEMPT: Duration = Duration::from_secs(1);
/// So long the end waits for events to be sent.
pub(crate) const SENT_AT_THE_END: Duration = Duration::from_secs(2);

/// Starts to publish, if the configuration says so.
pub(crate) fn start(
    config: &Config,
    store: &Arc<Store>,
    context: &Context,
) -> Result<Events, Failure> {
    let Some(amqp) = wanted(config) else { return Ok(Events::off()) };
    if context.environment().xivo_uuid.is_none() {
        log::warn!(
            target: "wazo_auth.events",
            "the environment variable XIVO_UUID is not set: the `origin_uuid` of events is null"
        );
    }
    let (store, context) = (Arc::clone(store), context.clone());
    Ok(Events::start(broker(amqp)?, Limits::default(), store, context)?)
}

/// The broker that events go to.
///
/// # Errors
/// A sentence that names the key.
pub(crate) fn broker(amqp: &Amqp) -> Result<Broker, BrokerError> {
    let ca_file = amqp.ca_file.as_deref().map(Path::new);
    Broker::new(amqp.uri.expose(), ca_file, &amqp.exchange_name, &amqp.exchange_type)
}

/// The section, if events are on: as `amqp.enabled` says; without a word, where
/// several hosts are likely, or the section is there.
pub(crate) fn wanted(config: &Config) -> Option<&Amqp> {
    let settings = &config.settings;
    let amqp = settings.amqp.as_ref()?;
    let is_asked_for = || match settings.database.uri {
        DbUri::Sqlite(_) => config.is_set(&["amqp"]),
        DbUri::Postgresql(_) => true,
    };
    amqp.enabled.unwrap_or_else(is_asked_for).then_some(amqp)
}
