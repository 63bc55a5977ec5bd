//! The process of a plugin: takes from itself what a plugin does not need, then
//! serves the daemon that started it.

use std::{
    fs::{self, File},
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    process::ExitCode,
};

use nix::{
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        signal::Signal,
        stat::{Mode, umask},
    },
    unistd::{close, dup2_stdin, dup2_stdout, getppid},
};

/// Most bytes of address space: what one call needs, times all its threads.
const MOST_MEMORY: u64 = 2 * 1024 * 1024 * 1024;
/// Most files and sockets.
const MOST_FILES: u64 = 256;
/// No core: it would hold passwords. (1 and not 0, by which a program that the
/// system hands cores to would still be handed this one.)
const CORE: u64 = 1;
/// Who is ended first when memory runs out.
const FIRST_TO_GO: &str = "500";
/// Standard input, output and error.
const STANDARD: i32 = 2;

/// Serves the daemon, whose number is given; it is at the other end of the
/// standard input and the standard output.
pub(crate) fn run(daemon: i32) -> ExitCode {
    match confine(daemon)
        .map_err(|error| error.to_string())
        .and_then(|(calls, side)| wazo_auth_plugins::worker::serve(calls, side))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("this is run by wazo-auth itself: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Gives up everything that is not needed; gives the two connections.
fn confine(daemon: i32) -> io::Result<(UnixStream, UnixStream)> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // It may have ended before that.
    if getppid().as_raw() != daemon {
        return Err(io::Error::other("the daemon has ended"));
    }
    prctl::set_no_new_privs()?;
    umask(Mode::from_bits_truncate(0o077));
    // No limit on threads: the system counts those of the whole account, of which
    // this process may have the least part. Its address space bounds its own.
    for (resource, limit) in [(Resource::RLIMIT_AS, MOST_MEMORY), (Resource::RLIMIT_CORE, CORE)] {
        lower(resource, limit)?;
    }
    // Where it is not allowed, nothing is lost.
    let _ = fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
    close_others()?;
    lower(Resource::RLIMIT_NOFILE, MOST_FILES)?;
    let calls = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let side = UnixStream::from(io::stdout().as_fd().try_clone_to_owned()?);
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(io::stderr())?;
    Ok((calls, side))
}

/// Lowers a limit for good. Where it is lower it stays so: nobody may raise it.
fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let (_, most) = getrlimit(resource)?;
    let limit = limit.min(most);
    Ok(setrlimit(resource, limit, limit)?)
}

/// Closes whatever some library of the daemon opened and left to its children.
fn close_others() -> io::Result<()> {
    let files = fs::read_dir("/proc/self/fd")?;
    let files = files.filter_map(|file| file.ok()?.file_name().to_str()?.parse().ok());
    let files: Vec<i32> = files.filter(|file| *file > STANDARD).collect();
    for file in files {
        // The folder itself is closed already.
        let _ = close(file);
    }
    Ok(())
}
