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

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_postgres::{AsyncMessage, Client, SimpleQueryMessage};
use uuid::Uuid;

use crate::postgresql::connection::has_no_room;
use crate::postgresql::lease::{Lease, TERM};
use crate::postgresql::presence;
use crate::postgresql::reach::Reach;
use crate::postgresql::uri::Address;
use crate::postgresql::version::{self, Numbers, Versions};
use crate::{Error, IndexChange, Seals, Table, TokenIndex};

/// Between two round trips: a few in each term, so that one may be late.
const RENEWAL: Duration = Duration::from_millis(25);
/// How long an answer may take before the connection is given up.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(250);
/// Between two attempts to become the leader.
const CANDIDACY: Duration = Duration::from_secs(1);
/// The lock of whoever does what is done once per database: "wazolead".
const LEADER_LOCK: i64 = 0x7761_7a6f_6c65_6164;

/// What the listener and those who rely on it share.
pub(crate) struct Hearing {
    pub index: Arc<TokenIndex>,
    pub seals: Seals,
    pub lease: Lease,
    pub versions: Versions,
    /// The run of the daemon whose lock the connection holds.
    daemon: Mutex<Option<Uuid>>,
    pub reach: Arc<Reach>,
    /// Whether it may come to do what is done once per database.
    is_candidate: bool,
    /// Whether it does so now. The lock is held by the connection that listens.
    leads: AtomicBool,
    /// The tree of tenants has to be read again.
    is_tree_stale: AtomicBool,
    /// What is told of tenants while the tree is read: it may be newer.
    told_meanwhile: Mutex<Option<Vec<IndexChange>>>,
    rounds: Mutex<Rounds>,
    renewed: Condvar,
    /// Everything was forgotten once more, or nothing is heard any more.
    emptied: Condvar,
    wanted: Notify,
}

#[derive(Default)]
struct Rounds {
    /// Round trips that have begun.
    begun: u64,
    /// When the last one began: the lease ends so long after that.
    asked: Option<Instant>,
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
    pub fn new(index: Arc<TokenIndex>, seals: Seals, is_candidate: bool) -> Self {
        Self {
            index,
            seals,
            lease: Lease::default(),
            versions: Versions::default(),
            daemon: Mutex::default(),
            reach: Arc::default(),
            is_candidate,
            leads: AtomicBool::new(false),
            is_tree_stale: AtomicBool::new(true),
            told_meanwhile: Mutex::default(),
            rounds: Mutex::default(),
            renewed: Condvar::new(),
            emptied: Condvar::new(),
            wanted: Notify::new(),
        }
    }

    /// Waits until all that was committed before this call is heard: for a round
    /// trip. When that takes too long, the lease has ended, which is as good.
    pub fn catch_up(&self) {
        let rounds = self.rounds.lock();
        // Whatever a round that has begun confirms has ended by then.
        if let Some(asked) = rounds.asked {
            self.wait_for_round(rounds, asked + TERM);
        }
    }

    fn wait_for_round(&self, mut rounds: MutexGuard<'_, Rounds>, deadline: Instant) {
        let wanted = rounds.begun + 1;
        self.wanted.notify_one();
        while rounds.done < wanted && !rounds.is_closed {
            if self.renewed.wait_until(&mut rounds, deadline).timed_out() {
                break;
            }
        }
    }

    /// Has the connection hold the lock that says that `daemon` runs.
    pub fn hold(&self, daemon: Uuid) {
        *self.daemon.lock() = Some(daemon);
        self.catch_up();
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

    /// Waits until everything was forgotten more often than `known`, for so long at
    /// most.
    pub fn wait_until_forgotten_again(&self, known: u64, most: Duration) {
        let (mut rounds, deadline) = (self.rounds.lock(), Instant::now() + most);
        while rounds.forgotten == known && !rounds.is_closed {
            if self.emptied.wait_until(&mut rounds, deadline).timed_out() {
                break;
            }
        }
    }

    fn forget(&self) {
        self.is_tree_stale.store(true, Ordering::Release);
        self.versions.forget();
        self.index.forget();
        self.rounds.lock().forgotten += 1;
        self.emptied.notify_all();
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

    /// The number of the round, and when it began.
    fn begin_round(&self) -> (u64, Instant) {
        let (mut rounds, now) = (self.rounds.lock(), Instant::now());
        rounds.begun += 1;
        rounds.asked = Some(now);
        (rounds.begun, now)
    }

    fn end_round(&self, round: u64) {
        self.rounds.lock().done = round;
        self.renewed.notify_all();
    }

    /// Whether this daemon does what is done once per database.
    pub fn leads(&self) -> bool {
        self.leads.load(Ordering::Acquire)
    }

    /// Whether it is to try to become the leader, having tried at `last`.
    fn runs(&self, last: Option<Instant>) -> bool {
        self.is_candidate && !self.leads() && last.is_none_or(|last| last.elapsed() >= CANDIDACY)
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
    pub fn start(address: Address, hearing: Arc<Hearing>) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let heard = Arc::clone(&hearing);
        let thread = std::thread::Builder::new().name("store-listener".into());
        let thread = thread.spawn(move || run(&runtime, &address, &heard))?;
        hearing.wait_for_round(hearing.rounds.lock(), Instant::now() + ANSWER);
        Ok(Self { hearing, thread: Some(thread) })
    }

    /// Hears nothing more.
    pub fn close(&self) {
        self.hearing.rounds.lock().is_closed = true;
        self.hearing.lease.give_up();
        self.hearing.renewed.notify_all();
        self.hearing.emptied.notify_all();
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

fn run(runtime: &Runtime, address: &Address, hearing: &Arc<Hearing>) {
    let (mut told, mut since) = (Told::Nothing, Instant::now());
    while !hearing.is_closed() {
        let failed = runtime.block_on(listen(address, hearing, &mut told, since));
        hearing.lease.give_up();
        hearing.leads.store(false, Ordering::Release);
        let (Err(failed), false) = (failed, hearing.is_closed()) else { continue };
        let was = std::mem::replace(&mut told, failed.told());
        if was == Told::Nothing {
            since = Instant::now();
        }
        hearing.reach.tell(told == Told::Away);
        // Said once, not four times a second.
        match failed {
            _ if was == told => {}
            Failed::Away(error) => log::warn!(
                target: "wazo_auth.store",
                "the database cannot be reached ({error}): what needs it is answered 503 until it can"
            ),
            Failed::Deaf(error) => log::warn!(
                target: "wazo_auth.store",
                "the database does not tell its changes ({error}): each token is looked up until it does"
            ),
        }
        // Whether it is the server or this connection alone, the next attempt tells.
        if was != Told::Nothing {
            hearing.rest();
        }
    }
}

/// Why nothing is heard.
enum Failed {
    /// The database cannot be reached.
    Away(Error),
    /// It can, but the connection that listened is lost.
    Deaf(Error),
}

/// What the log knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Nothing that is not as it should be.
    Nothing,
    Away,
    Deaf,
}

impl Failed {
    fn told(&self) -> Told {
        match self {
            Self::Away(_) => Told::Away,
            Self::Deaf(_) => Told::Deaf,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Deaf(error)
    }
}

/// Listens until that fails.
async fn listen(
    address: &Address,
    hearing: &Arc<Hearing>,
    told: &mut Told,
    since: Instant,
) -> Result<(), Failed> {
    let is_full = Cell::new(false);
    let connecting =
        async { address.connect().await.inspect_err(|error| is_full.set(has_no_room(error))) };
    let (client, mut connection) = in_time(connecting).await.map_err(|error| {
        if is_full.get() {
            return Failed::Deaf(error);
        }
        hearing.reach.failed();
        Failed::Away(error)
    })?;
    hearing.reach.heard();
    // Ended with this attempt: what an old connection brings late is overtaken.
    let mut tasks = JoinSet::new();
    let heard = Arc::clone(hearing);
    tasks.spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                heard.hear(notification.payload());
            }
        }
    });
    in_time(client.batch_execute(&format!("{}; {PREPARE}", presence::hold()))).await?;
    // What was told before is not known.
    hearing.forget();
    let (mut held, mut candidacy) = (None, None);
    while !hearing.is_closed() {
        let (round, asked) = hearing.begin_round();
        let daemon = *hearing.daemon.lock();
        if let Some(daemon) = daemon.filter(|_| held != daemon) {
            // An old connection that the server still believes in may have it.
            let lock = format!("hashtextextended('{daemon}', 0)");
            held = is_locked(&client, &lock).await?.then_some(daemon);
        }
        let numbers = numbers(&client).await?;
        if hearing.is_tree_stale.swap(false, Ordering::AcqRel) {
            hearing.read_tree(&client).await?;
        }
        if hearing.runs(candidacy) {
            candidacy = Some(asked);
            let leads = is_locked(&client, &LEADER_LOCK.to_string()).await?;
            hearing.leads.store(leads, Ordering::Release);
        }
        hearing.versions.advance(numbers);
        hearing.lease.renew(asked);
        hearing.end_round(round);
        hearing.reach.heard();
        if std::mem::replace(told, Told::Nothing) != Told::Nothing {
            hearing.reach.tell(false);
            let seconds = since.elapsed().as_secs_f64();
            log::warn!(
                target: "wazo_auth.store",
                "the database tells its changes again, after {seconds:.1} s"
            );
        }
        let _ = tokio::time::timeout(RENEWAL, hearing.wanted.notified()).await;
    }
    Ok(())
}

/// A connection whose other end is gone is noticed sooner than systems do: it may
/// hold the lock of the leader.
const PREPARE: &str = "LISTEN wazo_auth; SET tcp_keepalives_idle = 10; \
    SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// Takes a lock for as long as the connection lasts, if nobody has it.
async fn is_locked(client: &Client, lock: &str) -> Result<bool, Error> {
    let sql = format!("SELECT pg_try_advisory_lock({lock})");
    let answers = in_time(client.simple_query(&sql)).await?;
    Ok(answers.iter().any(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
        _ => false,
    }))
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
