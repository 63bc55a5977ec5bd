//! Hears from the database what may be remembered no longer.
//!
//! ```text
//!   commit anywhere ──▶ triggers ──▶ NOTIFY ──▶ this connection ──▶ index
//!                                                    │
//!                       every RENEWAL: a round trip ─┴─▶ lease until asked + TERM
//! ```
//!
//! The server sends what was notified before it answers, so that a round trip
//! which began after a commit brings what that commit told. A connection that was
//! lost may have missed something: everything is forgotten then.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, SimpleQueryMessage};
use uuid::Uuid;

use crate::postgresql::lease::{Lease, TERM};
use crate::postgresql::presence;
use crate::postgresql::version::{self, Numbers, Versions};
use crate::{Error, IndexChange, Seals, Table, TokenIndex};

/// Between two round trips: a few in each term, so that one may be late.
const RENEWAL: Duration = Duration::from_millis(25);
/// How long an answer may take before the connection is given up.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(250);

/// What the listener and those who rely on it share.
pub(crate) struct Hearing {
    pub index: Arc<TokenIndex>,
    pub seals: Seals,
    pub lease: Lease,
    pub versions: Versions,
    /// The tree of tenants has to be read again.
    is_tree_stale: AtomicBool,
    /// What is told of tenants while the tree is read: it may be newer.
    told_meanwhile: Mutex<Option<Vec<IndexChange>>>,
    rounds: Mutex<Rounds>,
    renewed: Condvar,
    wanted: Notify,
}

#[derive(Default)]
struct Rounds {
    /// Round trips that have begun.
    begun: u64,
    /// The last one that was answered.
    done: u64,
    /// How often everything was forgotten.
    forgotten: u64,
    is_closed: bool,
}

/// A thread that listens until it is dropped.
pub(crate) struct Listener {
    hearing: Arc<Hearing>,
    thread: Option<JoinHandle<()>>,
}

// === impl Hearing ===

impl Hearing {
    pub fn new(index: Arc<TokenIndex>, seals: Seals) -> Self {
        Self {
            index,
            seals,
            lease: Lease::default(),
            versions: Versions::default(),
            is_tree_stale: AtomicBool::new(true),
            told_meanwhile: Mutex::default(),
            rounds: Mutex::default(),
            renewed: Condvar::new(),
            wanted: Notify::new(),
        }
    }

    /// Waits until all that was committed before this call is heard: for a round
    /// trip. When that takes too long, the lease has ended, which is as good.
    pub fn catch_up(&self) {
        self.catch_up_within(TERM);
    }

    fn catch_up_within(&self, patience: Duration) {
        let mut rounds = self.rounds.lock();
        let wanted = rounds.begun + 1;
        self.wanted.notify_one();
        let deadline = Instant::now() + patience;
        while rounds.done < wanted && !rounds.is_closed {
            if self.renewed.wait_until(&mut rounds, deadline).timed_out() {
                break;
            }
        }
    }

    /// Takes over what a commit has told.
    fn hear(&self, told: &str) {
        let (kind, items) = told.split_once(' ').unwrap_or((told, ""));
        let items = items.split(',').filter(|item| !item.is_empty());
        match kind {
            "token" => items
                .filter_map(|text| self.seals.read(Table::Token, text))
                .for_each(|token| self.index.forget_token(&token)),
            "user" => items
                .filter_map(|text| Uuid::try_parse(text).ok())
                .for_each(|user| self.index.forget_home(user)),
            "tenant" => items.filter_map(tenant).for_each(|change| {
                if let Some(told) = &mut *self.told_meanwhile.lock() {
                    told.push(change.clone());
                }
                self.index.apply(change);
            }),
            // `all`, and whatever later versions may tell.
            _ => {
                self.lease.give_up();
                self.forget();
            }
        }
    }

    /// How often everything was forgotten.
    pub fn forgotten(&self) -> u64 {
        self.rounds.lock().forgotten
    }

    fn forget(&self) {
        self.rounds.lock().forgotten += 1;
        self.is_tree_stale.store(true, Ordering::Release);
        self.versions.forget();
        self.index.forget();
    }

    /// Reads the tree of tenants. What is told meanwhile is applied once more.
    async fn read_tree(&self, client: &Client) -> Result<(), Error> {
        *self.told_meanwhile.lock() = Some(Vec::new());
        let tenants = tenants(client).await;
        let told = self.told_meanwhile.lock().take();
        self.index.set_tenants(&tenants?);
        told.into_iter().flatten().for_each(|change| self.index.apply(change));
        Ok(())
    }

    fn begin_round(&self) -> u64 {
        let mut rounds = self.rounds.lock();
        rounds.begun += 1;
        rounds.begun
    }

    fn end_round(&self, round: u64) {
        self.rounds.lock().done = round;
        self.renewed.notify_all();
    }

    /// Waits before the next attempt, unless it ends.
    fn rest(&self) {
        let mut rounds = self.rounds.lock();
        let deadline = Instant::now() + RETRY;
        while !rounds.is_closed && !self.renewed.wait_until(&mut rounds, deadline).timed_out() {}
    }

    /// Whether it hears nothing more.
    pub fn is_closed(&self) -> bool {
        self.rounds.lock().is_closed
    }
}

/// `uuid=parent`, without parent where the tenant is gone.
fn tenant(text: &str) -> Option<IndexChange> {
    let (uuid, parent) = text.split_once('=')?;
    let uuid = Uuid::try_parse(uuid).ok()?;
    if parent.is_empty() {
        return Some(IndexChange::RemoveTenant(uuid));
    }
    Some(IndexChange::Tenant { uuid, parent: Uuid::try_parse(parent).ok()? })
}

// === impl Listener ===

impl Listener {
    /// Connects and hears everything before it returns, if the server answers;
    /// goes on trying otherwise.
    pub fn start(config: Config, hearing: Arc<Hearing>) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let heard = Arc::clone(&hearing);
        let thread = std::thread::Builder::new().name("store-listener".into());
        let thread = thread.spawn(move || run(&runtime, &config, &heard))?;
        hearing.catch_up_within(ANSWER);
        Ok(Self { hearing, thread: Some(thread) })
    }

    /// Hears nothing more.
    pub fn close(&self) {
        self.hearing.rounds.lock().is_closed = true;
        self.hearing.lease.give_up();
        self.hearing.renewed.notify_all();
        self.hearing.wanted.notify_one();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!(target: "wazo_auth.store", "the listener of the database panicked");
        }
    }
}

fn run(runtime: &Runtime, config: &Config, hearing: &Arc<Hearing>) {
    let mut has_failed = false;
    while !hearing.is_closed() {
        let failed = runtime.block_on(listen(config, hearing, &mut has_failed));
        hearing.lease.give_up();
        let (Err(error), false) = (failed, hearing.is_closed()) else { continue };
        // Said once, not four times a second.
        if !has_failed {
            has_failed = true;
            log::warn!(
                target: "wazo_auth.store",
                "the database does not tell its changes ({error}): each token is looked up until it does"
            );
        }
        hearing.rest();
    }
}

/// Listens until that fails.
async fn listen(
    config: &Config,
    hearing: &Arc<Hearing>,
    has_failed: &mut bool,
) -> Result<(), Error> {
    let (client, mut connection) = in_time(config.connect(NoTls)).await?;
    let heard = Arc::clone(hearing);
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                heard.hear(notification.payload());
            }
        }
    });
    in_time(client.batch_execute(&format!("{}; LISTEN wazo_auth", presence::hold()))).await?;
    // What was told before is not known.
    hearing.forget();
    while !hearing.is_closed() {
        let (round, asked) = (hearing.begin_round(), Instant::now());
        let numbers = numbers(&client).await?;
        if hearing.is_tree_stale.swap(false, Ordering::AcqRel) {
            hearing.read_tree(&client).await?;
        }
        hearing.versions.set(numbers);
        hearing.lease.renew(asked);
        hearing.end_round(round);
        if std::mem::take(has_failed) {
            log::warn!(target: "wazo_auth.store", "the database tells its changes again");
        }
        let _ = tokio::time::timeout(RENEWAL, hearing.wanted.notified()).await;
    }
    Ok(())
}

async fn numbers(client: &Client) -> Result<Numbers, Error> {
    let answers = in_time(client.simple_query(version::SELECT)).await?;
    let row = answers.iter().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let number = |column| row?.get(column)?.parse::<i64>().ok();
    Ok(Numbers::from(&[number(0).unwrap_or(0), number(1).unwrap_or(0)][..]))
}

async fn tenants(client: &Client) -> Result<Vec<(Uuid, Uuid)>, Error> {
    let rows = in_time(client.query("SELECT uuid, parent_uuid FROM auth_tenant", &[])).await?;
    let uuid = |row: &tokio_postgres::Row, column: usize| {
        row.try_get::<_, &str>(column).ok().and_then(|text| Uuid::try_parse(text).ok())
    };
    Ok(rows.iter().filter_map(|row| Some((uuid(row, 0)?, uuid(row, 1)?))).collect())
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Error> {
    let late = || Error::Unavailable { detail: "it does not answer".into() };
    Ok(tokio::time::timeout(ANSWER, answer).await.map_err(|_| late())??)
}
