//! Logins by password, and token checks while everybody logs in.

use std::{
    process::{Child, Command},
    sync::mpsc,
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::{
    Bench, Outcome,
    check::checks,
    cores,
    fill::PASSWORD,
    load::{Answers, Load},
    process::{self, Server},
    refresh::logins,
    report::{Report, Target},
};

/// Enough to keep all cores at it, and to keep some waiting.
const PEOPLE: usize = 16;
/// Connections that check tokens meanwhile, and their pace: as much as some
/// services ask, not as much as the machine can do.
const CHECKERS: usize = 4;

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    report.section("Logins by password, and token checks meanwhile");
    let folder = bench.filled()?;
    let daemon = Server::start(&mut process::daemon(folder.path(), "")?)?;
    let duration = (bench.round * 4).max(Duration::from_secs(8));
    quiet(bench, report, &daemon, folder.tenant)?;

    let possible = hashes_per_second(duration);
    report.figure("hashes that the cores can do", possible, 2, "/s", Target::None);
    let answers = storm(&daemon, bench.contents.users, duration)?;
    report.figure("logins", answers.rate(), 2, "/s", Target::None);
    let part = 100.0 * answers.rate() / possible;
    report.figure("part of the possible hashes", part, 1, "%", Target::AtLeast(90.0));

    let p99 = checks_in_storm(bench, &daemon, folder.tenant, duration)?;
    report.figure("token checks during the storm, p99", p99, 3, "ms", Target::AtMost(1.0));
    let eaters = Eaters::start()?;
    let p99 = checks_in_storm(bench, &daemon, folder.tenant, duration)?;
    drop(eaters);
    let what = format!("the same beside {} programs that eat the CPU, p99", cores());
    report.figure(what, p99, 3, "ms", Target::None);
    Ok(())
}

fn quiet(bench: &Bench, report: &mut Report, daemon: &Server, tenant: Uuid) -> Outcome {
    let request = checks(bench.contents.tokens, tenant);
    let answers = Load::paced(daemon.address, CHECKERS, bench.round).run(request)?;
    answers.expect(204)?;
    report.figure(
        "token checks without a storm, p99",
        answers.percentile(0.99),
        3,
        "ms",
        Target::None,
    );
    Ok(())
}

fn storm(daemon: &Server, users: u64, duration: Duration) -> Outcome<Answers> {
    let answers = Load::new(daemon.address, PEOPLE, duration).run(logins(users, PASSWORD))?;
    answers.expect(200)?;
    Ok(answers)
}

fn checks_in_storm(
    bench: &Bench,
    daemon: &Server,
    tenant: Uuid,
    duration: Duration,
) -> Outcome<f64> {
    let request = checks(bench.contents.tokens, tenant);
    let load = Load::paced(daemon.address, CHECKERS, duration);
    std::thread::scope(|scope| {
        let checking = scope.spawn(move || load.run(request));
        storm(daemon, bench.contents.users, duration)?;
        let answers = checking.join().map_err(|_| "the load panicked")??;
        answers.expect(204)?;
        Ok(answers.percentile(0.99))
    })
}

/// What as many threads as cores hash with nothing else to do.
fn hashes_per_second(duration: Duration) -> f64 {
    let started = Instant::now();
    let (count, counted) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..cores() {
            let count = count.clone();
            scope.spawn(move || {
                while started.elapsed() < duration {
                    std::hint::black_box(wazo_auth_password::hash(b"b3nch", &[1; 64]));
                    // The other end lives until all have ended.
                    let _ = count.send(());
                }
            });
        }
    });
    drop(count);
    counted.iter().count() as f64 / started.elapsed().as_secs_f64()
}

/// Programs that do nothing, as fast as they can, one for each core.
struct Eaters(Vec<Child>);

impl Eaters {
    fn start() -> Outcome<Self> {
        let mut eaters = Self(Vec::new());
        for _ in 0..cores() {
            eaters.0.push(Command::new("sh").args(["-c", "while :; do :; done"]).spawn()?);
        }
        Ok(eaters)
    }
}

impl Drop for Eaters {
    fn drop(&mut self) {
        for eater in &mut self.0 {
            let _ = eater.kill();
            let _ = eater.wait();
        }
    }
}
