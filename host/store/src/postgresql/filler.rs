//! Reads the live tokens into the index, and takes out those that have expired.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_postgres::Config;
use wazo_auth_context::Context;

use crate::Error;
use crate::postgresql::engine::read;
use crate::postgresql::listener::Hearing;
use crate::postgresql::lookup::{self, Found};
use crate::postgresql::pool::Pool;

/// Tokens that are read at once: so few that little is told meanwhile.
const PAGE: i64 = 5_000;
/// Between two looks for what has expired, or for the database to be there again.
const REST: Duration = Duration::from_secs(30);

/// A thread that is ended when this is dropped.
pub(crate) struct Filler {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Worker {
    pool: Pool,
    hearing: Arc<Hearing>,
    context: Context,
    ended: Receiver<()>,
}

// === impl Filler ===

impl Filler {
    pub fn start(config: Config, hearing: Arc<Hearing>, context: Context) -> std::io::Result<Self> {
        let (end, ended) = channel();
        let worker = Worker {
            pool: Pool::new(config, Arc::clone(&hearing.reach), 1),
            hearing,
            context,
            ended,
        };
        let thread = std::thread::Builder::new().name("store-filler".into());
        let thread = thread.spawn(move || worker.run())?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        drop(self.end.take());
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
        loop {
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
            if self.ended.recv_timeout(REST) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    /// False when it was ended.
    fn fill(&self) -> Result<bool, Error> {
        let (index, mut after) = (&self.hearing.index, String::new());
        loop {
            let (mark, now) = (index.mark(), self.context.now().as_second());
            let page = |conn: &mut dyn crate::Conn| lookup::page(conn, &after, now, PAGE);
            let (tokens, last) = read(&self.pool, &self.hearing.seals, page)?;
            for Found { token, home } in tokens {
                index.fill(token, home, &mark);
            }
            let Some(last) = last else { return Ok(true) };
            after = last;
            if self.ended.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected) {
                return Ok(false);
            }
        }
    }
}
