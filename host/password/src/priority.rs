//! The scheduling of the hashing threads.

use std::io;

/// Puts the calling thread into the background: `SCHED_BATCH`, which never pre-empts a thread that
/// serves requests, and `nice`.
///
/// # Errors
/// The system refused one of the two; the thread keeps what it had of that one.
pub(crate) fn move_to_background(nice: i32) -> io::Result<()> {
    let batch = libc::sched_param { sched_priority: 0 };
    #[allow(unsafe_code, reason = "the standard library cannot set the priority of a thread")]
    // SAFETY: `batch` lives longer than the call, which only reads it; both calls take 0 for the
    // calling thread (which is what setpriority's PRIO_PROCESS means on Linux) and touch no memory.
    let results = unsafe {
        [
            libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const batch),
            libc::setpriority(libc::PRIO_PROCESS, 0, nice),
        ]
    };
    if results.contains(&-1) { Err(io::Error::last_os_error()) } else { Ok(()) }
}
