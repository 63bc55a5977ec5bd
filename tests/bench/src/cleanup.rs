//! Token checks while expired tokens are deleted.

use std::time::Duration;

use crate::{
    Bench, Outcome,
    check::checks,
    fill::{self, Contents},
    load::Load,
    process::{self, Server},
    report::{Report, Target},
};

/// Live tokens beside the expired ones.
const LIVE: Contents = Contents { tokens: 100_000, users: 10_000 };
const CHECKERS: usize = 4;
/// "Unchanged" is less than what one such measurement differs from another.
const MOST_TIMES: f64 = 2.0;

pub(crate) fn run(bench: &Bench, expired: u64, report: &mut Report) -> Outcome {
    report.section(&format!("Token checks while {expired} expired tokens are deleted"));
    let small = Bench::new(LIVE, bench.round, 1);
    let folder = small.filled()?;
    fill::add_expired(folder.path(), expired)?;
    let request = checks(LIVE.tokens, folder.tenant);
    let duration = (bench.round * 4).max(Duration::from_secs(8));
    let p99 = |extra: &str| -> Outcome<f64> {
        let daemon = Server::start(&mut process::daemon(folder.path(), extra)?)?;
        let answers = Load::paced(daemon.address, CHECKERS, duration).run(request.clone())?;
        answers.expect(204)?;
        Ok(answers.percentile(0.99))
    };
    let before = p99("token_cleanup_interval: 0")?;
    report.figure("p99 without a clean-up", before, 3, "ms", Target::None);
    let left = fill::expired(folder.path())?;
    let during = p99("token_cleanup_interval: 3600")?;
    let deleted = left.saturating_sub(fill::expired(folder.path())?);
    let rate = deleted as f64 / duration.as_secs_f64();
    report.figure("p99 during a clean-up", during, 3, "ms", Target::None);
    report.figure("deleted meanwhile", rate, 0, "/s", Target::None);
    report.figure(
        "p99 during a clean-up, times",
        during / before,
        2,
        "",
        Target::AtMost(MOST_TIMES),
    );
    Ok(())
}
