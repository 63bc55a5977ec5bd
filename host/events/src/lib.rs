//! What the bus is told, and its way to RabbitMQ (`contract/bus.md`).
//!
//! ```text
//!   service: Event ─▶ a row, in the transaction that it tells of
//!                         │ committed
//!                         ▼
//!   outbox, in memory ─▶ publisher ─▶ exchange ─▶ confirmed: the row goes
//!   table ──────────────────▲
//!      what an earlier daemon left, or what came while the broker was away
//! ```
//!
//! A message is sent at least once: again when a connection ends between it and
//! its confirmation. Messages of one request, and those of one session, are sent
//! in order, whichever daemons write them: one waits until an older one of another
//! daemon is confirmed. A daemon without a connection leaves its messages to those
//! that have one.

mod broker;
mod confirms;
mod event;
mod held;
mod network;
mod publisher;
mod routing_key;
mod rows;
mod serving;
mod tls;
mod upkeep;
mod wait;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use wazo_auth_context::Context;
use wazo_auth_store::{Error, Outbox, Receipt, Store, Tx, events::News};

pub use broker::{Broker, BrokerError};
pub use event::{Event, ExternalAuth, RefreshToken};
pub use rows::Limits;

/// An answer waits no longer for its events to be sent.
const PATIENCE: Duration = Duration::from_millis(50);

/// Tells the bus; or nobody, when events are off. Clones are the same.
#[derive(Clone, Default)]
pub struct Events(Option<Arc<On>>);

struct On {
    context: Context,
    outbox: Arc<Outbox>,
    publisher: Mutex<publisher::Handle>,
}

/// The events of one request, in order. Collects nothing when events are off.
#[derive(Default)]
pub struct Told {
    on: Option<Arc<On>>,
    events: Vec<Event>,
    receipt: Receipt,
}

// === impl Events ===

impl Events {
    /// Tells nobody: no rows, no connection.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Connects to `broker` in the background, again and again, and publishes
    /// what [`Told::write`] keeps and what earlier daemons left.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        broker: Broker,
        limits: Limits,
        store: Arc<Store>,
        context: Context,
    ) -> io::Result<Self> {
        let (outbox, publisher) = publisher::start(broker, limits, store, context.clone())?;
        let publisher = Mutex::new(publisher);
        Ok(Self(Some(Arc::new(On { context, outbox, publisher }))))
    }

    /// Whether somebody is told.
    #[must_use]
    pub fn are_on(&self) -> bool {
        self.0.is_some()
    }

    /// Waits until the first attempt to connect has succeeded or failed, at most
    /// so long: what is asked for right after the start finds the bus ready.
    pub fn wait_for_first_attempt(&self, limit: Duration) {
        if let Some(on) = &self.0 {
            on.publisher.lock().wait_for_first_attempt(limit);
        }
    }

    /// Collects the events of a request; `receipt` hears of it when they are sent.
    #[must_use]
    pub fn collect(&self, receipt: &Receipt) -> Told {
        Told { on: self.0.clone(), events: Vec::new(), receipt: receipt.clone() }
    }

    /// Waits until the events of `receipt` are on the connection to the broker,
    /// not for the confirmation: at most 50 ms, and not at all while there is no
    /// connection or somebody waited in vain.
    pub fn wait(&self, receipt: &Receipt) {
        if let Some(on) = &self.0 {
            on.outbox.wait(receipt, PATIENCE);
        }
    }

    /// Sends what was written, if there is a connection, and stops, at the latest
    /// after `limit`. What is not sent is in the table. To be called when nobody
    /// writes any more, before the store is closed.
    pub fn stop(&self, limit: Duration) {
        if let Some(on) = &self.0 {
            let started = Instant::now();
            on.publisher.lock().stop(limit);
            log::debug!(target: "wazo_auth.events", "stopped after {:?}", started.elapsed());
        }
    }
}

// === impl Told ===

impl Told {
    /// Adds an event, which is only made when somebody is told.
    pub fn push(&mut self, event: impl FnOnce() -> Event) {
        if self.on.is_some() {
            self.events.push(event());
        }
    }

    /// Keeps what was collected with the rows of this transaction. It is sent once
    /// that is committed.
    ///
    /// # Errors
    /// What the database reports.
    pub fn write(mut self, tx: &mut Tx<'_>) -> Result<(), Error> {
        self.take().map_or(Ok(()), |news| tx.announce(news))
    }

    /// What was collected so far, to be kept by somebody else.
    pub fn take(&mut self) -> Option<News> {
        let on = self.on.as_ref().filter(|_| !self.events.is_empty())?;
        let (now, environment) = (on.context.now(), on.context.environment());
        let events = self.events.drain(..).map(|event| event.message(now, environment)).collect();
        let (outbox, receipt) = (Arc::clone(&on.outbox), self.receipt.clone());
        Some(News { outbox, events, created_at: now.as_second(), receipt })
    }
}
