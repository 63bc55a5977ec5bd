//! Nothing that the author's code does may unwind into the border.

use std::{
    any::Any,
    cell::Cell,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{Error, Host, Result, logger};

thread_local! {
    static CAUGHT: Cell<usize> = const { Cell::new(0) };
}

/// How many panics were caught on this thread: nobody else hears of a
/// destructor's.
pub(crate) fn panics_here() -> usize {
    CAUGHT.get()
}

/// Runs the author's code: a panic becomes an error of kind
/// [`Panic`](crate::ErrorKind::Panic), and `log` lines go to `host` meanwhile.
pub(crate) fn guard<T>(host: &Host, f: impl FnOnce() -> Result<T>) -> Result<T> {
    let _current = logger::enter(host);
    caught(f)
}

/// Runs `f`: a panic becomes an error of kind [`Panic`](crate::ErrorKind::Panic).
pub(crate) fn caught<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    // A plugin that panics while it holds a lock poisons it; that is its own
    // affair, and `Mutex` reports it.
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
        let text = panic_text(&*payload).to_owned();
        let _ = CAUGHT.try_with(|caught| caught.set(caught.get() + 1));
        // Its destructor is the author's too, and may panic again.
        mem::forget(payload);
        Err(Error::of_panic(text))
    })
}

/// The message of a panic.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let literal = payload.downcast_ref::<&str>().copied();
    let formatted = payload.downcast_ref::<String>().map(String::as_str);
    literal.or(formatted).unwrap_or("a panic without a message")
}
