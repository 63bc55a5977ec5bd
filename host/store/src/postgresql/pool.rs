//! Connections that are kept open, so many at most.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::Error;
use crate::postgresql::connection::{Link, Purpose};
use crate::postgresql::reach::Reach;
use crate::postgresql::uri::Address;

/// How long a thread waits for a connection. There is one for each thread that
/// asks, so none waits unless a caller nests.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections to one database.
pub(crate) struct Pool {
    address: Address,
    reach: Arc<Reach>,
    most: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Link>,
    in_use: usize,
}

/// The right to use one connection, given back when dropped.
struct Seat<'a>(&'a Pool);

// === impl Pool ===

impl Pool {
    /// Connects when first asked.
    pub fn new(address: Address, reach: Arc<Reach>, most: usize) -> Self {
        let (state, freed) = (Mutex::default(), Condvar::new());
        Self { address, reach, most: most.max(1), state, freed }
    }

    /// Runs `f` on a connection: one that was used before, or a new one. It is
    /// closed when `f` panics.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none is free in time or the server cannot be
    /// reached; at once when others have just found that out.
    pub fn with<T>(&self, f: impl FnOnce(&mut Link) -> T) -> Result<T, Error> {
        self.reach.check()?;
        let _seat = self.seat()?;
        let mut link = match self.idle() {
            Some(link) => link,
            None => Link::connect(&self.address, Purpose::Requests, Arc::clone(&self.reach))?,
        };
        let done = f(&mut link);
        if link.is_idle() {
            self.reach.succeeded();
            self.state.lock().idle.push(link);
        }
        Ok(done)
    }

    fn seat(&self) -> Result<Seat<'_>, Error> {
        let mut state = self.state.lock();
        let mut is_late = false;
        while state.in_use >= self.most {
            if is_late {
                let detail = "no connection became free in time".into();
                return Err(Error::Unavailable { detail });
            }
            is_late = self.freed.wait_for(&mut state, PATIENCE).timed_out();
        }
        state.in_use += 1;
        Ok(Seat(self))
    }

    /// One that the server has not closed meanwhile.
    fn idle(&self) -> Option<Link> {
        loop {
            let link = self.state.lock().idle.pop()?;
            if link.is_alive() {
                return Some(link);
            }
        }
    }
}

// === impl Seat ===

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.state.lock().in_use -= 1;
        self.0.freed.notify_one();
    }
}
