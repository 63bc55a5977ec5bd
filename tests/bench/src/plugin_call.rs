//! A call of a plugin, in process and in a process of its own: what it costs
//! beyond the plugin's own work.

use std::{
    fs,
    hint::black_box,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, mpsc},
    time::Instant,
};

use serde_json::json;
use wazo_auth_plugins::{
    Args, Caller, Candidate, ErrorKind, HostFailure, HostServices, Isolation, PluginOptions,
    Registry, Settings, TrialOpener,
};
use wazo_auth_work::{Lost, Pool};

use crate::{
    Outcome,
    report::{Report, Target},
};

const CALLS: u32 = 1000;
const ROUNDS: usize = 300;

/// Calls of a plugin in a process of its own, each one timed.
const CAGED: usize = 50_000;

pub(crate) fn run(library: Option<&Path>, report: &mut Report) -> Outcome {
    report.section("A call of a plugin, on a worker, with deadline and slot");
    let Some(library) = library else {
        report.note("--plugin names no libacme_auth.so: not measured");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    for file in fs::read_dir(crate::programs()?)?.map(|entry| entry.map(|entry| entry.path())) {
        let file = file?;
        if file.extension() == Some("so".as_ref()) {
            install(&file, folder.path())?;
        }
    }
    install(library, folder.path())?;
    // The plugin's own work, a look into a map of one, is a part of all.
    let registry = load(folder.path(), Isolation::InProcess)?;
    let (bare, usual) = on_a_worker(move || {
        Ok((cost(&registry, Args::new())?, cost(&registry, usual_arguments())?))
    })?;
    report.figure("in process, without arguments", bare, 3, "us", Target::AtMost(1.0));
    report.figure("in process, with the usual arguments", usual, 3, "us", Target::AtMost(1.0));
    let registry = load(folder.path(), Isolation::Process)?;
    let times = on_a_worker(move || times_in_a_cage(&registry))?;
    let at = |share: f64| times[(share * (times.len() - 1) as f64) as usize];
    report.figure("in a cage, with the same, p50", at(0.5), 1, "us", Target::AtMost(100.0));
    report.figure("in a cage, p99", at(0.99), 1, "us", Target::None);
    Ok(())
}

fn usual_arguments() -> Args {
    Args::from_value(json!({
        "login": "wile", "password": "coyote-1949", "mobile": false, "expiration": 7200,
        "user_agent": "curl/8.5.0", "remote_addr": "192.0.2.7", "access_type": "online",
    }))
}

fn on_a_worker<T: Send + 'static>(
    work: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    let (tell, told) = mpsc::channel();
    let work = move || work().map_err(|error| error.to_string());
    let done = move |result: Result<_, Lost>| drop(tell.send(result));
    Pool::new("bench", 1, 1).submit(work, done)?;
    Ok(told.recv()?.map_err(|_| "the calls were given up")??)
}

/// Microseconds of each call, the least first.
fn times_in_a_cage(registry: &Registry) -> Outcome<Vec<f64>> {
    let acme = registry.backend("acme").ok_or("the plugin `acme` was not loaded")?;
    let mut args = usual_arguments();
    let mut times = Vec::with_capacity(CAGED);
    for _ in 0..CAGED {
        let started = Instant::now();
        if !acme.verify_password("wile", "coyote-1949", &mut args)? {
            return Err("the plugin refused the right password".into());
        }
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// Microseconds of one call: those of the quickest round, which nothing disturbed.
fn cost(registry: &Registry, mut args: Args) -> Outcome<f64> {
    let acme = registry.backend("acme").ok_or("the plugin `acme` was not loaded")?;
    let mut least = f64::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..CALLS {
            if !black_box(acme.verify_password("wile", "coyote-1949", &mut args)?) {
                return Err("the plugin refused the right password".into());
            }
        }
        least = least.min(started.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    Ok(least)
}

fn install(file: &Path, folder: &Path) -> Outcome {
    let there = folder.join(file.file_name().ok_or("a library without a name")?);
    fs::copy(file, &there)?;
    Ok(fs::set_permissions(&there, fs::Permissions::from_mode(0o644))?)
}

fn load(folder: &Path, isolation: Isolation) -> Outcome<Registry> {
    let on = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), true)).collect();
    let options = PluginOptions { isolation, ..PluginOptions::default() };
    let settings = Settings {
        plugin_dirs: vec![folder.to_owned()],
        enabled_backends: on(&["wazo_user", "acme"]),
        enabled_metadata: on(&["default_user", "default_internal", "default_external_api"]),
        plugins: [("acme".to_owned(), options)].into_iter().collect(),
        worker_program: Some(crate::programs()?.join("wazo-auth")),
        ..Settings::default()
    };
    Ok(Registry::load(&settings, Arc::new(Nobody), &Trusted)?)
}

/// Offers plugins nothing: those that are called here ask for nothing.
struct Nobody;

impl HostServices for Nobody {
    fn call(
        &self,
        _caller: &Caller,
        _service: &str,
        _head: &str,
        _body: &[u8],
    ) -> Result<(String, Vec<u8>), HostFailure> {
        Err(HostFailure { kind: ErrorKind::Unsupported, text: "not in a benchmark".to_owned() })
    }
}

/// Needs no other process to open what was built here.
struct Trusted;

impl TrialOpener for Trusted {
    fn try_open(&self, _candidate: &Candidate<'_>) -> Result<(), String> {
        Ok(())
    }
}
