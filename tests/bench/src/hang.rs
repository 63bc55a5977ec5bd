//! What a plugin that hangs costs others: token checks and logins by password while
//! as many people as like log in with it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Stdio, thread, time::Duration};

use crate::{
    Bench, Filled, Outcome,
    check::checks,
    fill::{Contents, PASSWORD},
    load::Load,
    process::{self, Server},
    refresh::{logins, post},
    report::{Report, Target},
};

const LIVE: Contents = Contents { tokens: 100_000, users: 10_000 };
/// People who log in with the plugin, again as soon as they are given up.
const VICTIMS: usize = 50;
const PAUSE: Duration = Duration::from_millis(200);
/// Those who check tokens, and those who log in by password.
const CHECKERS: usize = 4;
const PEOPLE: usize = 8;

/// Where the plugin runs, if anybody uses it.
#[derive(Clone, Copy)]
enum Hanging {
    Nowhere,
    InProcess,
    InCage,
}

/// What others got.
struct Others {
    /// Milliseconds within which 99 of 100 token checks were answered.
    checks: f64,
    /// Logins by password per second.
    logins: f64,
}

pub(crate) fn run(bench: &Bench, library: Option<&Path>, report: &mut Report) -> Outcome {
    report.section("Token checks and logins by password beside a plugin that hangs");
    let Some(library) = library else {
        report.note("--hanging names no libacts.so: not measured");
        return Ok(());
    };
    let small = Bench::new(LIVE, bench.round, 1);
    let folder = small.filled()?;
    let mut measured = Vec::new();
    for hanging in [Hanging::Nowhere, Hanging::InProcess, Hanging::InCage] {
        let rounds = (0..bench.rounds).map(|_| others(&folder, bench.round, library, hanging));
        let rounds = rounds.collect::<Outcome<Vec<_>>>()?;
        let of = |value: fn(&Others) -> f64| median(rounds.iter().map(value).collect());
        measured
            .push(Others { checks: of(|round| round.checks), logins: of(|round| round.logins) });
    }
    let [alone, beside @ ..] = &*measured else { return Ok(()) };
    report.figure("p99 of token checks, nothing hangs", alone.checks, 3, "ms", Target::None);
    report.figure("logins by password, nothing hangs", alone.logins, 2, "/s", Target::None);
    for (others, place) in beside.iter().zip(["in process", "in a cage"]) {
        let name = |what: &str| format!("it hangs {place}: {what}");
        report.figure(name("p99 of token checks"), others.checks, 3, "ms", Target::None);
        let times = others.checks / alone.checks;
        report.figure(name("the same, times"), times, 2, "", Target::AtMost(1.25));
        report.figure(name("logins by password"), others.logins, 2, "/s", Target::None);
        let part = 100.0 * others.logins / alone.logins;
        report.figure(name("part of the logins"), part, 1, "%", Target::AtLeast(90.0));
    }
    Ok(())
}

fn others(folder: &Filled, round: Duration, library: &Path, hanging: Hanging) -> Outcome<Others> {
    let mut command = process::daemon(folder.path(), "")?;
    let plugin = folder.path().join("plugins").join("libacts.so");
    fs::copy(library, &plugin)?;
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o644))?;
    let isolation = if matches!(hanging, Hanging::InCage) { "process" } else { "in_process" };
    fs::write(
        folder.path().join("conf.d").join("hang.yml"),
        format!(
            "enabled_backend_plugins: {{acts: true}}\n\
             plugins:\n  acts:\n    isolation: {isolation}\n    timeout: 2\n    \
             config: {{in_new: succeed, in_call: hang}}\n"
        ),
    )?;
    // Each of them is told there.
    let daemon = Server::start_telling(&mut command, Stdio::null())?;
    let (round, storm) = (round.max(Duration::from_secs(3)), Duration::from_secs(8));
    thread::scope(|scope| {
        if !matches!(hanging, Hanging::Nowhere) {
            let all = Load::new(daemon.address, VICTIMS, round + storm);
            let victims = Load { pause: Some(PAUSE), ..all };
            // None of them is let in: that is not what is measured.
            scope.spawn(move || drop(victims.run(hangs)));
        }
        let load = Load::paced(daemon.address, CHECKERS, round);
        let checked = load.run(checks(LIVE.tokens, folder.tenant))?;
        checked.expect(204)?;
        let load = Load::new(daemon.address, PEOPLE, storm);
        let logged_in = load.run(logins(LIVE.users, PASSWORD))?;
        logged_in.expect(200)?;
        Ok(Others { checks: checked.percentile(0.99), logins: logged_in.rate() })
    })
}

fn hangs(_: u64, request: &mut Vec<u8>) {
    // user:password
    let header = "Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n";
    post(request, header, "{\"backend\": \"acts\"}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
