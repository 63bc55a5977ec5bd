//! A transaction that is part of another one: what a thread writes is written along
//! with what other threads write at the same moment (see [`together`]).
//!
//! [`together`]: crate::postgresql::together

use uuid::Uuid;

use crate::postgresql::connection::{Beginning, Link};
use crate::postgresql::engine::{DATABASE_LOCK, USER_LOCKS, begin};
use crate::postgresql::together::{Asked, Done, Joined, Led, Together};
use crate::store::Change;
use crate::{Error, Place, Row, Value};

/// As [`begin`] locks, for several users; but who has one of their locks is not waited
/// for. What follows reads in [`HELD`] which of them it has.
///
/// Columns are computed from left to right.
const LOCK_USERS: &str = "SELECT pg_advisory_xact_lock_shared(?1::bigint), \
    set_config('wazo_auth.held', coalesce((SELECT string_agg(key, ',') \
    FROM unnest(?3::text[]) key \
    WHERE pg_try_advisory_xact_lock(?2::bigint::integer, key::integer)), ''), true)";
/// The users, by their locks, for whom a transaction of several threads writes; NULL in
/// any other.
pub(crate) const HELD: &str = "string_to_array(current_setting('wazo_auth.held', true), ',')";

/// What is locked is not waited for as long as by one alone, for whom nobody else waits.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = 200";

/// How a transaction may become part of another one.
#[derive(Clone, Copy)]
pub(crate) struct Joint<'a> {
    pub together: &'a Together,
    pub change: Change,
}

/// The second half of the lock of a user.
pub(super) fn lock_of(user: &Uuid) -> i32 {
    let [a, b, c, d, ..] = *user.as_bytes();
    i32::from_be_bytes([a, b, c, d])
}

/// Has something done as the only statement of a transaction, along with what other
/// threads ask; nothing where it has to be done alone.
///
/// The statement takes a JSON list of records as `?1` and gives a row for each, in this
/// order: the columns of [`version::SELECT`], and whether the lock of its user
/// ([`Joint::lock`]) was [`HELD`]. If not, it does nothing for that record.
///
/// [`version::SELECT`]: crate::postgresql::version::SELECT
pub(crate) fn join(link: &mut Link, joint: Joint<'_>, asked: Asked) -> Result<Option<Done>, Error> {
    let joined = match joint.together.join(asked) {
        Joined::Lead(led) => {
            // It may have been closed while this thread waited: others have theirs.
            let done = if link.is_alive() { lead(link, &led) } else { Ok(Vec::new()) };
            // Whatever is left of it: from here on the transaction is as it was.
            let _ = link.roll_back();
            link.begin(begin(joint.change));
            led.finish(done)
        }
        Joined::Done(done) => done,
    };
    joined.transpose()
}

/// One transaction for all of them.
fn lead(link: &mut Link, led: &Led<'_>) -> Result<Vec<Option<Done>>, Error> {
    let mut locks: Vec<_> = led.asked().filter_map(|asked| asked.lock).collect();
    locks.sort_unstable();
    locks.dedup();
    let locks = locks.iter().map(ToString::to_string).collect();
    let params = vec![DATABASE_LOCK.into(), USER_LOCKS.into(), Value::List(locks)];
    link.begin(Beginning { batch: BEGIN.into(), statement: Some((LOCK_USERS, params)) });
    let records: Vec<_> = led.asked().map(|asked| asked.record.as_str()).collect();
    let records = format!("[{}]", records.join(","));
    // Whoever sees what is committed has a later one, at the price that later ones wait
    // for what this one waits for.
    let places: Vec<_> =
        led.asked().map(|asked| asked.outbox.as_ref().map(Place::reserve)).collect();
    let sent = link.send_last(led.sql(), &[records.into()])?;
    let rows = link.rows(sent)?;
    link.commit()?;
    let done = |(row, place): (Row, _)| Ok(row.bool(2)?.then_some(Done { row, place }));
    rows.into_iter().zip(places).map(done).collect()
}

// === impl Joint ===

impl Joint<'_> {
    /// Whether what it changes may be changed along with others.
    pub fn may_join(&self) -> bool {
        matches!(self.change, Change::Sessions(_))
    }

    /// The lock of its user.
    pub fn lock(&self) -> Option<i32> {
        match &self.change {
            Change::Sessions(user) => user.as_ref().map(lock_of),
            Change::Directory => None,
        }
    }
}
