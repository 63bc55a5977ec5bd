//! A write on its way: the caller's closure, its outcome, and whom to answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::{Error, Tx};

/// A write without the types of its outcome.
pub(crate) trait Task: Send {
    /// Runs the closure, for the first time or again after everything was undone;
    /// whether its changes are to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;

    /// Tells the caller: its own outcome, or the error that undid it.
    fn answer(self: Box<Self>, undone: Option<&Error>);
}

/// A task around `f`, and where its outcome arrives.
pub(crate) fn task<T, E, F>(f: F) -> (Box<dyn Task>, Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    let (reply, outcome) = sync_channel(1);
    (Box::new(Write { f, panicked: false, result: None, reply }), outcome)
}

struct Write<T, E, F> {
    f: F,
    panicked: bool,
    result: Option<Result<T, E>>,
    reply: SyncSender<Result<T, E>>,
}

// === impl Write ===

impl<T, E, F> Task for Write<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        if self.panicked {
            return false;
        }
        // What the closure captured is only dropped after a panic; what it
        // wrote is rolled back.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.f)(tx)));
        self.panicked = outcome.is_err();
        let result = outcome.unwrap_or_else(|_| Err(Error::Panicked.into()));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn answer(mut self: Box<Self>, undone: Option<&Error>) {
        let result = match undone {
            Some(error) => Err(error.clone().into()),
            None => self.result.take().unwrap_or_else(|| Err(Error::Panicked.into())),
        };
        let Self { f, reply, .. } = *self;
        // The closure's captures go before the caller may go on.
        drop(f);
        // A caller that stopped waiting needs no answer.
        let _ = reply.send(result);
    }
}
