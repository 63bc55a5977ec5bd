//! A share of the processor for one process, as if it had a small machine of its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The length of the turns in which the kernel hands out processor time, in
/// microseconds.
const PERIOD: u32 = 10_000;

/// A control group; the processes in it are set free when it is dropped.
pub(crate) struct Share {
    /// Where the kernel shows the group.
    group: PathBuf,
}

// === impl Share ===

impl Share {
    /// Holds a process to this percentage of one core.
    ///
    /// # Errors
    /// Where the kernel does not let this program do that.
    pub(crate) fn hold(process: u32, percent: u32) -> io::Result<Self> {
        let name = format!("wazo-auth-bench-{process}");
        let quota = PERIOD / 100 * percent;
        let (root, settings) = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
            ("/sys/fs/cgroup", vec![("cpu.max", format!("{quota} {PERIOD}"))])
        } else {
            let period = ("cpu.cfs_period_us", PERIOD.to_string());
            ("/sys/fs/cgroup/cpu", vec![period, ("cpu.cfs_quota_us", quota.to_string())])
        };
        let share = Self { group: Path::new(root).join(name) };
        fs::create_dir(&share.group)?;
        for (name, setting) in settings {
            fs::write(share.group.join(name), setting)?;
        }
        fs::write(share.group.join("cgroup.procs"), process.to_string())?;
        Ok(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let all = self.group.with_file_name("cgroup.procs");
        let processes = fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        for process in processes.lines() {
            let _ = fs::write(&all, process);
        }
        let _ = fs::remove_dir(&self.group);
    }
}
