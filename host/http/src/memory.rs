//! Memory that a crowd has left.

/// Gives memory that is free inside the process back to the system. The
/// allocator does that by itself only with the last of what it has, and
/// connections that come and go leave something in use everywhere.
///
/// Takes milliseconds, and allocations of other threads wait meanwhile.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        #[allow(unsafe_code, reason = "no library offers this function of glibc")]
        // SAFETY: it may be called at any time by any thread, and takes a number.
        let given = unsafe { libc::malloc_trim(0) };
        log::debug!(target: "wazo_auth.http", "memory of connections that ended given back: {}", given == 1);
    }
}
