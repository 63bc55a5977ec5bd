//! Nothing that the author's code does may unwind into the border.

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{Error, Host, Result, logger};

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
