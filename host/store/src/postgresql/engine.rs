//! Reads and writes of a store that is a PostgreSQL database.
//!
//! Every write begins with a lock of the whole database that lasts until its
//! commit: shared by those that change sessions and tokens only, exclusive for all
//! others. So whatever these have read and checked still holds when they write,
//! as with SQLite's one writer, in all daemons together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

use crate::postgresql::connection::{Beginning, Link};
use crate::postgresql::filler::Filler;
use crate::postgresql::joint::{self, Joint};
use crate::postgresql::listener::{Hearing, Listener};
use crate::postgresql::lookup;
use crate::postgresql::pool::Pool;
use crate::postgresql::together::Together;
use crate::postgresql::unknown::Unknown;
use crate::store::Change;
use crate::{Conn, Dialect, Error, IndexChange, Place, Row, Seals, Sent, TokenIndex, Tx, Value};

/// The lock of the whole database: "wazoauth".
pub(crate) const DATABASE_LOCK: i64 = 0x7761_7a6f_6175_7468;
/// The first half of the locks of users: "wazo".
pub(super) const USER_LOCKS: i64 = 0x7761_7a6f;
/// Columns are computed from left to right.
const LOCK_USER: &str = "SELECT pg_advisory_xact_lock_shared(?1::bigint), \
    pg_advisory_xact_lock(?2::bigint::integer, ?3::bigint::integer)";
/// How often a write is tried that others make fail.
const ATTEMPTS: usize = 5;

/// Connections, and a listener that keeps the index right.
pub(crate) struct Engine {
    /// Ended first.
    pub background: Mutex<Option<(Listener, Option<Filler>)>>,
    pub hearing: Arc<Hearing>,
    /// Of those who handle requests.
    pub pool: Pool,
    /// Where those meet whose transactions are one.
    pub together: Together,
    /// Of those who look up tokens that the index does not hold.
    pub lookups: Pool,
    /// Those that were not found.
    pub unknown: Unknown,
    pub seals: Seals,
    /// How long checks go on from memory while the database cannot be reached.
    pub grace: Duration,
}

/// A transaction that reads.
struct Reader<'a> {
    link: &'a mut Link,
    seals: &'a Seals,
}

// === impl Engine ===

impl Engine {
    pub fn new(
        background: Option<(Listener, Option<Filler>)>,
        hearing: Arc<Hearing>,
        pool: Pool,
        lookups: Pool,
        seals: Seals,
        grace: Duration,
    ) -> Self {
        let (background, together) = (Mutex::new(background), Together::default());
        Self {
            background,
            hearing,
            pool,
            together,
            lookups,
            unknown: Unknown::default(),
            seals,
            grace,
        }
    }

    /// See [`Store::read`](crate::Store::read).
    pub fn read<T, E: From<Error>>(
        &self,
        f: impl FnOnce(&mut dyn Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        read(&self.pool, &self.seals, f)
    }

    /// See [`Store::ask`](crate::Store::ask).
    pub fn ask<T, E: From<Error>>(
        &self,
        f: impl FnOnce(&mut dyn Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        self.pool.with(|link| {
            let read = f(&mut Reader { link, seals: &self.seals });
            link.end_of_read();
            read
        })?
    }

    /// See [`Store::write`](crate::Store::write).
    pub fn write<T, E: From<Error>>(
        &self,
        change: Change,
        mut f: impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if self.hearing.is_closed() {
            return Err(Error::Unavailable { detail: "it is closed".into() }.into());
        }
        let index = &self.hearing.index;
        let mut attempt = 1;
        loop {
            let mark = index.mark();
            let written = self.pool.with(|link| self.transaction(link, change, &mut f))?;
            match written {
                Ok((value, changes, places)) => {
                    changes.into_iter().for_each(|change| match change {
                        IndexChange::Token(token) => {
                            self.unknown.forget(&token.token);
                            index.fill(*token, None, &mark);
                        }
                        IndexChange::RemoveToken(token) => index.forget_token(&token),
                        // These are heard, in the order of the commits.
                        _ => {}
                    });
                    // Before the events go out: whoever reacts to one finds here what it
                    // tells of (contract/bus.md section 5).
                    if change == Change::Directory {
                        self.hearing.catch_up();
                    }
                    places.into_iter().for_each(Place::fill);
                    return Ok(value);
                }
                Err(Failed::Conflict(_)) if attempt < ATTEMPTS => attempt += 1,
                Err(Failed::Overtaken(_)) if attempt == 1 => attempt += 1,
                Err(
                    Failed::Conflict(error) | Failed::Overtaken(error) | Failed::Refused(error),
                ) => return Err(error),
            }
        }
    }

    /// One attempt of a write.
    fn transaction<T, E: From<Error>>(
        &self,
        link: &mut Link,
        change: Change,
        f: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<(T, Vec<IndexChange>, Vec<Place>), Failed<E>> {
        link.begin(begin(change));
        let mut tx = Tx::joint(link, &self.seals, Joint { together: &self.together, change });
        // What the closure captured is only dropped after a panic; what it wrote is
        // rolled back.
        let outcome = catch_unwind(AssertUnwindSafe(|| f(&mut tx)));
        if let Some(seen) = tx.seen() {
            self.hearing.versions.advance(seen);
        }
        let (mut made, error) = tx.into_parts();
        let failed: fn(E) -> Failed<E> = match &error {
            Some(Error::Conflict) => Failed::Conflict,
            Some(Error::ForeignKey) => Failed::Overtaken,
            _ => Failed::Refused,
        };
        let refused = match (outcome, error) {
            // A statement failed, and the closure made nothing of it: the server has
            // given up the transaction all the same.
            (Ok(Ok(_)), Some(error)) => error.into(),
            (Ok(Ok(value)), None) => {
                let places = made.reserve();
                return match link.commit() {
                    Ok(()) => Ok((value, made.changes, places)),
                    Err(Error::Conflict) => Err(Failed::Conflict(Error::Conflict.into())),
                    Err(error) => Err(Failed::Refused(error.into())),
                };
            }
            (Ok(Err(refused)), _) => refused,
            (Err(_), _) => Error::Panicked.into(),
        };
        // A connection on which this fails is not used again.
        let _ = link.roll_back();
        Err(failed(refused))
    }

    /// See [`Store::version`](crate::Store::version).
    pub fn version(&self) -> u64 {
        self.hearing.versions.directory(self.hearing.lease.holds())
    }

    /// See [`Store::version_of_refresh_tokens`](crate::Store::version_of_refresh_tokens).
    pub fn version_of_refresh_tokens(&self) -> u64 {
        self.hearing.versions.refresh_tokens(self.hearing.lease.holds())
    }

    /// See [`Store::is_current`](crate::Store::is_current).
    pub fn is_current(&self) -> bool {
        self.hearing.lease.holds()
    }

    /// See [`Store::look_up`](crate::Store::look_up).
    pub fn look_up(
        &self,
        token: &Uuid,
        tenant: Option<&Uuid>,
        now: i64,
    ) -> Result<TokenIndex, Error> {
        if self.is_current() && self.unknown.holds(token) {
            return Ok(TokenIndex::default());
        }
        let (mark, asked) = (self.hearing.index.mark(), Instant::now());
        let (found, line) = read(&self.lookups, &self.seals, |conn| {
            let found = lookup::token(conn, token, now)?;
            let line = match (&found, tenant) {
                (Some(_), Some(tenant)) => lookup::line(conn, tenant)?,
                _ => Vec::new(),
            };
            Ok::<_, Error>((found, line))
        })?;
        let own = TokenIndex::default();
        if let Some(lookup::Found { token, home }) = found {
            self.hearing.index.fill(token.clone(), home, &mark);
            own.fill(token, home, &own.mark());
        } else {
            self.unknown.note(token, asked);
        }
        own.set_tenants(&line);
        Ok(own)
    }

    /// Where a user is.
    pub fn home(&self, user: &Uuid) -> Result<Option<Uuid>, Error> {
        let index = &self.hearing.index;
        if self.is_current()
            && let Some(home) = index.tenant_of_user(user)
        {
            return Ok(Some(home));
        }
        let mark = index.mark();
        let home = self.read(|conn| lookup::home(conn, user))?;
        if let Some(home) = home {
            index.fill_home(*user, home, &mark);
        }
        Ok(home)
    }

    /// Has memory be what is committed now.
    pub fn catch_up(&self) {
        self.hearing.catch_up();
    }

    /// Whether `tenant` is `ancestor` or below it now.
    pub fn is_below(&self, tenant: &Uuid, ancestor: &Uuid) -> Result<bool, Error> {
        let known = || self.is_current() && self.hearing.index.is_in_subtree(tenant, ancestor);
        if known() {
            return Ok(true);
        }
        // It may be new, or somewhere else now. Answered by an index of its own:
        // what is read here may be overtaken by what is heard meanwhile.
        let own = TokenIndex::default();
        own.set_tenants(&self.read(|conn| lookup::line(conn, tenant))?);
        Ok(own.is_in_subtree(tenant, ancestor))
    }

    /// What was known when the database was last heard, if that may still be
    /// answered to whoever could not reach it.
    pub fn remembered(&self) -> Option<&TokenIndex> {
        let Hearing { index, lease, .. } = &*self.hearing;
        (!self.grace.is_zero() && lease.held_within(self.grace)).then_some(index)
    }

    /// Whether the database can be reached, as far as is known.
    pub fn is_reachable(&self) -> bool {
        !self.hearing.reach.is_away()
    }

    /// See [`Store::leads`](crate::Store::leads).
    pub fn leads(&self) -> bool {
        self.hearing.leads()
    }

    /// Hears nothing more: the index is not looked at any more.
    pub fn close(&self) {
        let background = self.background.lock().take();
        drop(background);
    }
}

/// Why a write has come to nothing.
enum Failed<E> {
    /// Others were in its way: it may be tried again.
    Conflict(E),
    /// What it had found is gone, by a program that knows nothing of our locks: it
    /// looks once more.
    Overtaken(E),
    /// The closure, or the database for good.
    Refused(E),
}

pub(super) fn read<T, E: From<Error>>(
    pool: &Pool,
    seals: &Seals,
    f: impl FnOnce(&mut dyn Conn) -> Result<T, E>,
) -> Result<T, E> {
    pool.with(|link| {
        link.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        let read = f(&mut Reader { link, seals });
        link.end_of_read();
        read
    })?
}

/// A transaction that writes begins with the lock that is due.
pub(super) fn begin(change: Change) -> Beginning {
    let database = Value::Int(DATABASE_LOCK);
    let lock = match change {
        Change::Directory => ("SELECT pg_advisory_xact_lock(?1::bigint)", vec![database]),
        Change::Sessions(None) => {
            ("SELECT pg_advisory_xact_lock_shared(?1::bigint)", vec![database])
        }
        Change::Sessions(Some(user)) => {
            let key = i64::from(joint::lock_of(&user));
            (LOCK_USER, vec![database, USER_LOCKS.into(), key.into()])
        }
    };
    Beginning { batch: "BEGIN".into(), statement: Some(lock) }
}

// === impl Reader ===

impl Conn for Reader<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgresql
    }

    fn each(
        &mut self,
        sql: &str,
        params: &[Value],
        row: &mut dyn FnMut(Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.link.each(sql, params, row)
    }

    fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Error> {
        self.link.execute(sql, params)
    }

    fn send(&mut self, sql: &str, params: &[Value]) -> Result<Sent, Error> {
        self.link.send(sql, params).map(Sent::coming)
    }

    fn rows(&mut self, sent: Sent) -> Result<Vec<Row>, Error> {
        sent.or_take(|place| self.link.rows(place))
    }

    fn seals(&self) -> &Seals {
        self.seals
    }

    fn index(&mut self, _: IndexChange) {}
}
