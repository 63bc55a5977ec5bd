//! Does the time of a refused login tell why it was refused? `scripts/oracle`
//! runs this.
//!
//! Measured is `Services::create_token`, all of a login but HTTP, with hashes of
//! one round instead of 250,000: those take 130 ms give or take more than what
//! is looked for, which they would hide from us, not from somebody patient.
//! Each refusal is compared with that of a wrong password by Welch's t-test,
//! also on the samples below several percentiles, where less noise is (as
//! dudect does; beyond 4.5 the times differ, not by chance).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement stops at the first surprise"
)]

use std::{path::Path, process::ExitCode, time::Instant};

use wazo_auth_service::{
    login::{LoginError, LoginRequest},
    users::NewUser,
};
use wazo_auth_tests::in_process::{InProcess, login_request};

const SAMPLES: usize = 100_000;
const PASSWORD: &str = "the-right-one";
const WRONG: &str = "the-wrong-one";
/// Beyond this, a difference is no accident.
const LIMIT: f64 = 4.5;
/// The shares of samples that are kept, the quickest first.
const CROPS: [f64; 4] = [1.0, 0.99, 0.9, 0.5];

/// A way to be refused, and the request.
struct Case {
    name: &'static str,
    request: LoginRequest,
    /// Nanoseconds.
    times: Vec<f64>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let plugins = arguments.next().expect("the folder of the plugins");
    let samples = arguments.next().map_or(SAMPLES, |text| text.parse().expect("a number"));
    let libraries = ["wazo_user", "default_user", "default_internal"]
        .map(|name| Path::new(&plugins).join(format!("lib{name}.so")));
    let host = InProcess::start(&libraries, &[]);
    let mut cases = cases(&host);
    measure(&host, &mut cases, samples);
    let (base, others) = cases.split_first_mut().unwrap();
    println!("\n{samples} logins of each kind, against those with a wrong password:\n");
    println!("{:<38} {:>10} {:>8}  t of the quickest 100, 99, 90, 50 %", "", "median", "spread");
    row(base, "");
    let mut worst: f64 = 0.0;
    for case in others {
        let mut all = [&base.times[..], &case.times].concat();
        all.sort_by(f64::total_cmp);
        let ts = CROPS.map(|crop| {
            let most = all[(all.len() as f64 * crop) as usize - 1];
            welch(&below(&base.times, most), &below(&case.times, most))
        });
        worst = ts.iter().fold(worst, |worst, t| worst.max(t.abs()));
        row(case, &ts.map(|t| format!("{t:8.2}")).concat());
    }
    if worst < LIMIT {
        println!("\nNo difference found (|t| < {LIMIT}).");
        ExitCode::SUCCESS
    } else {
        println!("\nThe times differ: |t| is {worst:.1}, not below {LIMIT}.");
        ExitCode::FAILURE
    }
}

fn cases(host: &InProcess) -> Vec<Case> {
    let tenant = host.services.top_tenant();
    let user = |name: &str, enabled: bool| NewUser {
        uuid: None,
        username: Some(name.to_owned()),
        firstname: None,
        lastname: None,
        purpose: "user".to_owned(),
        authentication_method: None,
        enabled,
        password: Some(PASSWORD.to_owned()),
        email_address: None,
    };
    for (name, enabled) in [("alice", true), ("carol", false), ("peter", true)] {
        host.services.create_user(tenant, user(name, enabled)).unwrap();
    }
    host.run("UPDATE auth_user SET authentication_method = 'ldap' WHERE username = 'peter'");
    [
        ("wrong password of a known user", "alice", WRONG),
        ("again, to see the noise", "alice", WRONG),
        ("unknown user", "maria", WRONG),
        ("disabled user, right password", "carol", PASSWORD),
        ("wrong method, right password", "peter", PASSWORD),
    ]
    .map(|(name, login, password)| Case {
        name,
        request: login_request("wazo_user", login, password),
        times: Vec::new(),
    })
    .into()
}

/// Logs in in random order, so that whatever else goes on hits all alike.
fn measure(host: &InProcess, cases: &mut [Case], samples: usize) {
    let context = host.services.context().clone();
    let total = samples * cases.len();
    // The first ones warm everything up.
    let warm_up = samples / 10;
    for done in 0..total + warm_up {
        let left = |case: &&mut Case| case.times.len() < samples;
        let count = cases.iter_mut().filter(left).count();
        let chosen = u32::from_le_bytes(context.random()) as usize % count.max(1);
        let Some(case) = cases.iter_mut().filter(left).nth(chosen) else { break };
        // A copy: where a request lies in memory is worth a microsecond.
        let request = case.request.clone();
        let started = Instant::now();
        let result = host.services.create_token(&request);
        let time = started.elapsed();
        assert!(matches!(result, Err(LoginError::Refused(_))), "{}: {result:?}", case.name);
        if done >= warm_up {
            case.times.push(time.as_nanos() as f64);
        }
        if (done + 1) % (total / 10).max(1) == 0 {
            eprintln!("{} of {total} logins", done + 1);
        }
    }
}

fn row(case: &mut Case, rest: &str) {
    case.times.sort_by(f64::total_cmp);
    let at = |share: f64| case.times[(case.times.len() as f64 * share) as usize] / 1000.0;
    println!("{:<38} {:>7.1} µs {:>5.1} µs  {rest}", case.name, at(0.5), at(0.75) - at(0.25));
}

/// The times up to a limit.
fn below(times: &[f64], most: f64) -> Vec<f64> {
    times.iter().copied().filter(|time| *time <= most).collect()
}

/// Welch's t: how many standard errors lie between two means.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let (mean_one, error_one) = mean_and_error(one);
    let (mean_other, error_other) = mean_and_error(other);
    (mean_other - mean_one) / (error_one + error_other).sqrt()
}

/// The mean and its squared standard error.
fn mean_and_error(times: &[f64]) -> (f64, f64) {
    let count = times.len() as f64;
    let mean = times.iter().sum::<f64>() / count;
    let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}
