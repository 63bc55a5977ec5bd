//! Lists, and what a large tree of tenants costs.

use std::path::Path;

use uuid::Uuid;

use crate::{
    Bench, Outcome,
    check::checks,
    fill::{self, Contents},
    load::{Load, Until},
    process::{self, Server},
    report::{Report, Target},
};

const USERS: u64 = 1000;
const TENANTS: u64 = 5000;
/// What the original lists per second (10 of 1,000 users), and how many times
/// that is asked for.
const ORIGINAL_RATE: f64 = 178.0;
const TIMES: f64 = 50.0;
/// Requests of which each is a large answer, or a write.
const FEW: u64 = 50;

pub(crate) fn run(bench: &Bench, report: &mut Report) -> Outcome {
    report.section(&format!("Lists: {USERS} users, then {TENANTS} tenants with two groups each"));
    let (few, many) = (bench.empty()?, bench.empty()?);
    let contents = Contents { tokens: USERS, users: USERS };
    let tenant = fill::fill(few.path(), contents)?;
    let top = fill::fill(many.path(), contents)?;
    fill::add_tenants(many.path(), TENANTS)?;
    let (small, admin) = serve(few.path())?;
    list_users(bench, report, &small, admin)?;
    let (large, admin) = serve(many.path())?;
    tenants(report, &large, admin)?;
    let ratio = compare_checks(bench, &small, tenant, &large, top)?;
    let what = format!("token checks with {TENANTS} tenants, part of those without");
    report.figure(what, ratio * 100.0, 1, "%", Target::AtLeast(95.0));
    Ok(())
}

fn serve(folder: &Path) -> Outcome<(Server, Uuid)> {
    let admin = fill::add_administrator(folder)?;
    Ok((Server::start(&mut process::daemon(folder, "")?)?, admin))
}

fn list_users(bench: &Bench, report: &mut Report, daemon: &Server, admin: Uuid) -> Outcome {
    let list = get(admin, "/0.1/users?limit=10");
    Load::new(daemon.address, 25, bench.round / 4).run(list.clone())?.expect(200)?;
    let before = daemon.cpu()?;
    let answers = Load::new(daemon.address, 25, bench.round * 2).run(list)?;
    answers.expect(200)?;
    let cpu = daemon.cpu()?.saturating_sub(before);
    let target = Target::AtLeast(TIMES * ORIGINAL_RATE);
    report.figure("10 of 1,000 users, 25 connections", answers.rate(), 0, "/s", target);
    let each = cpu.as_secs_f64() * 1e6 / answers.count().max(1) as f64;
    report.figure("CPU per list", each, 0, "us", Target::None);
    report.figure("p99", answers.percentile(0.99), 2, "ms", Target::None);
    Ok(())
}

fn tenants(report: &mut Report, daemon: &Server, admin: Uuid) -> Outcome {
    let few =
        Load { until: Until::Answered(FEW), ..Load::new(daemon.address, 1, Default::default()) };
    let all = few.run(get(admin, "/0.1/tenants"))?;
    all.expect(200)?;
    let target = Target::AtMost(100.0);
    report.figure("all 5,000 tenants, 1 connection, p90", all.percentile(0.9), 1, "ms", target);
    let made = few.run(move |number, request| {
        let body = format!("{{\"name\": \"New {number}\"}}");
        let text = format!(
            "POST /0.1/tenants HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {admin}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        request.extend_from_slice(text.as_bytes());
    })?;
    made.expect(200)?;
    let target = Target::AtMost(10.0);
    report.figure("create one more, 1 connection, p90", made.percentile(0.9), 1, "ms", target);
    Ok(())
}

fn get(
    admin: Uuid,
    path: &'static str,
) -> impl Fn(u64, &mut Vec<u8>) + Send + Sync + Clone + 'static {
    move |_, request| {
        let text =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {admin}\r\n\r\n");
        request.extend_from_slice(text.as_bytes());
    }
}

/// The rate of checks of the second daemon, as part of that of the first: in
/// turns, so that what disturbs the machine disturbs both.
fn compare_checks(
    bench: &Bench,
    first: &Server,
    tenant: Uuid,
    second: &Server,
    other: Uuid,
) -> Outcome<f64> {
    const TURNS: u32 = 12;
    let mut ratios = Vec::new();
    for _ in 0..TURNS {
        let turn = bench.round / TURNS;
        let one = Load::new(first.address, 25, turn).run(checks(USERS, tenant))?;
        let two = Load::new(second.address, 25, turn).run(checks(USERS, other))?;
        ratios.push(two.rate() / one.rate());
    }
    ratios.sort_by(f64::total_cmp);
    Ok(ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN))
}
