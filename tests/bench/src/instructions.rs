//! Instructions per request, counted by callgrind: the same on a busy machine
//! as on a quiet one. What the kernel does is not among them.

use std::{fs, path::Path, process::Command, time::Duration};

use crate::{
    Bench, Outcome,
    check::checks,
    fill::Contents,
    load::{Load, Until},
    process::{self, Server},
    refresh::refreshes,
    report::{Report, Target},
};

/// Enough to be looked up in, and loaded soon by a daemon that runs fifty times
/// slower.
const CONTENTS: Contents = Contents { tokens: 2_000, users: 200 };
/// The start and the first requests are in both counts, and so in no difference.
const FEW: u64 = 500;
const MANY: u64 = 2_500;

/// Instructions of a token check, all threads together: a fifth more than when
/// this was written. No clock of a busy machine would show that.
const MOST_PER_CHECK: f64 = 18_000.0;

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    report.section("Instructions per request (valgrind --tool=callgrind)");
    if Command::new("valgrind").arg("--version").output().is_err() {
        report.note("valgrind is not installed: not counted");
        return Ok(());
    }
    let small = Bench::new(CONTENTS, bench.round, 1);
    let folder = small.filled()?;
    let config = process::daemon(folder.path(), "")?;
    let bare = {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--bare");
        command
    };
    let check = checks(CONTENTS.tokens, folder.tenant);
    let rival = per_request(&bare, folder.path(), check.clone())?;
    report.figure("bare hyper, HEAD", rival, 0, "", Target::None);
    let each = per_request(&config, folder.path(), check)?;
    report.figure("token check, HEAD", each, 0, "", Target::AtMost(MOST_PER_CHECK));
    let each = per_request(&config, folder.path(), refreshes(CONTENTS.users, 0))?;
    report.figure("login by refresh token", each, 0, "", Target::None);
    Ok(())
}

fn per_request(
    command: &Command,
    folder: &Path,
    request: impl Fn(u64, &mut Vec<u8>) + Send + Sync + Clone + 'static,
) -> Outcome<f64> {
    let few = counted(command, folder, FEW, request.clone())?;
    let many = counted(command, folder, MANY, request)?;
    Ok((many as f64 - few as f64) / (MANY - FEW) as f64)
}

/// Instructions of a server's whole life with so many requests.
fn counted(
    command: &Command,
    folder: &Path,
    requests: u64,
    request: impl Fn(u64, &mut Vec<u8>) + Send + Sync + 'static,
) -> Outcome<u64> {
    let out = folder.join("callgrind.out");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(command.get_program()).args(command.get_args());
    let server = Server::start(&mut valgrind)?;
    let load = Load::new(server.address, 1, Duration::ZERO);
    let load = Load { until: Until::Answered(requests), ..load };
    load.run(request)?;
    server.stop()?;
    let counts = fs::read_to_string(&out)?;
    let total = |line: &str| {
        line.strip_prefix("summary:").or(line.strip_prefix("totals:"))?.trim().parse().ok()
    };
    counts.lines().find_map(total).ok_or_else(|| "callgrind counted nothing".into())
}
