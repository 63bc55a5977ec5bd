//! The account that the daemon runs as.

use std::ffi::CString;

use nix::unistd::{User, geteuid, initgroups, setgid, setuid};

/// Why the daemon cannot become the configured account.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountError {
    #[error(
        "there is no account named `{0}`: create it, or set `user` to another one (or to nothing)"
    )]
    Unknown(String),
    #[error("cannot become account `{name}`: {source}; start as root, or set `user` to nothing")]
    NotPermitted { name: String, source: nix::Error },
}

/// Becomes `name`, with its groups, for good.
pub(crate) fn switch_to(name: &str) -> Result<(), AccountError> {
    let unknown = || AccountError::Unknown(name.to_owned());
    let user = User::from_name(name).ok().flatten().ok_or_else(unknown)?;
    if user.uid == geteuid() {
        return Ok(());
    }
    let c_name = CString::new(name).map_err(|_| unknown())?;
    initgroups(&c_name, user.gid)
        .and_then(|()| setgid(user.gid))
        .and_then(|()| setuid(user.uid))
        .map_err(|source| AccountError::NotPermitted { name: name.to_owned(), source })
}
