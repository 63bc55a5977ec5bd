//! Bringing the write-ahead log into the database beside the writer.
//!
//! ```text
//!   writer   ──▶ the log is long ──▶ … commits … ──▶ copies the little rest ──▶ log anew
//!                      │                   ▲
//!   thread             └▶ copies, syncs ───┘ so far
//! ```
//!
//! SQLite begins the log anew when a transaction starts with all of it copied
//! and nobody reading the old part. Beside a writer that never rests, no other
//! thread gets to the end; so this one copies nearly all, as often as it takes,
//! and the writer the last few frames, between two of its groups.
//!
//! The thread syncs the database itself: SQLite does so only at the end of the
//! log, and would have the writer wait for all of it.

use std::cell::Cell;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::Error;
use crate::sqlite::connection::{self, Purpose};
use crate::sqlite::files::OpenFiles;

/// Bytes of frames (pages that were written) from which on the log is copied. Of
/// a page that was written often only the last frame is: the longer the log, the
/// less there is to copy. It has room within `journal_size_limit`, so that the
/// file need not grow again each time.
const LONG_BYTES: u32 = 48 << 20;
/// Frames that the writer copies itself: takes about as long as one of its groups.
const REST: u32 = 400;
/// So many times as long, the thread has to get ahead, or the writer does its work.
const TOO_LONG: u32 = 4;
/// How long nothing is tried after a failure, or when somebody still reads what
/// is in the old part of the log.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the thread may copy until somebody is told, and then told again.
const LONG_TIME: Duration = Duration::from_secs(10);
const REMINDER: Duration = Duration::from_secs(60);

thread_local! {
    /// Frames in the log after the last commit of this thread.
    static FRAMES: Cell<u32> = const { Cell::new(0) };
}

/// The writer's side.
pub(crate) struct Checkpoints {
    /// Without one, the writer does all.
    thread: Option<Thread>,
    /// Frames from which on the log is copied.
    long: u32,
    state: State,
    /// What there was to be copied when the thread was asked last.
    left: u32,
    failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// The thread copies.
    Asked(Asked),
    /// Nothing is to be gained before.
    Rests(Instant),
}

/// What the thread was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    /// So many frames were in the log.
    frames: u32,
    since: Instant,
    /// When it is next said that this takes long.
    tell: Instant,
}

struct Thread {
    begin: SyncSender<()>,
    ended: Receiver<Outcome>,
    handle: JoinHandle<()>,
}

/// What the thread owns.
struct Copier {
    // Dropped in this order, see `Checkpoints::start`.
    conn: Connection,
    files: Arc<OpenFiles>,
    database: Arc<File>,
}

type Outcome = Result<Copied, Error>;

/// What a checkpoint came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copied {
    /// So many frames of the log are in the database now. Those `behind` were
    /// there when it began, and somebody reads what is older.
    Frames { frames: u32, behind: u32 },
    /// Another program is at it, or the files are not where they were.
    Nothing,
}

// === impl Checkpoints ===

impl Checkpoints {
    /// Starts the thread. `database` is the file itself, opened once: when any
    /// descriptor of a file is closed, its process loses all locks on it, so it
    /// must stay open as long as a connection does.
    ///
    /// # Errors
    /// What SQLite or the system reports.
    pub fn start(path: &Path, files: Arc<OpenFiles>, database: Arc<File>) -> Result<Self, Error> {
        let conn = connection::open(path, Purpose::Read)?;
        // Opens the log too.
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        files.look()?;
        let by_writer = Self::by_writer(&conn)?;
        let copier = Copier { conn, files, database };
        let (begin, asked) = sync_channel(1);
        let (tell, ended) = sync_channel(1);
        let handle = std::thread::Builder::new()
            .name("store-log".into())
            .spawn(move || copier.run(&asked, &tell))
            .map_err(|error| Error::Unavailable { detail: error.to_string() })?;
        Ok(Self { thread: Some(Thread { begin, ended, handle }), ..by_writer })
    }

    /// Without a thread: the writer copies all itself.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn by_writer(conn: &Connection) -> Result<Self, Error> {
        let page: u32 = conn.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let long = LONG_BYTES / page.max(1);
        Ok(Self { thread: None, long, state: State::Idle, left: 0, failed: false })
    }

    /// Has the commits of `conn`, made on the thread that calls
    /// [`Checkpoints::turn`], counted instead of followed by a checkpoint.
    pub fn count(conn: &Connection) {
        conn.wal_hook(Some(|_, frames| {
            FRAMES.set(frames.try_into().unwrap_or(0));
            Ok(())
        }));
    }

    /// After a write that found no room on the disk: what is in the log may have
    /// its place in the database already, and the log room for the next write.
    pub fn hurry(&self) {
        FRAMES.set(FRAMES.get().max(self.long));
    }

    /// Does what is due, outside of transactions. `conn` is the writer's.
    pub fn turn(&mut self, conn: &Connection) {
        let frames = FRAMES.get();
        match self.state {
            State::Rests(until) if Instant::now() < until => {}
            State::Idle | State::Rests(_) if frames < self.long => self.state = State::Idle,
            State::Idle | State::Rests(_) => {
                self.left = frames;
                self.ask(conn, frames);
            }
            State::Asked(asked) => self.follow(conn, asked, frames),
        }
    }

    fn ask(&mut self, conn: &Connection, frames: u32) {
        let asked = self.thread.as_ref().map(|thread| thread.begin.try_send(()));
        match asked {
            Some(Ok(())) => self.state = State::Asked(Asked::now(frames)),
            Some(Err(_)) | None => {
                self.close();
                self.finish(conn);
            }
        }
    }

    /// Looks how far the thread is.
    fn follow(&mut self, conn: &Connection, mut asked: Asked, frames: u32) {
        let ended = self.thread.as_ref().map(|thread| thread.ended.try_recv());
        match ended {
            Some(Err(TryRecvError::Empty)) => {
                if let Some(sentence) = asked.complaint(Instant::now()) {
                    log::warn!(target: "wazo_auth.store", "{sentence}");
                    self.state = State::Asked(asked);
                }
            }
            Some(Ok(outcome)) => {
                asked.tell_end();
                let Some((copied, _)) = self.take(outcome) else { return };
                // It saw all that had been committed here. Less only if another
                // program emptied the log since.
                let left = frames.saturating_sub(copied.max(asked.frames));
                let falls_behind = frames > TOO_LONG * self.long && left > self.left / 2;
                self.left = left;
                if left <= REST || falls_behind {
                    self.finish(conn);
                } else {
                    self.ask(conn, frames);
                }
            }
            Some(Err(TryRecvError::Disconnected)) | None => {
                self.close();
                self.finish(conn);
            }
        }
    }

    /// Copies what is left: the next transaction begins the log anew.
    fn finish(&mut self, conn: &Connection) {
        let Some((_, behind)) = self.take(checkpoint(conn)) else { return };
        self.state = State::Idle;
        if behind == 0 {
            FRAMES.set(0);
        }
    }

    /// The frames copied, and those that should have been; nothing when it is
    /// better to wait: after a failure, or while somebody reads old frames.
    fn take(&mut self, outcome: Outcome) -> Option<(u32, u32)> {
        self.tell(&outcome);
        match outcome {
            Ok(Copied::Frames { frames, behind }) if behind <= REST => Some((frames, behind)),
            Ok(_) | Err(_) => {
                self.state = State::Rests(Instant::now() + PAUSE);
                None
            }
        }
    }

    /// Says a failure once, and that it is over.
    fn tell(&mut self, outcome: &Outcome) {
        match outcome {
            Ok(Copied::Frames { .. }) if self.failed => {
                self.failed = false;
                log::warn!(target: "wazo_auth.store", "the write-ahead log can be emptied again");
            }
            Err(error) if !self.failed => {
                self.failed = true;
                log::error!(
                    target: "wazo_auth.store",
                    "the write-ahead log cannot be emptied into the database and grows: {error}"
                );
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Ends the thread.
    pub fn close(&mut self) {
        let Some(Thread { begin, handle, .. }) = self.thread.take() else { return };
        drop(begin);
        if handle.join().is_err() {
            log::error!(target: "wazo_auth.store", "the thread that empties the log panicked");
        }
    }
}

// === impl Asked ===

impl Asked {
    fn now(frames: u32) -> Self {
        let since = Instant::now();
        Self { frames, since, tell: since + LONG_TIME }
    }

    /// What there is to be said when it takes long: once in a while.
    fn complaint(&mut self, now: Instant) -> Option<String> {
        if now < self.tell {
            return None;
        }
        self.tell = now + REMINDER;
        Some(format!(
            "copying the write-ahead log into the database began {} s ago, and the disk has not \
             taken it yet: requests are served as long as the log, which grows, can be written; \
             check the disk",
            now.duration_since(self.since).as_secs()
        ))
    }

    /// Says that it has ended, after a complaint.
    fn tell_end(&self) {
        if self.tell != self.since + LONG_TIME {
            log::warn!(
                target: "wazo_auth.store",
                "the disk has taken what was copied from the write-ahead log, after {} s",
                self.since.elapsed().as_secs()
            );
        }
    }
}

// === impl Copier ===

impl Copier {
    fn run(self, asked: &Receiver<()>, tell: &SyncSender<Outcome>) {
        while asked.recv().is_ok() {
            if tell.send(self.copy()).is_err() {
                return;
            }
        }
    }

    fn copy(&self) -> Outcome {
        if self.files.look().is_err() {
            // The writer says so.
            return Ok(Copied::Nothing);
        }
        let copied = checkpoint(&self.conn)?;
        match self.database.sync_data() {
            Ok(()) => Ok(copied),
            Err(error) => give_up(&error),
        }
    }
}

/// Ends the process: pages that were copied may not be on the disk, and SQLite
/// counts them as copied until the database is opened for the first time again.
/// Then the log, which is whole, is read from its beginning. Went this process on,
/// it would begin the log anew sooner or later, and what it held would be lost.
fn give_up(error: &std::io::Error) -> ! {
    log::error!(
        target: "wazo_auth.store",
        "the disk did not take what was copied from the write-ahead log ({error}): ends now, so \
         that the next start reads the log again; check the disk"
    );
    log::logger().flush();
    std::process::abort()
}

/// Copies as much of the log as it can without anybody waiting for it.
fn checkpoint(conn: &Connection) -> Outcome {
    let mut statement = conn.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    let (busy, of, frames): (bool, i64, i64) =
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if busy {
        return Ok(Copied::Nothing);
    }
    // None is -1.
    let count = |frames: i64| u32::try_from(frames).unwrap_or(0);
    Ok(Copied::Frames { frames: count(frames), behind: count(of - frames) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_hangs_is_complained_of_once_a_minute() {
        let mut asked = Asked::now(1);
        let since = asked.since;
        let mut said = |seconds| asked.complaint(since + Duration::from_secs(seconds));
        assert_eq!(said(9), None);
        let sentence = said(11).unwrap();
        assert!(sentence.contains("began 11 s ago") && sentence.ends_with("check the disk"));
        assert_eq!(said(12), None);
        assert_eq!(said(70), None);
        assert!(said(71).is_some());
    }
}
