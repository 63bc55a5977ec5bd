//! The thread that publishes.
//!
//! ```text
//!            ┌──── connect, with back-off ◀──────────────── lost, refused
//!            ▼                                                   ▲
//!        what a connection is used for: `serving`
//! ```

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver, SyncSender},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};
use wazo_auth_context::Context;
use wazo_auth_store::{Error, Outbox, Store};

use crate::{
    broker::{Broker, BrokerError},
    rows::{Limits, Rows},
};

/// How often it is looked whether too much is kept.
pub(crate) const TRIM: Duration = Duration::from_secs(10);
/// Without a connection for so long, our events are for any daemon that has one. What
/// the broker was sent before has arrived by then, as a rule.
const GIVE_UP: Duration = Duration::from_secs(1);
/// The first and the longest pause between two attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// What the end of the runtime waits for.
const SHUTDOWN: Duration = Duration::from_millis(100);

/// The thread, for whoever started it.
pub(crate) struct Handle {
    stop: watch::Sender<bool>,
    attempted: Receiver<()>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) struct Publisher {
    broker: Broker,
    pub outbox: Arc<Outbox>,
    pub rows: Rows,
    pub woken: Arc<Notify>,
    pub stop: watch::Receiver<bool>,
    pub attempted: SyncSender<()>,
}

/// Why there was an end to publishing.
pub(crate) enum Failure {
    Broker(BrokerError),
    Store(Error),
}

/// Starts the thread.
pub(crate) fn start(
    broker: Broker,
    limits: Limits,
    store: Arc<Store>,
    context: Context,
) -> io::Result<(Arc<Outbox>, Handle)> {
    let woken = Arc::new(Notify::new());
    let wake = Arc::clone(&woken);
    let daemon = context.uuid();
    store.hold(daemon);
    let outbox = Outbox::new(daemon, move || wake.notify_one());
    let (stop, stopped) = watch::channel(false);
    let (attempted, first_attempt) = mpsc::sync_channel(1);
    let (ending, ended) = mpsc::sync_channel(1);
    let publisher = Publisher {
        broker,
        outbox: Arc::clone(&outbox),
        rows: Rows::new(store, context, Arc::clone(&outbox), limits),
        woken,
        stop: stopped,
        attempted,
    };
    // The connection's own thread needs a reactor that does not wait for us.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("events-io")
        .enable_all()
        .build()?;
    let thread = Builder::new().name("events".to_owned()).spawn(move || {
        runtime.block_on(publisher.run());
        drop(publisher);
        runtime.shutdown_timeout(SHUTDOWN);
        drop(ending);
    })?;
    Ok((outbox, Handle { stop, attempted: first_attempt, ended, thread: Some(thread) }))
}

// === impl Handle ===

impl Handle {
    pub fn wait_for_first_attempt(&self, limit: Duration) {
        // Late or over: either way there is nothing more to wait for.
        let _ = self.attempted.recv_timeout(limit);
    }

    pub fn stop(&mut self, limit: Duration) {
        let _ = self.stop.send(true);
        let Some(thread) = self.thread.take() else { return };
        match self.ended.recv_timeout(limit) {
            Err(mpsc::RecvTimeoutError::Timeout) => log::warn!(
                target: "wazo_auth.events",
                "not all events could be sent before the end; the next start sends them"
            ),
            _ if thread.join().is_err() => {
                log::error!(target: "wazo_auth.events", "the publisher of events ended in a panic");
            }
            _ => {}
        }
    }
}

// === impl Publisher ===

impl Publisher {
    async fn run(&self) {
        let mut stop = self.stop.clone();
        let (mut pause, mut told, mut trimmed) = (PAUSES.0, None, None);
        let mut lost = Instant::now();
        loop {
            let failure = match self.broker.connect().await {
                Ok(link) => {
                    let place = self.broker.place();
                    log::info!(target: "wazo_auth.events", "connected to the message broker at {place}");
                    let (served, good_until) = self.serve(link).await;
                    if let Some(until) = good_until {
                        (pause, told, lost) = (PAUSES.0, None, until);
                    }
                    match served {
                        Ok(()) => return,
                        Err(failure) => failure,
                    }
                }
                Err(error) => Failure::Broker(error),
            };
            self.outbox.close();
            tell(&failure, &mut told);
            // Nobody waits for the first attempt any more.
            let _ = self.attempted.try_send(());
            if *stop.borrow() {
                return;
            }
            if lost.elapsed() >= GIVE_UP && self.rows.are_shared() {
                self.rows.give_up().await;
            }
            if trimmed.is_none_or(|last: Instant| last.elapsed() >= TRIM) {
                trimmed = Some(Instant::now());
                self.keep_within_limits().await;
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(PAUSES.1),
                _ = stop.changed() => {}
            }
        }
    }

    pub async fn keep_within_limits(&self) {
        if let Err(error) = self.rows.trim().await {
            log::debug!(target: "wazo_auth.events", "old events were not looked for: {error}");
        }
    }
}

// === impl Failure ===

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// Says it, unless that was the last thing said.
fn tell(failure: &Failure, told: &mut Option<String>) {
    const KEPT: &str = "events are kept, and sent later";
    let (line, is_for_somebody) = match failure {
        Failure::Broker(error) => (format!("{error}; {KEPT}"), error.is_for_somebody()),
        Failure::Store(error) => (format!("events cannot be read or deleted: {error}"), false),
    };
    if told.as_ref() == Some(&line) {
        return;
    }
    match is_for_somebody {
        true => log::error!(target: "wazo_auth.events", "{line}"),
        false => log::warn!(target: "wazo_auth.events", "{line}"),
    }
    *told = Some(line);
}
