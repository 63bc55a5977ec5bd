//! What a plugin's process says outside of calls: how its start went, what
//! threads of its own ask for, their lines for the log.

use std::{
    io::Write,
    os::unix::net::UnixStream,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use wazo_auth_plugin_api::abi;
use wazo_auth_work::Pool;

use crate::{
    cage::{Cage, NotStarted, after, ear::Ear, worker::Worker},
    frame::{Inbox, OF_PLUGIN, Unreadable, What},
    gate::{MOST_SERVED, bounded},
    start::{NoReturn, StartError},
    trial::Step,
};

/// How often a start looks at the clock.
const TICK: Duration = Duration::from_millis(20);
/// Least time until a library is open, which comes with the start of a process:
/// a plugin's timeout is made for its calls.
const LEAST_TO_OPEN: Duration = Duration::from_secs(10);
/// How long the process may take to read what it is answered.
const PATIENCE: Duration = Duration::from_secs(1);
/// What threads of the plugin's own may ask for at a time.
const ASKING: usize = 2;
/// And how many of them may wait.
const WAITING: usize = 32;

/// Listens until the process ends.
pub(crate) fn listen(cage: &Arc<Cage>, worker: &Arc<Worker>, side: &UnixStream) {
    let mut inbox = Inbox::new(OF_PLUGIN);
    let end = match bounded(|| start(cage, worker, side, &mut inbox)) {
        Ok(()) => attend(cage, worker, side, &mut inbox),
        Err(end) => end,
    };
    match end {
        Unreadable::Closed => {}
        other => cage.ear.complain(&other.to_string()),
    }
    // One that says nothing any more is of no use.
    worker.process.kill();
}

/// Has the plugin made, within its time.
fn start(
    cage: &Cage,
    worker: &Arc<Worker>,
    side: &UnixStream,
    inbox: &mut Inbox,
) -> Result<(), Unreadable> {
    side.set_read_timeout(Some(TICK)).map_err(Unreadable::Broken)?;
    side.set_write_timeout(Some(PATIENCE)).map_err(Unreadable::Broken)?;
    let timeout = cage.spec.timeout;
    let mut until = after(timeout.max(LEAST_TO_OPEN));
    let mut served = Duration::ZERO;
    match cage.order() {
        Ok(order) => (&*side).write_all(&order).map_err(Unreadable::Broken)?,
        Err(text) => {
            worker.give_up(NotStarted::NotMade(text));
            return Err(Unreadable::Closed);
        }
    }
    loop {
        let frame = inbox.receive_until(until, side)?;
        // However much it says meanwhile.
        if Instant::now() >= until {
            let step = worker.progress.lock().step;
            worker.give_up(took_too_long(cage, step));
            return Err(Unreadable::Closed);
        }
        let Some(frame) = frame else { continue };
        match frame.what {
            What::Step => {
                let step = Step::from_number(frame.code);
                let before = std::mem::replace(&mut worker.progress.lock().step, step);
                if step == Some(Step::Create) && before != step {
                    until = after(timeout);
                }
            }
            What::Ask => {
                let began = Instant::now();
                let answer = cage.ear.answer(&frame);
                // The host's time does not count, but for who asks for ever.
                if served < MOST_SERVED {
                    served += began.elapsed();
                    until += began.elapsed();
                }
                (&*side).write_all(&answer).map_err(Unreadable::Broken)?;
            }
            What::Log => cage.ear.line(&frame, &[]),
            What::Made => {
                side.set_read_timeout(None).map_err(Unreadable::Broken)?;
                cage.made(worker);
                return Ok(());
            }
            What::Refused => {
                worker.give_up(NotStarted::Refused(frame.head));
                return Err(Unreadable::Closed);
            }
            What::NotMade => {
                let failure = abi::Failure { kind: frame.code, text: frame.head.into() };
                let error = failure.into();
                let why = StartError::of(cage.ear.plugin(), &error, cage.ear.secrets());
                worker.give_up(match why {
                    StartError::Config { .. } => NotStarted::Config(why.to_string()),
                    _ => NotStarted::NotMade(why.to_string()),
                });
                return Err(Unreadable::Closed);
            }
            _ => return Err(Unreadable::Malformed("it does not belong to a start")),
        }
    }
}

fn took_too_long(cage: &Cage, step: Option<Step>) -> NotStarted {
    let (name, timeout) = (cage.ear.plugin(), cage.spec.timeout);
    if step == Some(Step::Create) {
        let error = StartError::no_return(name, timeout, NoReturn::TimedOut);
        return NotStarted::NotMade(error.to_string());
    }
    let seconds = timeout.max(LEAST_TO_OPEN).as_secs_f64();
    NotStarted::Refused(format!(
        "it took longer than {seconds} s when it was opened; raise plugins.{name}.timeout if that \
         is too short for it, otherwise tell its author"
    ))
}

/// Serves threads of the plugin's own.
fn attend(
    cage: &Arc<Cage>,
    worker: &Arc<Worker>,
    side: &UnixStream,
    inbox: &mut Inbox,
) -> Unreadable {
    let Ok(writer) = side.try_clone() else { return Unreadable::Closed };
    let writer = Arc::new(Mutex::new(writer));
    let answer = |worker: &Worker, writer: &Mutex<UnixStream>, bytes: &[u8]| {
        if writer.lock().write_all(bytes).is_err() {
            worker.process.kill();
        }
    };
    let mut pool = None;
    loop {
        let frame = match inbox.receive(side) {
            Ok(Some(frame)) => frame,
            Ok(None) => continue,
            Err(end) => return end,
        };
        match frame.what {
            What::Log => cage.ear.line(&frame, &worker.channel.secrets()),
            What::Ask => {
                let pool = pool.get_or_insert_with(|| Pool::new("cage-asks", ASKING, WAITING));
                let refused = Ear::too_much(&frame);
                let (own, to, at) = (Arc::clone(cage), Arc::clone(worker), Arc::clone(&writer));
                let job = move || answer(&to, &at, &own.ear.answer(&frame));
                if pool.submit(job, drop).is_err() {
                    answer(worker, &writer, &refused);
                }
            }
            _ => return Unreadable::Malformed("it does not belong outside of calls"),
        }
    }
}
