//! Calls to the process of a plugin, many at a time over one connection.
//!
//! Nobody reads the connection but those who wait for an answer, one at a time:
//!
//! ```text
//!             somebody leads                 what is mine came, or I give up
//!  waiting ◀────────────────── in a call ───────────────────────────────────▶ gone
//!     │                            │ nobody does                       ▲
//!     │ nobody leads any more      ▼                                   │
//!     └───────────────────────▶ leading: reads, gives others what ─────┘ the next one is
//!                               is theirs                                woken to lead
//! ```
//!
//! So an answer wakes one thread: the one it is for. Whatever the plugin asks in
//! a call is served on the thread that made the call, as it is in process: its
//! deadline stands still and its slot is free meanwhile (see [`crate::gate`]).

use std::{
    collections::HashMap,
    io,
    os::unix::net::UnixStream,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard};
use wazo_auth_work::is_abandoned;

use crate::{
    cage::{
        ear::Ear,
        memory::Memory,
        outbox::{Outbox, Unsent},
        process::Process,
    },
    confided::told,
    frame::{self, Frame, Inbox, OF_PLUGIN, Unreadable, What},
    gate::Slot,
};

/// How often who waits for the process looks up whether it should.
const TICK: Duration = Duration::from_millis(20);

/// The calls to one process.
pub(crate) struct Channel {
    outbox: Outbox,
    /// Held by who leads.
    inbox: Mutex<Inbox>,
    state: Mutex<State>,
}

struct State {
    calls: HashMap<u64, Call>,
    next: u64,
    is_led: bool,
    /// How the process ended, or that it is about to.
    end: Option<Arc<str>>,
    /// What calls were told in confidence that have ended.
    memory: Memory,
}

/// A call that the process has not answered.
struct Call {
    /// What came for it, and was not taken yet.
    mail: Option<Frame>,
    bell: Arc<Condvar>,
    /// Whether its thread waits for the bell.
    waits: bool,
    /// What it was told in confidence.
    secrets: Vec<String>,
    /// Its slot and since when, once nobody waits for it.
    left: Option<(Slot, Instant)>,
}

/// Why a call has no answer of the plugin.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Nothing of it was sent: the process had ended.
    NotSent,
    /// The process ended.
    Ended(Arc<str>),
    /// Its time is over, and nothing of it was sent.
    Unsent,
    /// Its time is over.
    TimedOut,
}

/// What is to be done in the process.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) head: &'a str,
    pub(crate) body: &'a [u8],
}

/// What became of the calls that nobody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// There are none.
    None,
    /// They may yet return, or somebody waits for others.
    Some,
    /// Nothing that runs is waited for, and it had its time. From here on no call
    /// is sent any more.
    Hung,
}

// === impl Channel ===

impl Channel {
    pub(crate) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(TICK))?;
        let (calls, memory) = (HashMap::new(), Memory::default());
        let state = State { calls, next: 1, is_led: false, end: None, memory };
        Ok(Self {
            outbox: Outbox::new(stream)?,
            inbox: Mutex::new(Inbox::new(OF_PLUGIN)),
            state: Mutex::new(state),
        })
    }

    /// Runs a call in the process; `slot` goes with it, and stays taken for as
    /// long as it runs there, even if nobody waits for it any more.
    pub(crate) fn call(
        &self,
        slot: Slot,
        until: Instant,
        request: Request<'_>,
        ear: &Ear,
        process: &Process,
    ) -> (Result<Frame, NoAnswer>, Option<Slot>) {
        let Some(id) = self.begin() else { return (Err(NoAnswer::NotSent), Some(slot)) };
        let mut answer = slot.run(|| self.converse(id, until, request, ear, process));
        let mut state = self.state.lock();
        // One that was not sent runs nowhere.
        if !matches!(answer, Err(NoAnswer::TimedOut)) || state.end.is_some() {
            state.forget(id);
            return (answer, Some(slot));
        }
        let Some(call) = state.calls.get_mut(&id) else { return (answer, Some(slot)) };
        match call.mail.take() {
            // It came at this very moment.
            Some(mail) if mail.what != What::Ask => {
                state.forget(id);
                answer = Ok(mail);
                (answer, Some(slot))
            }
            mail => {
                slot.leave();
                call.left = Some((slot, Instant::now()));
                drop(state);
                if let Some(ask) = mail {
                    self.outbox.owe(Ear::nobody_waits(&ask), process);
                }
                (answer, None)
            }
        }
    }

    /// What became of the calls that nobody waits for, which have `grace` to return.
    pub(crate) fn left(&self, grace: Duration) -> Left {
        let mut state = self.state.lock();
        let since = state.calls.values().map(|call| call.left.as_ref().map(|(_, since)| *since));
        let (mut oldest, mut waited_for) = (None, false);
        for since in since {
            waited_for |= since.is_none();
            oldest = oldest.into_iter().chain(since).min();
        }
        match oldest {
            None => Left::None,
            Some(oldest) if !waited_for && oldest.elapsed() >= grace => {
                // Under this very lock: whoever comes now waits for another process.
                state.end = Some("none of its calls returned".into());
                Left::Hung
            }
            Some(_) => Left::Some,
        }
    }

    /// Whether nobody waits for something that still runs.
    pub(crate) fn has_left(&self) -> bool {
        self.state.lock().calls.values().any(|call| call.left.is_some())
    }

    /// Reads what comes for calls that nobody waits for, unless somebody else
    /// reads already; for a tick at most. Sends what they are still owed.
    pub(crate) fn sweep(&self, ear: &Ear, process: &Process) {
        self.outbox.send_owed(process);
        let Some(id) = self.begin() else { return };
        if self.receive(id, Instant::now() + TICK, ear, process).is_ok() {
            // Nobody was told this number.
            ear.complain("it answers nobody");
            process.kill();
        }
        self.state.lock().calls.remove(&id);
    }

    /// The process has ended, and how: so do all calls.
    pub(crate) fn close(&self, how: &str) {
        let mut state = self.state.lock();
        state.end = Some(how.into());
        let left = state.calls.extract_if(|_, call| call.left.is_some());
        let left: Vec<_> = left.collect();
        for call in state.calls.values() {
            call.bell.notify_all();
        }
        drop(state);
        // With their slots.
        drop(left);
        self.outbox.close();
    }

    /// What the calls in progress, and those that ended just now, were told in
    /// confidence.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let state = self.state.lock();
        let calls = state.calls.values().flat_map(|call| &call.secrets);
        calls.chain(state.memory.secrets()).cloned().collect()
    }

    fn begin(&self) -> Option<u64> {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return None;
        }
        let id = state.next;
        state.next += 1;
        let bell = Arc::new(Condvar::new());
        state
            .calls
            .insert(id, Call { mail: None, bell, waits: false, secrets: told(), left: None });
        Some(id)
    }

    fn converse(
        &self,
        id: u64,
        mut until: Instant,
        request: Request<'_>,
        ear: &Ear,
        process: &Process,
    ) -> Result<Frame, NoAnswer> {
        let Request { method, head, body } = request;
        let call = frame::encode(What::Call, 0, id, method, head, body);
        self.outbox.send(&call, until, process).map_err(|unsent| match unsent {
            Unsent::Ended(_) => NoAnswer::NotSent,
            Unsent::Late => NoAnswer::Unsent,
        })?;
        loop {
            let frame = self.receive(id, until, ear, process)?;
            match frame.what {
                What::Reply | What::Failure | What::Unusable => return Ok(frame),
                What::Ask => {
                    let began = Instant::now();
                    let answer = ear.answer(&frame);
                    // The host's time does not count.
                    until = until.checked_add(began.elapsed()).unwrap_or(until);
                    match self.outbox.send(&answer, until, process) {
                        Ok(()) => {}
                        Err(Unsent::Ended(why)) => return Err(NoAnswer::Ended(why.into())),
                        Err(Unsent::Late) => {
                            // Over there a thread waits for it.
                            self.outbox.owe(Ear::nobody_waits(&frame), process);
                            return Err(NoAnswer::TimedOut);
                        }
                    }
                }
                _ => return Err(self.give_up("it sent what belongs to no call", process)),
            }
        }
    }

    /// Waits for what comes for a call.
    fn receive(
        &self,
        id: u64,
        until: Instant,
        ear: &Ear,
        process: &Process,
    ) -> Result<Frame, NoAnswer> {
        let mut state = self.state.lock();
        let result = loop {
            let Some(call) = state.calls.get_mut(&id) else { break Err(state.ended()) };
            if let Some(mail) = call.mail.take() {
                break Ok(mail);
            }
            if state.end.is_some() {
                break Err(state.ended());
            }
            if Instant::now() >= until || is_abandoned() {
                break Err(NoAnswer::TimedOut);
            }
            if state.is_led {
                self.wait(&mut state, id, until);
                continue;
            }
            state.is_led = true;
            drop(state);
            let led = self.lead(id, until, ear, process);
            state = self.state.lock();
            match led {
                Ok(Some(frame)) => {
                    state.is_led = false;
                    break Ok(frame);
                }
                Ok(None) => state.is_led = false,
                // Nobody is to read any more. Its parent will know how it ended.
                Err(unreadable) => {
                    drop(state);
                    if !matches!(unreadable, Unreadable::Closed) {
                        ear.complain(&unreadable.to_string());
                    }
                    process.kill();
                    state = self.state.lock();
                }
            }
        };
        if !state.is_led {
            state.wake_one();
        }
        result
    }

    fn wait(&self, state: &mut MutexGuard<'_, State>, id: u64, until: Instant) {
        let Some(call) = state.calls.get_mut(&id) else { return };
        let bell = Arc::clone(&call.bell);
        call.waits = true;
        bell.wait_until(state, until);
        if let Some(call) = state.calls.get_mut(&id) {
            call.waits = false;
        }
    }

    /// Reads until something comes for this call or its time is over.
    fn lead(
        &self,
        id: u64,
        until: Instant,
        ear: &Ear,
        process: &Process,
    ) -> Result<Option<Frame>, Unreadable> {
        let mut inbox = self.inbox.lock();
        while let Some(frame) = inbox.receive_until(until, self.outbox.stream())? {
            if frame.what != What::Log && frame.id == id {
                return Ok(Some(frame));
            }
            self.deliver(frame, ear, process)?;
            if Instant::now() >= until {
                break;
            }
        }
        Ok(None)
    }

    fn deliver(&self, frame: Frame, ear: &Ear, process: &Process) -> Result<(), Unreadable> {
        let mut state = self.state.lock();
        let Some(call) = state.calls.get_mut(&frame.id) else {
            // A line of a call that ended at this very moment.
            let is_line = frame.what == What::Log;
            return if is_line { Ok(()) } else { Err(Unreadable::Malformed("it answers nobody")) };
        };
        if frame.what == What::Log {
            let secrets = call.secrets.clone();
            drop(state);
            ear.line(&frame, &secrets);
        } else if call.left.is_none() {
            if call.mail.replace(frame).is_some() {
                return Err(Unreadable::Malformed("it answers twice"));
            }
            call.bell.notify_one();
        } else if frame.what == What::Ask {
            drop(state);
            self.outbox.owe(Ear::nobody_waits(&frame), process);
        } else {
            // It has returned at last: the slot is free.
            let call = state.forget(frame.id);
            drop(state);
            drop(call);
        }
        Ok(())
    }

    fn give_up(&self, why: &str, process: &Process) -> NoAnswer {
        process.kill();
        NoAnswer::Ended(why.into())
    }
}

// === impl State ===

impl State {
    fn ended(&self) -> NoAnswer {
        NoAnswer::Ended(self.end.clone().unwrap_or_else(|| "it ended".into()))
    }

    /// A call has ended.
    fn forget(&mut self, id: u64) -> Option<Call> {
        let mut call = self.calls.remove(&id)?;
        self.memory.keep(std::mem::take(&mut call.secrets));
        Some(call)
    }

    /// Wakes one who waits, to lead.
    fn wake_one(&self) {
        if let Some(call) = self.calls.values().find(|call| call.waits) {
            call.bell.notify_one();
        }
    }
}
