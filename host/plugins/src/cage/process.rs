//! The process that a plugin runs in, as the daemon sees it.

use std::{
    io,
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::Path,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};
use parking_lot::Mutex;

/// What it finds in its environment: nothing of the daemon's.
const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8")];

/// Ends the process, and whatever it started in its group.
pub(crate) struct Process {
    group: Pid,
    /// While it is, its number belongs to no other process.
    is_there: Mutex<bool>,
}

/// The process as its parent, a thread: when that one ends, so does the process.
pub(crate) struct Parent(Child);

/// The daemon's ends of what connects it to the process.
pub(crate) struct Ends {
    /// Calls, and what is said in them.
    pub(crate) calls: UnixStream,
    /// Everything else.
    pub(crate) side: UnixStream,
    pub(crate) output: Option<ChildStderr>,
}

/// Starts a process for a plugin: this very program, with the two connections as
/// its standard input and output.
pub(crate) fn start(program: &Path, name: &str) -> io::Result<(Parent, Process, Ends)> {
    let (calls, its_calls) = UnixStream::pair()?;
    let (side, its_side) = UnixStream::pair()?;
    let mut child = Command::new(program)
        .arg0("wazo-auth")
        .arg("plugin-worker")
        .arg(std::process::id().to_string())
        // For those who look at a list of processes.
        .args(["--", name])
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .process_group(0)
        .stdin(OwnedFd::from(its_calls))
        .stdout(OwnedFd::from(its_side))
        .stderr(Stdio::piped())
        .spawn()?;
    let group = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    let output = child.stderr.take();
    let process = Process { group, is_there: Mutex::new(true) };
    Ok((Parent(child), process, Ends { calls, side, output }))
}

// === impl Process ===

impl Process {
    /// One that has ended.
    #[cfg(test)]
    pub(crate) fn gone() -> Self {
        Self { group: Pid::from_raw(0), is_there: Mutex::new(false) }
    }

    /// Ends it, unless it has ended.
    pub(crate) fn kill(&self) {
        let is_there = self.is_there.lock();
        if *is_there {
            // One that has ended and was not waited for takes no notice.
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
}

// === impl Parent ===

impl Parent {
    /// Waits for the end of the process; what it leaves behind ends with it.
    pub(crate) fn wait(mut self, process: &Process) -> io::Result<ExitStatus> {
        let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(process.group), ended) == Err(Errno::EINTR) {}
        // From here on it is not there, but its number is still taken.
        process.kill();
        *process.is_there.lock() = false;
        self.0.wait()
    }
}

/// How a process ended.
pub(crate) fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("with exit code {code}"),
        (None, number) => {
            let number = number.unwrap_or_default();
            let name = Signal::try_from(number).map_or("unknown", Signal::as_str);
            format!("by signal {number} ({name})")
        }
    }
}
