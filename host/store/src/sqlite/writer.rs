//! The one thread that writes.
//!
//! ```text
//!   callers ──▶ queue ──▶ BEGIN IMMEDIATE
//!                           another program wrote? re-read the index
//!                           each task: its closure
//!                         COMMIT (one fsync for all)
//!                         index changes, in order
//!                         every caller is answered
//! ```
//!
//! Where a closure refuses, everything is undone and done again, with a
//! savepoint in front of each: most never refuse, and savepoints cost much.
//! A commit that one task spoilt for all (the row that fills the disk, a
//! violation noticed late) is undone, and each task is tried again by itself.
//!
//! While one group is being synced the next one gathers in the queue. Between
//! groups, the write-ahead log is looked after ([`Checkpoints`]).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::hooks::Action;
use wazo_auth_context::Context;

use crate::sqlite::checkpoint::Checkpoints;
use crate::sqlite::connection::Reader;
use crate::sqlite::files::OpenFiles;
use crate::sqlite::task::{Task, task};
use crate::tx::Made;
use crate::version::{self, Version};
use crate::{Error, Place, Seals, TokenIndex, Tx, index};

/// How often the file is asked whether another program wrote it.
const POLL: Duration = Duration::from_millis(50);
/// Writes that share one commit at most: bounds how long the first waits.
const GROUP: usize = 256;

/// The writer's handle.
pub(crate) struct Writer {
    queue: Mutex<Option<SyncSender<Box<dyn Task>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    id: ThreadId,
}

/// What the thread owns.
pub(crate) struct Worker {
    conn: Connection,
    checkpoints: Checkpoints,
    files: Arc<OpenFiles>,
    seals: Seals,
    /// None beside a daemon, which answers for tokens.
    index: Option<Arc<TokenIndex>>,
    version: Arc<Version>,
    context: Context,
    /// `PRAGMA data_version` when the index was last in agreement.
    data_version: i64,
    /// The same when readers were told last that there was a change.
    told_version: i64,
    /// Until when foreign changes are only looked for in front of a write: a
    /// program that writes all the time must not keep this thread reading.
    rests_until: Instant,
    poll_failed: bool,
}

/// Whether one task can be undone without the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Savepoints {
    None,
    Each,
}

// === impl Writer ===

impl Writer {
    /// Starts the thread, with room for `queue` waiting writes.
    pub fn spawn(worker: Worker, queue: usize) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(queue);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || worker.run(&receiver))?;
        let id = thread.thread().id();
        Ok(Self { queue: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), id })
    }

    /// Runs `f` in a transaction; returns once it is committed, or undone.
    pub fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        if std::thread::current().id() == self.id {
            return Err(Error::Other("a write was asked for inside a write".into()).into());
        }
        let (task, outcome) = task(f);
        self.send(task)?;
        outcome.recv().unwrap_or_else(|_| Err(closed().into()))
    }

    fn send(&self, task: Box<dyn Task>) -> Result<(), Error> {
        let queue = self.queue.lock();
        let queue = queue.as_ref().ok_or_else(closed)?;
        queue.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => Error::Overloaded,
            TrySendError::Disconnected(_) => closed(),
        })
    }

    /// Takes no more writes, finishes those that wait, ends the thread.
    pub fn close(&self) {
        drop(self.queue.lock().take());
        let thread = self.thread.lock().take();
        // The last owner of the store may be a closure that the writer runs.
        if let Some(thread) = thread
            && std::thread::current().id() != self.id
            && thread.join().is_err()
        {
            log::error!(target: "wazo_auth.store", "the writer of the database panicked");
        }
    }
}

fn closed() -> Error {
    Error::Unavailable { detail: "it is closed".into() }
}

fn lost() -> Error {
    Error::Unavailable { detail: "the transaction was rolled back".into() }
}

// === impl Worker ===

impl Worker {
    /// Reads the whole index, if there is one; from then on this thread keeps it
    /// exact.
    pub fn new(
        conn: Connection,
        checkpoints: Checkpoints,
        files: Arc<OpenFiles>,
        seals: Seals,
        index: Option<Arc<TokenIndex>>,
        version: Arc<Version>,
        context: Context,
    ) -> Result<Self, Error> {
        watch(&conn, &version)?;
        Checkpoints::count(&conn);
        let mut worker = Self {
            conn,
            checkpoints,
            files,
            seals,
            index,
            version,
            context,
            data_version: 0,
            told_version: 0,
            rests_until: Instant::now(),
            poll_failed: false,
        };
        worker.conn.execute_batch("BEGIN")?;
        let loaded = worker.reload();
        worker.conn.execute_batch("COMMIT")?;
        loaded.map(|()| worker)
    }

    fn run(mut self, queue: &Receiver<Box<dyn Task>>) {
        let mut polled = Instant::now();
        loop {
            match queue.recv_timeout(POLL.saturating_sub(polled.elapsed())) {
                Ok(first) => {
                    let rest = queue.try_iter().take(GROUP - 1);
                    self.group(std::iter::once(first).chain(rest).collect());
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.idle(Instant::now());
                    polled = Instant::now();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.checkpoints.turn(&self.conn);
        }
        self.checkpoints.close();
        // The readers see the same rows either way; the next start is quicker.
        // Beside a daemon, it would have that one's writes wait for its reads.
        if self.index.is_some() {
            let _ = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
    }

    /// Runs a group of tasks in one transaction and answers them.
    fn group(&mut self, mut tasks: VecDeque<Box<dyn Task>>) {
        let Err(error) = self.commit_group(tasks.make_contiguous()) else {
            return tasks.into_iter().for_each(|task| task.answer(None));
        };
        log::warn!(
            target: "wazo_auth.store",
            "undid a transaction of {} writes: {error}", tasks.len()
        );
        if error == Error::Full {
            self.checkpoints.hurry();
        }
        if tasks.len() > 1 && may_be_the_fault_of_one(&error) {
            tasks.into_iter().for_each(|task| self.group(VecDeque::from([task])));
        } else {
            tasks.into_iter().for_each(|task| task.answer(Some(&error)));
        }
    }

    /// Commits what the tasks write and takes it over into the index.
    fn commit_group(&mut self, tasks: &mut [Box<dyn Task>]) -> Result<(), Error> {
        let done = self.commit_tasks(tasks, Savepoints::None)?;
        if !done && tasks.len() > 1 {
            self.commit_tasks(tasks, Savepoints::Each)?;
        }
        Ok(())
    }

    /// False when a task refused and there is no savepoint to go back to: then
    /// nothing of any task is kept.
    fn commit_tasks(
        &mut self,
        tasks: &mut [Box<dyn Task>],
        savepoints: Savepoints,
    ) -> Result<bool, Error> {
        execute(&self.conn, "BEGIN IMMEDIATE")?;
        let done = self.run_group(tasks, savepoints).and_then(|made| {
            let Some(mut made) = made else { return Ok(None) };
            let places = made.reserve();
            execute(&self.conn, "COMMIT")?;
            Ok(Some((made.changes, places)))
        });
        self.end(matches!(done, Ok(Some(_))));
        let Some((changes, places)) = done? else { return Ok(false) };
        if let Some(index) = &self.index {
            changes.into_iter().for_each(|change| index.apply(change));
        }
        self.version.publish();
        places.into_iter().for_each(Place::fill);
        Ok(true)
    }

    fn run_group(
        &mut self,
        tasks: &mut [Box<dyn Task>],
        savepoints: Savepoints,
    ) -> Result<Option<Made>, Error> {
        self.files.look()?;
        // Nobody else can write from here to the commit.
        self.reload_if_changed()?;
        let mut made = Made::default();
        for task in tasks {
            if savepoints == Savepoints::Each {
                execute(&self.conn, "SAVEPOINT task")?;
            }
            let mut tx = Tx::sqlite(&self.conn, &self.seals, &self.version);
            let keep = task.run(&mut tx);
            let (of_task, error) = tx.into_parts();
            if self.conn.is_autocommit() {
                // A full disk or a failing one ended the whole transaction,
                // whatever the closure made of it.
                return Err(error.unwrap_or_else(lost));
            }
            match savepoints {
                Savepoints::None if !keep => return Ok(None),
                Savepoints::Each if !keep => execute(&self.conn, "ROLLBACK TO task")?,
                _ => made.extend(of_task),
            }
            if savepoints == Savepoints::Each {
                execute(&self.conn, "RELEASE task")?;
            }
        }
        Ok(Some(made))
    }

    fn idle(&mut self, now: Instant) {
        if now >= self.rests_until {
            self.poll();
        } else {
            // A failure is met, and told, by the next poll.
            let _ = self.tell_of_foreign_changes();
        }
    }

    /// What readers remember is overtaken at once, however long it then takes to
    /// read the index again. Whether there was a change.
    fn tell_of_foreign_changes(&mut self) -> Result<bool, Error> {
        let version = self.read_data_version()?;
        if version != self.told_version {
            self.told_version = version;
            self.version.touch();
            self.version.publish();
        }
        Ok(version != self.data_version)
    }

    fn poll(&mut self) {
        let polled = self.files.look().and_then(|()| {
            execute(&self.conn, "BEGIN")?;
            self.reload_if_changed()?;
            execute(&self.conn, "COMMIT")
        });
        self.end(polled.is_ok());
        match polled {
            Ok(()) if self.poll_failed => {
                self.poll_failed = false;
                log::warn!(target: "wazo_auth.store", "the database can be used again");
            }
            Ok(()) => {}
            // Said once, not twenty times a second.
            Err(error) if !self.poll_failed => {
                self.poll_failed = true;
                log::error!(target: "wazo_auth.store", "{error}");
            }
            Err(_) => {}
        }
    }

    /// Leaves no transaction open: a failed COMMIT does.
    fn end(&self, done: bool) {
        if !done && !self.conn.is_autocommit() {
            // A failure here means that SQLite rolled back by itself.
            let _ = execute(&self.conn, "ROLLBACK");
        }
    }

    /// Inside a transaction: re-reads the index if another program wrote.
    fn reload_if_changed(&mut self) -> Result<(), Error> {
        if !self.tell_of_foreign_changes()? {
            return Ok(());
        }
        self.reload()?;
        if let Some(index) = &self.index {
            log::info!(
                target: "wazo_auth.store",
                "another program changed the database: {} live tokens read again", index.len()
            );
        }
        Ok(())
    }

    fn reload(&mut self) -> Result<(), Error> {
        let started = Instant::now();
        let mut reader = Reader { conn: &self.conn, seals: &self.seals };
        let now = self.context.now().as_second();
        let fresh = self.index.as_ref().map(|_| index::load(&mut reader, now)).transpose()?;
        self.data_version = self.read_data_version()?;
        if let (Some(index), Some(fresh)) = (&self.index, fresh) {
            index.replace(fresh);
        }
        self.rests_until = Instant::now() + started.elapsed();
        Ok(())
    }

    fn read_data_version(&self) -> Result<i64, Error> {
        let mut statement = self.conn.prepare_cached("PRAGMA data_version")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }
}

/// Has every row that `conn` changes noticed, deletions by foreign keys included.
fn watch(conn: &Connection, version: &Arc<Version>) -> Result<(), Error> {
    let version = Arc::clone(version);
    let changed = move |action, _: &str, table: &str, _| {
        if !version::ISSUED.contains(&table) {
            version.touch();
        } else if table == version::REFRESH_TOKENS && action != Action::SQLITE_INSERT {
            version.touch_refresh_tokens();
        }
    };
    Ok(conn.update_hook(Some(changed))?)
}

/// Whether the others of the group may succeed without the one that failed. A
/// database that is locked, gone or damaged is so for all of them.
fn may_be_the_fault_of_one(error: &Error) -> bool {
    *error == Error::Full || !error.is_outage()
}

fn execute(conn: &Connection, sql: &str) -> Result<(), Error> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests;
