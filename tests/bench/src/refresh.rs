//! Logins by refresh token, and by password; token checks meanwhile.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Bench, Kind as Rows, Outcome,
    fill::{CLIENT, Kind, mix, uuid},
    load::Load,
    process::{self, Server},
    report::{Report, Target},
    share::Share,
};

/// Where a second daemon's clients begin among the users: two logins of one user at the
/// same moment would wait for each other.
const OTHERS: u64 = 1 << 32;
/// What a daemon is held to where it is to have a machine of its own, of one core.
const PERCENT: u32 = 25;

/// The requests of applications that refresh their tokens, each of another user; who
/// they are depends on `first`.
pub(crate) fn refreshes(
    users: u64,
    first: u64,
) -> impl Fn(u64, &mut Vec<u8>) + Send + Sync + Clone + 'static {
    move |number, request| {
        let token = uuid(mix(first + number) % users.max(1), Kind::RefreshToken);
        let body = format!("{{\"client_id\": \"{CLIENT}\", \"refresh_token\": \"{token}\"}}");
        post(request, "", &body);
    }
}

/// The requests of people who log in with their password.
pub(crate) fn logins(
    users: u64,
    password: &'static str,
) -> impl Fn(u64, &mut Vec<u8>) + Send + Sync + Clone + 'static {
    move |number, request| {
        let credentials = format!("user-{}:{password}", mix(number) % users.max(1));
        let header = format!("Authorization: Basic {}\r\n", STANDARD.encode(credentials));
        post(request, &header, "{\"expiration\": 60}");
    }
}

pub(crate) fn post(request: &mut Vec<u8>, headers: &str, body: &str) {
    let text = format!(
        "POST /0.1/token HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\
         {headers}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    request.extend_from_slice(text.as_bytes());
}

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    report.section(&format!(
        "Logins by refresh token, {} live tokens, every answer on the disk",
        bench.contents.tokens
    ));
    let folder = bench.filled()?;
    let daemon = Server::start(&mut process::daemon(folder.path(), "")?)?;
    // A daemon that has just started knows none of its users yet.
    let load = Load::new(daemon.address, 25, bench.round * 4);
    let answers = load.run(refreshes(bench.contents.users, 0))?;
    answers.expect(200)?;
    let cold = "  25 connections, first logins after the start";
    report.figure(cold, answers.rate(), 0, "/s", Target::None);
    if bench.kind() == Rows::Postgresql {
        filled(folder.path())?;
    }
    for connections in [1, 25, 100] {
        let before = daemon.cpu()?;
        let load = Load::new(daemon.address, connections, bench.round * 2);
        let answers = load.run(refreshes(bench.contents.users, 0))?;
        answers.expect(200)?;
        let cpu = daemon.cpu()?.saturating_sub(before);
        let at = |what: &str| format!("{connections:>4} connections, {what}");
        let target = match (connections, bench.kind()) {
            (25, Rows::Sqlite) => Target::AtLeast(4000.0),
            (25, Rows::Postgresql) => Target::AtLeast(2000.0),
            _ => Target::None,
        };
        report.figure(at("logins"), answers.rate(), 0, "/s", target);
        let each = cpu.as_secs_f64() * 1e6 / answers.count().max(1) as f64;
        report.figure(at("CPU per login"), each, 0, "us", Target::None);
        report.figure(at("p99"), answers.percentile(0.99), 2, "ms", Target::None);
    }
    if bench.kind() == Rows::Postgresql {
        together(bench, report, folder.path(), &daemon)?;
    }
    Ok(())
}

/// Waits until the daemon of a folder has read the tokens that there are into its
/// memory, which it does beside the first requests.
pub(crate) fn filled(folder: &Path) -> Outcome {
    const PATIENCE: Duration = Duration::from_secs(600);
    let began = Instant::now();
    while !fs::read_to_string(folder.join("wazo-auth.log"))?.contains("live tokens are in memory") {
        if began.elapsed() > PATIENCE {
            return Err("the daemon does not finish reading the tokens".into());
        }
        thread::park_timeout(Duration::from_millis(200));
    }
    Ok(())
}

/// Two daemons on one database, each with its clients: as they are on this machine,
/// which they share with the database and the clients, and each held to a small part of
/// it, as daemons on hosts of their own have no more because there is another one.
fn together(bench: &Bench, report: &mut Report, folder: &Path, first: &Server) -> Outcome {
    let beside = bench.empty()?;
    for name in ["token.key", process::DB_URI] {
        fs::copy(folder.join(name), beside.path().join(name))?;
    }
    let second = Server::start(&mut process::daemon(beside.path(), "")?)?;
    let (users, duration) = (bench.contents.users, bench.round * 2);
    // As the first one was: it knows none of its users yet.
    Load::new(second.address, 25, bench.round * 4).run(refreshes(users, OTHERS))?.expect(200)?;
    filled(beside.path())?;
    let both = [(first, 0), (&second, OTHERS)];
    let rate = rate(&both, users, duration)?;
    report.figure("two daemons, 25 connections each, logins", rate, 0, "/s", Target::None);
    let hold = |server: &Server| Share::hold(server.id(), PERCENT);
    let _shares = match hold(first).and_then(|first| Ok([first, hold(&second)?])) {
        Ok(shares) => shares,
        Err(error) => {
            report.note(format!("(daemons cannot be held to a share of the processor: {error})"));
            return Ok(());
        }
    };
    let alone = self::rate(&both[..1], users, duration)?;
    let name = format!("one daemon with {PERCENT} % of a core, logins");
    report.figure(name, alone, 0, "/s", Target::None);
    let together = self::rate(&both, users, duration)?;
    let name = format!("two daemons with {PERCENT} % of a core each, logins");
    report.figure(name, together, 0, "/s", Target::AtLeast(alone.round()));
    Ok(())
}

/// Logins per second of all these daemons together, each with 25 connections and its
/// users.
fn rate(servers: &[(&Server, u64)], users: u64, duration: Duration) -> Outcome<f64> {
    let rates = thread::scope(|scope| {
        let load = |&(server, first): &(&Server, u64)| {
            let load = Load::new(server.address, 25, duration);
            scope.spawn(move || {
                let answers = load.run(refreshes(users, first))?;
                answers.expect(200)?;
                Outcome::Ok(answers.rate())
            })
        };
        let loads: Vec<_> = servers.iter().map(load).collect();
        let rates = loads.into_iter().map(|load| load.join().map_err(|_| "a load panicked")?);
        rates.collect::<Outcome<Vec<f64>>>()
    });
    Ok(rates?.iter().sum())
}
