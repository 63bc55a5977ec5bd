//! A plugin in a process of its own.
//!
//! ```text
//!            first call, or start of the daemon          made
//!  absent ─────────────────────────────────▶ starting ────────▶ running
//!    ▲                                           │ not made        │ the process ended,
//!    └───────────────────────────────────────────┴─────────────────┘ whoever ended it
//! ```
//!
//! The process loads the same library by the same rules, and the same frames go
//! to it over a socket. What happens to it happens to nobody else: who waits for
//! an answer of it is told, and the next call starts another one, after a while
//! if it keeps ending. It is ended when everything that runs in it was given up.
//! A cage contains faults, not malice: it runs under the daemon's own account.

use std::{
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use wazo_auth_plugin_api::abi;

use crate::{
    cage::{
        backoff::Backoff,
        channel::{Channel, NoAnswer},
        ear::Ear,
        process::Ends,
        worker::Worker,
    },
    frame::{self, Frame, What},
    gate::Slot,
    health::Health,
    host::HostObject,
    instance::Ended,
    trial::Step,
    worker::Order,
};

mod backoff;
mod channel;
mod ear;
mod memory;
mod outbox;
mod output;
mod process;
mod side;
mod worker;

pub(crate) use channel::Request;

/// What the process is to load.
pub(crate) struct Spec {
    /// The program that becomes it.
    pub(crate) program: PathBuf,
    pub(crate) kind: &'static str,
    pub(crate) file: PathBuf,
    pub(crate) sha256: Option<String>,
    pub(crate) config: String,
    /// Time that a call, or its start, may take.
    pub(crate) timeout: Duration,
}

/// One plugin in a process of its own.
pub(crate) struct Cage {
    spec: Spec,
    ear: Ear,
    health: Arc<Health>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    place: Place,
    backoff: Backoff,
    /// Why the last start failed.
    why: NotStarted,
    /// How often it was started.
    starts: u64,
}

enum Place {
    Absent,
    Starting,
    Running(Arc<Worker>),
    /// The daemon has no use for it any more.
    Closed,
}

/// Why there is no process that can be called: a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotStarted {
    /// The library is not for this daemon.
    Refused(String),
    /// The plugin could not be made.
    NotMade(String),
    /// It refuses its configuration.
    Config(String),
}

// === impl Cage ===

impl Cage {
    /// Starts the process of a plugin.
    pub(crate) fn start(
        spec: Spec,
        host: HostObject,
        health: Arc<Health>,
    ) -> Result<Arc<Self>, NotStarted> {
        let state = State {
            place: Place::Absent,
            backoff: Backoff::default(),
            why: NotStarted::NotMade(String::new()),
            starts: 0,
        };
        let cage = Arc::new(Self {
            spec,
            ear: Ear::new(host),
            health,
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        match cage.running(None) {
            Ok(_) => Ok(cage),
            Err(Ended::NotStarted(why)) => Err(why),
            Err(_) => Err(NotStarted::NotMade("it was not waited for".to_owned())),
        }
    }

    /// Runs a method; the slot is given back when it has returned over there.
    pub(crate) fn call(
        self: &Arc<Self>,
        slot: Slot,
        request: Request<'_>,
    ) -> Result<abi::Frame, Ended> {
        let until = after(self.spec.timeout);
        let mut slot = Some(slot);
        loop {
            let worker = self.running(Some(until))?;
            let Some(own) = slot.take() else { return Err(Ended::TimedOut) };
            let (answer, back) =
                worker.channel.call(own, until, request, &self.ear, &worker.process);
            match answer {
                Ok(frame) => return of_plugin(frame),
                Err(NoAnswer::NotSent) if Instant::now() < until => slot = back,
                Err(NoAnswer::NotSent | NoAnswer::Unsent | NoAnswer::TimedOut) => {
                    if back.is_none() {
                        worker.watch(self);
                    }
                    return Err(Ended::TimedOut);
                }
                Err(NoAnswer::Ended(how)) => return Err(Ended::Died(how.to_string())),
            }
            // It ended just now, and its place is about to be empty.
            self.gone(&worker, until);
        }
    }

    /// The process, which is started if there is none.
    fn running(self: &Arc<Self>, until: Option<Instant>) -> Result<Arc<Worker>, Ended> {
        let mut state = self.state.lock();
        match &state.place {
            Place::Running(worker) => return Ok(Arc::clone(worker)),
            Place::Closed => return Err(Ended::Died("the daemon is stopping".to_owned())),
            Place::Starting => {}
            Place::Absent => {
                if let Some(wait) = state.backoff.remaining(Instant::now()) {
                    return Err(Ended::Restarting(wait));
                }
                state.place = Place::Starting;
                state.starts += 1;
                self.start_attendant(&mut state);
            }
        }
        let this_start = state.starts;
        let starting = |state: &mut State| {
            matches!(state.place, Place::Starting) && state.starts == this_start
        };
        match until {
            Some(until) => drop(self.changed.wait_while_until(&mut state, starting, until)),
            None => self.changed.wait_while(&mut state, starting),
        }
        match &state.place {
            Place::Running(worker) => Ok(Arc::clone(worker)),
            Place::Starting if state.starts == this_start => Err(Ended::TimedOut),
            _ => Err(Ended::NotStarted(state.why.clone())),
        }
    }

    fn start_attendant(self: &Arc<Self>, state: &mut State) {
        let cage = Arc::clone(self);
        // The process ends when the thread that started it does.
        let attendant = thread::Builder::new().name("cage".to_owned()).spawn(move || cage.attend());
        if let Err(error) = attendant {
            state.place = Place::Absent;
            state.why = NotStarted::NotMade(format!("no thread can be started for it: {error}"));
        }
    }

    /// Starts the process and stays with it to its end.
    fn attend(self: Arc<Self>) {
        let started = process::start(&self.spec.program, self.ear.plugin());
        let started = started.and_then(|(parent, process, ends)| {
            let Ends { calls, side, output } = ends;
            Ok((parent, Arc::new(Worker::new(Channel::new(calls)?, process)), side, output))
        });
        let (parent, worker, side, output) = match started {
            Ok(started) => started,
            Err(error) => {
                let why = format!("its process cannot be started: {error}");
                return self.vacate(None, NotStarted::NotMade(why), true);
            }
        };
        let sides = side.try_clone().and_then(|other| {
            let (cage, attended) = (Arc::clone(&self), Arc::clone(&worker));
            let listener = thread::Builder::new().name("cage-side".to_owned());
            Ok((other, listener.spawn(move || side::listen(&cage, &attended, &side))?))
        });
        let follower = output.map(|output| output::follow(output, &self, &worker));
        if sides.is_err() {
            worker.process.kill();
        }
        let status = parent.wait(&worker.process);
        worker.end();
        let how = status.map_or_else(|error| format!("unobserved ({error})"), process::how);
        if let Ok((side, listener)) = sides {
            // What it left behind may hold its end open. What was said is read.
            let _ = side.shutdown(std::net::Shutdown::Both);
            let _ = listener.join();
        }
        self.ended(&worker, &how);
        drop(follower);
    }

    /// The plugin was made: it can be called.
    fn made(&self, worker: &Arc<Worker>) {
        worker.progress.lock().is_made = true;
        let mut state = self.state.lock();
        if matches!(state.place, Place::Starting) {
            state.place = Place::Running(Arc::clone(worker));
        } else {
            worker.process.kill();
        }
        drop(state);
        self.changed.notify_all();
    }

    fn ended(&self, worker: &Arc<Worker>, how: &str) {
        let progress = worker.progress.lock();
        let (is_made, hung) = (progress.is_made, progress.hung);
        let why = progress.verdict.clone().unwrap_or_else(|| {
            progress.step.map_or_else(
                || {
                    NotStarted::NotMade(format!(
                        "its process ended {how} before it opened the file"
                    ))
                },
                |step| ended_in(step, how),
            )
        });
        drop(progress);
        let name = self.ear.plugin();
        if hung {
            log::warn!(target: "wazo_auth.plugins",
                "the process of plugin `{name}` was ended: none of its calls returned; \
                 the next call starts another one");
        } else if is_made && !self.is_closed() {
            log::error!(target: "wazo_auth.plugins",
                "the process of plugin `{name}` ended {how}; the next call starts another one");
            self.health.crashed(&format!("its process ended {how}"));
        }
        self.vacate(Some(worker), why, !hung);
        worker.channel.close(&format!("its process ended {how}"));
    }

    fn is_closed(&self) -> bool {
        matches!(self.state.lock().place, Place::Closed)
    }

    /// There is no process any more.
    fn vacate(&self, worker: Option<&Arc<Worker>>, why: NotStarted, is_fault: bool) {
        let mut state = self.state.lock();
        match &state.place {
            Place::Running(running) if worker.is_none_or(|gone| !Arc::ptr_eq(running, gone)) => {
                return;
            }
            Place::Starting if state.starts > 1 => self.health.crashed(why.sentence()),
            Place::Closed => return,
            _ => {}
        }
        state.place = Place::Absent;
        state.why = why;
        if is_fault {
            state.backoff.failed(Instant::now());
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until another process can be had than this one, which ended.
    fn gone(&self, worker: &Arc<Worker>, until: Instant) {
        let mut state = self.state.lock();
        let is_there = |state: &mut State| match &state.place {
            Place::Running(running) => Arc::ptr_eq(running, worker),
            _ => false,
        };
        self.changed.wait_while_until(&mut state, is_there, until);
    }

    /// Ends the process for good.
    pub(crate) fn close(&self) {
        let place = std::mem::replace(&mut self.state.lock().place, Place::Closed);
        if let Place::Running(worker) = place {
            worker.process.kill();
        }
        self.changed.notify_all();
    }

    /// What the process is told first.
    fn order(&self) -> Result<Vec<u8>, String> {
        let Spec { kind, file, sha256, config, .. } = &self.spec;
        let order = Order {
            kind: (*kind).into(),
            name: self.ear.plugin().into(),
            sha256: sha256.as_deref().map(Into::into),
            config: config.into(),
        };
        let head = serde_json::to_string(&order).map_err(|error| error.to_string())?;
        Ok(frame::encode(What::Start, 0, 0, "", &head, file.as_os_str().as_bytes()))
    }
}

// === impl NotStarted ===

impl NotStarted {
    /// Why, as a sentence.
    pub(crate) fn sentence(&self) -> &str {
        match self {
            Self::Refused(sentence) | Self::NotMade(sentence) | Self::Config(sentence) => sentence,
        }
    }
}

/// What a process means that ended by itself before its plugin was made.
fn ended_in(step: Step, how: &str) -> NotStarted {
    match step {
        Step::Open => NotStarted::Refused(format!(
            "it ended its process {how} when it was opened; tell its author"
        )),
        _ => NotStarted::NotMade(format!(
            "it ended its process {how} in its constructor; tell its author"
        )),
    }
}

/// The end of a time that begins now; a time without an end lasts long enough.
fn after(time: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(time).unwrap_or_else(|| now + LONG)
}

/// What the plugin answered.
fn of_plugin(frame: Frame) -> Result<abi::Frame, Ended> {
    match frame.what {
        What::Reply => Ok(abi::Frame { head: frame.head.into(), body: frame.body.into() }),
        What::Unusable => Err(Ended::Unusable(frame.head)),
        _ => {
            let failure = abi::Failure { kind: frame.code, text: frame.head.into() };
            Err(Ended::Failure(failure.into()))
        }
    }
}
