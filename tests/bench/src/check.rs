//! Token checks: `HEAD /token/…?scope=…&tenant=…`, tokens asked at random.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    Bench, Kind as Rows, Outcome,
    fill::{Kind, granted, mix, uuid},
    load::{Answers, Load},
    process::{self, Server},
    refresh::filled,
    report::{Report, Target},
};

/// The requests of a check: each asks for another token, what it grants, and
/// its tenant.
pub(crate) fn checks(
    tokens: u64,
    tenant: Uuid,
) -> impl Fn(u64, &mut Vec<u8>) + Send + Sync + Clone + 'static {
    move |number, request| {
        let token = mix(number) % tokens.max(1);
        let (value, scope) = (uuid(token, Kind::Token), granted(token));
        let line = format!(
            "HEAD /0.1/token/{value}?scope={scope}&tenant={tenant} HTTP/1.1\r\n\
             Host: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
        );
        request.extend_from_slice(line.as_bytes());
    }
}

/// A round is cut into so many turns of the two servers: what disturbs the
/// machine for a moment disturbs few of them, and both servers alike.
const TURNS: u32 = 6;

/// One server under one load, for a short time.
struct Measured {
    count: f64,
    rate: f64,
    cpu: Duration,
    p50: f64,
    p99: f64,
}

/// All turns of a server under a load.
#[derive(Default)]
struct Turns(Vec<Measured>);

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    report.section(&format!(
        "Token checks: HEAD with scope and tenant, {} live tokens of {} users, asked at random",
        bench.contents.tokens, bench.contents.users
    ));
    let folder = bench.filled()?;
    let daemon = Server::start(&mut process::daemon(folder.path(), "")?)?;
    let bare = bench.bare()?;
    if bench.kind() == Rows::Sqlite {
        memory(bench, report, &daemon)?;
    } else {
        // On a server, tokens are read by and by.
        filled(folder.path())?;
    }
    let request = checks(bench.contents.tokens, folder.tenant);
    // Pages and branches get warm.
    let warm = Load::new(daemon.address, 25, bench.round);
    warm.run(request.clone())?.expect(204)?;
    let turn = bench.round / TURNS;
    for connections in [1, 25, 100] {
        let (mut bares, mut daemons) = (Turns::default(), Turns::default());
        for _ in 0..bench.rounds * TURNS as usize {
            bares.0.push(measure(&bare, connections, turn, request.clone())?);
            daemons.0.push(measure(&daemon, connections, turn, request.clone())?);
        }
        print(report, connections, &bares, &daemons);
    }
    Ok(())
}

fn memory(bench: &Bench, report: &mut Report, daemon: &Server) -> Outcome {
    let empty = bench.empty()?;
    let without = Server::start(&mut process::daemon(empty.path(), "")?)?;
    let bytes = daemon.memory()?.saturating_sub(without.memory()?);
    let each = bytes as f64 / bench.contents.tokens.max(1) as f64;
    report.figure(
        "memory per live token, index of users included",
        each,
        0,
        "bytes",
        Target::AtMost(300.0),
    );
    Ok(())
}

fn measure(
    server: &Server,
    connections: usize,
    round: Duration,
    request: impl Fn(u64, &mut Vec<u8>) + Send + Sync + 'static,
) -> Outcome<Measured> {
    let before = server.cpu()?;
    let answers: Answers = Load::new(server.address, connections, round).run(request)?;
    answers.expect(204)?;
    let cpu = server.cpu()?.saturating_sub(before);
    Ok(Measured {
        count: answers.count() as f64,
        rate: answers.rate(),
        cpu,
        p50: answers.percentile(0.5),
        p99: answers.percentile(0.99),
    })
}

// === impl Turns ===

impl Turns {
    fn median(&self, key: fn(&Measured) -> f64) -> f64 {
        median(self.0.iter().map(key).collect())
    }

    /// Microseconds per request.
    fn cpu(&self) -> f64 {
        let cpu: f64 = self.0.iter().map(|turn| turn.cpu.as_secs_f64()).sum();
        let count: f64 = self.0.iter().map(|turn| turn.count).sum();
        cpu * 1e6 / count.max(1.0)
    }

    /// Its rate as a part of the other's, turn by turn.
    fn part_of(&self, other: &Self) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(own, other)| own.rate / other.rate).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(report: &mut Report, connections: usize, bare: &Turns, daemon: &Turns) {
    let line = |name: &str, turns: &Turns| {
        let (rate, cpu) = (turns.median(|turn| turn.rate), turns.cpu());
        let (p50, p99) = (turns.median(|turn| turn.p50), turns.median(|turn| turn.p99));
        format!(
            "{connections:>4} connections, {name:<11}: {rate:>7.0}/s, {cpu:>5.2} us CPU per request, \
             p50 {p50:.3} ms, p99 {p99:.3} ms"
        )
    };
    report.note(line("bare hyper", bare));
    report.note(line("wazo-auth", daemon));
    let at = |what: &str| format!("{connections:>4} connections, {what}");
    let part = 100.0 * daemon.part_of(bare);
    report.figure(at("part of bare hyper's rate"), part, 1, "%", Target::AtLeast(85.0));
    report.figure(at("CPU per request"), daemon.cpu(), 2, "us", Target::AtMost(8.0));
    // On the machine where 8 us was asked for, bare hyper took 3.8.
    let beyond = daemon.cpu() - bare.cpu();
    report.figure(at("CPU per request beyond bare hyper"), beyond, 2, "us", Target::AtMost(4.2));
}
