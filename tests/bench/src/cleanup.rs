//! Token checks and logins while expired tokens are deleted.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::Path,
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Bench, Filled, Outcome,
    check::checks,
    fill::{self, Contents},
    load::Load,
    process::{self, Server},
    refresh::refreshes,
    report::{Report, Target},
};

/// Live tokens beside the expired ones.
const LIVE: Contents = Contents { tokens: 100_000, users: 10_000 };
const CONNECTIONS: usize = 4;
/// Each with a clean-up, each without, and each beside another program that
/// writes as a database does, in turns; the medians are compared.
const LEAST_TURNS: usize = 5;
/// A quarter more is taken for unchanged. Only a quiet machine can tell: the
/// turns are printed one by one, so that one sees what the medians are worth.
const MOST_TIMES: f64 = 1.25;

/// Milliseconds within which 99 of 100 answers came.
#[derive(Default)]
struct Turns {
    checks: Vec<f64>,
    logins: Vec<f64>,
}

pub(crate) fn run(bench: &Bench, expired: u64, report: &mut Report) -> Outcome {
    report.section(&format!("Token checks and logins while {expired} expired tokens are deleted"));
    let small = Bench::new(LIVE, bench.round, 1);
    let folder = small.filled()?;
    fill::add_expired(folder.path(), expired)?;
    let (mut without, mut during) = (Turns::default(), Turns::default());
    let mut beside = Turns::default();
    let (mut deleted, mut seconds) = (0, 0.0);
    for _ in 0..bench.rounds.max(LEAST_TURNS) {
        turn(&folder, bench.round, 0, &mut without)?;
        while_writing(folder.path(), || turn(&folder, bench.round, 0, &mut beside))?;
        let before = fill::expired(folder.path())?;
        seconds += turn(&folder, bench.round, 3600, &mut during)?;
        deleted += before.saturating_sub(fill::expired(folder.path())?);
    }
    let rate = deleted as f64 / seconds;
    let alone = while_nobody_asks(&folder)?;
    report.figure("deleted meanwhile", rate, 0, "/s", Target::None);
    report.figure("deleted while nobody asks", alone, 0, "/s", Target::None);
    report.figure("ten million would take then", 1e7 / alone / 60.0, 0, "min", Target::None);
    report.note(format!("p99 of token checks, each turn: {:.3?} without", without.checks));
    report.note(format!("{:31}: {:.3?} meanwhile", "", during.checks));
    report.note(format!("{:31}: {:.3?} beside a program that writes", "", beside.checks));
    let (checks, checks_during) = (median(without.checks), median(during.checks));
    let checks_beside = median(beside.checks);
    let (logins, logins_during) = (median(without.logins), median(during.logins));
    report.figure("p99 of token checks without a clean-up", checks, 3, "ms", Target::None);
    report.figure("p99 of token checks meanwhile", checks_during, 3, "ms", Target::None);
    let times = checks_during / checks;
    report.figure("the same, times", times, 2, "", Target::AtMost(MOST_TIMES));
    // What the machine's disk does to everybody is not the daemon's.
    let times = checks_during / checks_beside.max(checks);
    report.figure("beside a program that writes", checks_beside, 3, "ms", Target::None);
    report.figure("meanwhile, times that", times, 2, "", Target::AtMost(MOST_TIMES));
    report.figure("p99 of logins without a clean-up", logins, 3, "ms", Target::None);
    report.figure("p99 of logins meanwhile", logins_during, 3, "ms", Target::None);
    Ok(())
}

/// Asks a fresh daemon; gives for how many seconds it deleted.
fn turn(folder: &Filled, round: Duration, interval: u32, turns: &mut Turns) -> Outcome<f64> {
    let extra = format!("token_cleanup_interval: {interval}");
    let daemon = Server::start(&mut process::daemon(folder.path(), &extra)?)?;
    let started = Instant::now();
    let load = Load::paced(daemon.address, CONNECTIONS, round);
    let request = checks(LIVE.tokens, folder.tenant);
    // Pages and branches get warm.
    load.run(request.clone())?.expect(204)?;
    let answers = load.run(request)?;
    answers.expect(204)?;
    turns.checks.push(answers.percentile(0.99));
    let answers = load.run(refreshes(LIVE.users, 0))?;
    answers.expect(200)?;
    turns.logins.push(answers.percentile(0.99));
    Ok(started.elapsed().as_secs_f64())
}

/// How many a second are deleted when no request comes.
#[allow(clippy::disallowed_methods, reason = "a measurement lasts for a time")]
fn while_nobody_asks(folder: &Filled) -> Outcome<f64> {
    let _daemon =
        Server::start(&mut process::daemon(folder.path(), "token_cleanup_interval: 3600")?)?;
    // It waits for requests first.
    thread::sleep(Duration::from_secs(6));
    let (before, started) = (fill::expired(folder.path())?, Instant::now());
    thread::sleep(Duration::from_secs(5));
    let deleted = before.saturating_sub(fill::expired(folder.path())?);
    Ok(deleted as f64 / started.elapsed().as_secs_f64())
}

/// Does `work` while another thread writes scattered pages and syncs them, and
/// rests for twice as long, as the clean-up does.
fn while_writing<T>(folder: &Path, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    const PAGES: u64 = 1 << 18;
    let file = File::create(folder.join("written"))?;
    file.set_len(PAGES * 4096)?;
    let (stop, stopped) = channel::<()>();
    thread::scope(|scope| {
        let writing = scope.spawn(move || -> std::io::Result<()> {
            let mut number = 0;
            loop {
                let started = Instant::now();
                for _ in 0..200 {
                    number += 1;
                    file.write_all_at(&[7; 4096], fill::mix(number) % PAGES * 4096)?;
                }
                file.sync_data()?;
                let rest = stopped.recv_timeout(started.elapsed() * 2);
                if rest != Err(RecvTimeoutError::Timeout) {
                    return Ok(());
                }
            }
        });
        let worked = work();
        drop(stop);
        writing.join().map_err(|_| "the writing thread panicked")??;
        worked
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
