//! One process of a plugin, as its cage sees it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    cage::{
        Cage, NotStarted,
        channel::{Channel, Left},
        process::Process,
    },
    trial::Step,
};

/// How long a process runs on in which everything was given up. A slow answer
/// that comes meanwhile saves it.
const GRACE: Duration = Duration::from_secs(2);

/// One process.
pub(super) struct Worker {
    pub(super) channel: Channel,
    pub(super) process: Process,
    pub(super) progress: Mutex<Progress>,
    /// Whether somebody watches the calls that nobody waits for.
    is_watched: AtomicBool,
    has_ended: AtomicBool,
}

#[derive(Default)]
pub(super) struct Progress {
    /// What it is about to run, or ran last.
    pub(super) step: Option<Step>,
    pub(super) is_made: bool,
    /// Why it was ended by the daemon, if it was.
    pub(super) verdict: Option<NotStarted>,
    /// It was ended because nothing in it returned.
    pub(super) hung: bool,
}

// === impl Worker ===

impl Worker {
    pub(super) fn new(channel: Channel, process: Process) -> Self {
        let (is_watched, has_ended) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { channel, process, progress: Mutex::default(), is_watched, has_ended }
    }

    /// The process has ended.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    /// Looks after the calls that nobody waits for: until they return, or the
    /// process is ended because nothing does.
    pub(super) fn watch(self: &Arc<Self>, cage: &Arc<Cage>) {
        if self.is_watched.swap(true, Ordering::SeqCst) {
            return;
        }
        let (worker, cage) = (Arc::clone(self), Arc::clone(cage));
        let watch = move || {
            loop {
                match worker.channel.left(GRACE) {
                    Left::Hung => break,
                    Left::None => {
                        worker.is_watched.store(false, Ordering::SeqCst);
                        // Unless one was left since, and nobody else looks after it.
                        if !worker.channel.has_left()
                            || worker.is_watched.swap(true, Ordering::SeqCst)
                        {
                            return;
                        }
                    }
                    Left::Some => worker.channel.sweep(&cage.ear, &worker.process),
                }
            }
            worker.progress.lock().hung = true;
            worker.process.kill();
        };
        let started = thread::Builder::new().name("cage-watch".to_owned()).spawn(watch);
        if started.is_err() {
            self.is_watched.store(false, Ordering::SeqCst);
        }
    }

    /// Ends it: this is why there is no plugin.
    pub(super) fn give_up(&self, why: NotStarted) {
        self.progress.lock().verdict = Some(why);
        self.process.kill();
    }
}
