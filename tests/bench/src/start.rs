//! How long a start takes, and how much memory a daemon has that does nothing.

use crate::{
    Bench, Outcome,
    process::{self, Server},
    report::{Report, Target},
};

const MEGABYTE: f64 = 1024.0 * 1024.0;

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    report.section("Start, and memory of a daemon that does nothing");
    let empty = bench.empty()?;
    // The first start makes the database; the second one is like all others.
    let first = Server::start(&mut process::daemon(empty.path(), "")?)?;
    let took = first.start.as_secs_f64();
    report.figure("first start, empty, makes its database", took, 3, "s", Target::None);
    first.stop()?;
    let second = Server::start(&mut process::daemon(empty.path(), "")?)?;
    report.figure("start, empty", second.start.as_secs_f64(), 3, "s", Target::AtMost(0.2));
    let memory = second.memory()? as f64 / MEGABYTE;
    report.figure("memory with all stock plugins", memory, 1, "MB", Target::AtMost(20.0));
    drop(second);

    let folder = bench.filled()?;
    let full = Server::start(&mut process::daemon(folder.path(), "")?)?;
    let what = format!("start with {} live tokens", bench.contents.tokens);
    report.figure(what, full.start.as_secs_f64(), 2, "s", Target::AtMost(3.0));
    let (memory, peak) = (full.memory()? as f64 / MEGABYTE, full.peak_memory()? as f64 / MEGABYTE);
    report.figure("memory with them", memory, 0, "MB", Target::None);
    report.figure("most memory during that start", peak, 0, "MB", Target::None);
    Ok(())
}
