//! Bounded thread pools and deadlines for blocking work.
//!
//! Everything that may block (the store, password hashing, plugins) runs as
//! plain synchronous code on a [`Pool`]; the asynchronous edge hands a closure
//! in and gets told the result. A pool has a bounded queue, so that overload is
//! refused at once instead of piling up.
//!
//! A call that may never return (a plugin's) runs [`within`] a deadline on the
//! pool's own thread: no hand-over on the good path. When the deadline passes,
//! the job is *abandoned*:
//!
//! ```text
//!            within(limit, call)                 call returns in time
//!  running ───────────────────────▶ timed ──────────────────────────▶ running
//!                                     │ limit passes
//!                                     ▼
//!                                 abandoned: the requester is told, another thread
//!                                     │      takes this one's place in the pool
//!                                     │ call returns at last
//!                                     ▼
//!                          Err(TimedOut) unwinds the job, the thread ends
//! ```

mod deadline;
mod pool;

pub use deadline::{JobHandle, TimedOut, current_job, is_abandoned, paused, within};
pub use pool::{Full, Lost, Pool};

#[cfg(test)]
mod tests;
