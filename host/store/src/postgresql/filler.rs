//! Reads the live tokens into the index, and takes out those that have expired.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wazo_auth_context::Context;

use crate::Error;
use crate::postgresql::engine::read;
use crate::postgresql::listener::Hearing;
use crate::postgresql::lookup::{self, Found};
use crate::postgresql::pool::Pool;
use crate::postgresql::uri::Address;

/// Tokens that are read at once: so few that little is told meanwhile.
const PAGE: i64 = 5_000;
/// Between two looks for what has expired.
const REST: Duration = Duration::from_secs(30);
/// Between two attempts to read.
const RETRY: Duration = Duration::from_secs(1);

/// A thread that ends with the listener, and is waited for when this is dropped.
pub(crate) struct Filler {
    thread: Option<JoinHandle<()>>,
}

struct Worker {
    pool: Pool,
    hearing: Arc<Hearing>,
    context: Context,
}

// === impl Filler ===

impl Filler {
    pub fn start(
        address: Address,
        hearing: Arc<Hearing>,
        context: Context,
    ) -> std::io::Result<Self> {
        let worker =
            Worker { pool: Pool::new(address, Arc::clone(&hearing.reach), 1), hearing, context };
        let thread = std::thread::Builder::new().name("store-filler".into());
        let thread = thread.spawn(move || worker.run())?;
        Ok(Self { thread: Some(thread) })
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!(target: "wazo_auth.store", "the thread that reads tokens panicked");
        }
    }
}

// === impl Worker ===

impl Worker {
    fn run(&self) {
        // What was forgotten is read again.
        let mut filled = None;
        while !self.hearing.is_closed() {
            let forgotten = self.hearing.forgotten();
            if filled != Some(forgotten) {
                match self.fill() {
                    Ok(true) => filled = Some(forgotten),
                    Ok(false) => return,
                    // The listener has said that the database is away.
                    Err(error) => log::debug!(target: "wazo_auth.store", "reading tokens: {error}"),
                }
            }
            self.hearing.index.forget_expired(self.context.now().as_second());
            let rest = if filled == Some(forgotten) { REST } else { RETRY };
            self.hearing.wait_until_forgotten_again(forgotten, rest);
        }
    }

    /// False when it was ended.
    fn fill(&self) -> Result<bool, Error> {
        let (index, mut after) = (&self.hearing.index, String::new());
        let (began, mut count) = (Instant::now(), 0);
        loop {
            let (mark, now) = (index.mark(), self.context.now().as_second());
            let page = |conn: &mut dyn crate::Conn| lookup::page(conn, &after, now, PAGE);
            let (tokens, last) = read(&self.pool, &self.hearing.seals, page)?;
            count += tokens.len();
            for Found { token, home } in tokens {
                index.fill(token, home, &mark);
            }
            let Some(last) = last else {
                let seconds = began.elapsed().as_secs_f64();
                log::info!(
                    target: "wazo_auth.store",
                    "{count} live tokens are in memory, read in {seconds:.1} s"
                );
                return Ok(true);
            };
            after = last;
            if self.hearing.is_closed() {
                return Ok(false);
            }
        }
    }
}
