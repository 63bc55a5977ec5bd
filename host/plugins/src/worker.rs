//! The process of a plugin, from within: loads it, and runs what the daemon asks
//! it for.
//!
//! ```text
//!  main thread     start ──▶ look, open, make ──▶ made ──▶ waits for the end
//!  side thread     answers to what threads of the plugin's own ask for
//!  call threads    one reads the calls; when there is one it hands the reading on,
//!                  runs the call, answers, and waits for its turn to read again
//! ```

use std::{
    borrow::Cow,
    cell::Cell,
    ffi::OsStr,
    net::Shutdown,
    os::unix::{ffi::OsStrExt, net::UnixStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RStr},
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use wazo_auth_plugin_api::{
    ErrorKind,
    abi::{Failure, HostApi_TO, PluginBox},
};

use crate::{
    frame::{Frame, Inbox, OF_DAEMON, What},
    inspect,
    load::{Library, check_digest},
    reply::{MAX_BODY, MAX_HEAD, bounded},
    trial::Step,
    worker::{connection::Connection, host::Daemon},
};

mod connection;
mod host;

/// Most threads that calls may have: far more than the daemon asks for.
const MOST_THREADS: usize = 256;
/// Most bytes that are sent of the text of a failure, which may be the JSON of an
/// error of the API: what is shown of other texts is far less, and is cut where
/// their secrets are known.
const MOST_TEXT: usize = MAX_HEAD;

thread_local! {
    /// The call that this thread runs; 0 for none.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// What the process is to load; the body of the frame is the path.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order<'a> {
    pub(crate) kind: Cow<'a, str>,
    pub(crate) name: Cow<'a, str>,
    pub(crate) sha256: Option<Cow<'a, str>>,
    pub(crate) config: Cow<'a, str>,
}

/// Serves the daemon as the process of one plugin, until the daemon hangs up.
/// `calls` and `side` are what connects the two.
///
/// # Errors
/// Why nothing could be served.
pub fn serve(calls: UnixStream, side: UnixStream) -> Result<(), String> {
    let mut inbox = Inbox::new(OF_DAEMON);
    let start = inbox.receive(&side).map_err(|error| error.to_string())?;
    let start = start.filter(|frame| frame.what == What::Start);
    let start = start.ok_or("it was told nothing to load")?;
    let desk = Arc::new(Desk {
        calls: Connection::new(calls),
        side: Connection::new(side),
        inbox: Mutex::new(Inbox::new(OF_DAEMON)),
        free: AtomicUsize::new(0),
        threads: AtomicUsize::new(0),
    });
    let listening = Arc::clone(&desk);
    let listener = thread::Builder::new().name("side".to_owned());
    let listener = listener.spawn(move || listening.listen(inbox));
    let listener = listener.map_err(|error| error.to_string())?;
    match make(&start, &desk) {
        Ok(plugin) => {
            desk.start_thread(&Arc::new(plugin)).map_err(|error| error.to_string())?;
            desk.side.send(What::Made, 0, 0, "", "", &[]);
        }
        Err(NotMade::Refused(sentence)) => desk.side.send(What::Refused, 0, 0, "", &sentence, &[]),
        Err(NotMade::Failed(failure)) => {
            desk.side.send(What::NotMade, failure.kind, 0, "", text_of(&failure), &[]);
        }
    }
    // Until the daemon closes its end.
    listener.join().map_err(|_| "its listener panicked".to_owned())
}

enum NotMade {
    Refused(String),
    Failed(Failure),
}

/// Loads the library by the rules of the daemon, and makes the plugin.
fn make(start: &Frame, desk: &Arc<Desk>) -> Result<PluginBox, NotMade> {
    let refused = |sentence: &dyn ToString| NotMade::Refused(sentence.to_string());
    let order: Order<'_> = serde_json::from_str(&start.head).map_err(|error| refused(&error))?;
    let inspection =
        inspect(Path::new(OsStr::from_bytes(&start.body))).map_err(|error| refused(&error))?;
    inspection.fits().map_err(|error| refused(&error))?;
    if inspection.offers(&order.kind, &order.name).is_none() {
        let file = inspection.file.display();
        let text = format!("{file} does not offer {} `{}` any more", order.kind, order.name);
        return Err(NotMade::Refused(text));
    }
    check_digest(&order.name, &inspection, order.sha256.as_deref())
        .map_err(|error| refused(&error))?;
    desk.step(Step::Open);
    let library = Library::open(&inspection).map_err(|error| refused(&error))?;
    desk.step(Step::Create);
    let host = HostApi_TO::from_value(Daemon::new(Arc::clone(desk)), TD_Opaque);
    library
        .create(&order.kind, &order.name, &order.config, host)
        .map_err(|error| NotMade::Failed(error.into()))
}

fn text_of(failure: &Failure) -> &str {
    crate::text::shortened(failure.text.as_str(), MOST_TEXT)
}

/// Everything that the threads of the process share.
struct Desk {
    calls: Connection,
    side: Connection,
    /// Held by the one who reads the calls.
    inbox: Mutex<Inbox>,
    /// Threads that wait to read.
    free: AtomicUsize,
    threads: AtomicUsize,
}

/// Ends the process when a thread of it panics: calls would be lost.
struct OrEnd<'a>(&'a Desk);

// === impl Desk ===

impl Desk {
    fn step(&self, step: Step) {
        self.side.send(What::Step, step.number(), 0, "", "", &[]);
    }

    /// Hands answers to those who asked outside of calls, until the daemon hangs
    /// up.
    fn listen(&self, mut inbox: Inbox) {
        while let Ok(Some(frame)) = inbox.receive(self.side.stream()) {
            self.side.hand_over(frame);
        }
        self.end();
    }

    fn end(&self) {
        for connection in [&self.calls, &self.side] {
            let _ = connection.stream().shutdown(Shutdown::Both);
        }
    }

    fn start_thread(self: &Arc<Self>, plugin: &Arc<PluginBox>) -> std::io::Result<()> {
        let (desk, plugin) = (Arc::clone(self), Arc::clone(plugin));
        self.free.fetch_add(1, Ordering::SeqCst);
        self.threads.fetch_add(1, Ordering::SeqCst);
        let started = thread::Builder::new().name("call".to_owned()).spawn(move || {
            let end = OrEnd(&desk);
            desk.work(&plugin);
            drop(end);
        });
        if started.is_err() {
            self.free.fetch_sub(1, Ordering::SeqCst);
            self.threads.fetch_sub(1, Ordering::SeqCst);
        }
        started.map(drop)
    }

    /// Runs calls until the daemon hangs up.
    fn work(self: &Arc<Self>, plugin: &Arc<PluginBox>) {
        while let Some(call) = self.next_call(plugin) {
            CURRENT.set(call.id);
            let reply = plugin.call(
                RStr::from(&*call.name),
                RStr::from(&*call.head),
                RSlice::from(&*call.body),
            );
            CURRENT.set(0);
            // Before the answer: who has it may call again.
            self.free.fetch_add(1, Ordering::SeqCst);
            match reply {
                RResult::ROk(frame) => self.reply(call.id, frame.head.as_bytes(), &frame.body),
                RResult::RErr(failure) => {
                    self.calls.send(
                        What::Failure,
                        failure.kind,
                        call.id,
                        "",
                        text_of(&failure),
                        &[],
                    );
                }
            }
        }
        self.end();
    }

    fn reply(&self, id: u64, head: &[u8], body: &[u8]) {
        let head = bounded(head).and_then(|head| match body.len() > MAX_BODY {
            true => Err(format!("a body of {} bytes, at most {MAX_BODY} are read", body.len())),
            false => Ok(head),
        });
        match head {
            Ok(head) => self.calls.send(What::Reply, 0, id, "", head, body),
            Err(wrong) => self.calls.send(What::Unusable, 0, id, "", &wrong, &[]),
        }
    }

    /// Waits for its turn to read and reads until there is a call. There is
    /// somebody to read after it then, or the call is refused.
    fn next_call(self: &Arc<Self>, plugin: &Arc<PluginBox>) -> Option<Frame> {
        let mut inbox = self.inbox.lock();
        loop {
            let frame = inbox.receive(self.calls.stream()).ok()??;
            if frame.what != What::Call {
                self.calls.hand_over(frame);
                continue;
            }
            if self.free.fetch_sub(1, Ordering::SeqCst) > 1 {
                return Some(frame);
            }
            let has_room = self.threads.load(Ordering::SeqCst) < MOST_THREADS;
            if has_room && self.start_thread(plugin).is_ok() {
                return Some(frame);
            }
            self.free.fetch_add(1, Ordering::SeqCst);
            let (kind, text) = (ErrorKind::Busy.number(), "its process has no thread left");
            self.calls.send(What::Failure, kind, frame.id, "", text, &[]);
        }
    }
}

// === impl OrEnd ===

impl Drop for OrEnd<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end();
        }
    }
}
