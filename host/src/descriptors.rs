//! How many files, and so connections, the process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use wazo_auth_config::RestApi;

/// Descriptors that are kept for other things than connections: log, sockets of
/// plugins, and the like.
const RESERVE: usize = 256;
/// Two files for each connection to the database, one of each pool for each
/// worker.
const PER_WORKER: usize = 4;

/// Raises the limit to what the system allows, and gives how many connections
/// there may be at a time. The usual soft limit, 1024, is there for programs
/// that use `select`; nothing here does.
pub(crate) fn connections(api: &RestApi) -> usize {
    let wanted = api.max_connections as usize;
    let reserve = RESERVE + PER_WORKER * api.max_threads as usize;
    let limit = match raise() {
        Ok(limit) => limit,
        Err(error) => {
            log::warn!(target: "wazo_auth.main", "the limit on open files is unknown: {error}");
            return wanted;
        }
    };
    let room = limit.saturating_sub(reserve).max(1);
    if room < wanted {
        log::info!(
            target: "wazo_auth.main",
            "{room} connections at a time, not {wanted} (`rest_api.max_connections`): \
             {limit} files may be open (LimitNOFILE of the service)"
        );
    }
    room.min(wanted)
}

/// Makes the limit as high as it may be, and gives it.
fn raise() -> nix::Result<usize> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    Ok(usize::try_from(if raised { hard } else { soft }).unwrap_or(usize::MAX))
}
