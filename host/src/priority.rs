//! The scheduling of the threads that serve connections.

use std::io;

/// For how long such a thread may hold a processor while others wait for it, in
/// nanoseconds: the least that Linux takes. Who takes little is let in at once.
const SLICE: u64 = 100_000;

/// Lets the calling thread have a processor as soon as it wakes, although
/// another one, of this daemon or not, is in the midst of something longer.
/// Linux before 6.12 takes no notice.
///
/// # Errors
/// The system refused.
pub(crate) fn answer_at_once() -> io::Result<()> {
    #[allow(unsafe_code, reason = "no library offers these calls of the system")]
    // SAFETY: 0 is the calling thread. All bits of the attributes may be zero. They live longer
    // than the call, which reads as many bytes as their size says; nothing else is touched.
    let result = unsafe {
        let mut attributes: libc::sched_attr = std::mem::zeroed();
        attributes.size = size_of::<libc::sched_attr>() as u32;
        attributes.sched_nice = libc::getpriority(libc::PRIO_PROCESS, 0);
        attributes.sched_runtime = SLICE;
        libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0)
    };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
