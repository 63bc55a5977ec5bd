//! A call of a plugin in process: what it costs beyond the plugin's own work.

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
    Args, Candidate, ErrorKind, HostFailure, HostServices, Registry, Settings, TrialOpener,
};
use wazo_auth_work::{Lost, Pool};

use crate::{
    Outcome,
    report::{Report, Target},
};

const CALLS: u32 = 1000;
const ROUNDS: usize = 300;

pub(crate) fn run(library: Option<&Path>, report: &mut Report) -> Outcome {
    report.section("A call of a plugin in process, on a worker, with deadline and slot");
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
    let registry = Arc::new(Registry::load(&settings(folder.path()), Arc::new(Nobody), &Trusted)?);
    let usual = json!({
        "login": "wile", "password": "coyote-1949", "mobile": false, "expiration": 7200,
        "user_agent": "curl/8.5.0", "remote_addr": "192.0.2.7", "access_type": "online",
    });
    let (tell, told) = mpsc::channel();
    let job = move || (cost(&registry, Args::new()), cost(&registry, Args::from_value(usual)));
    let done = move |costs: Result<_, Lost>| drop(tell.send(costs));
    Pool::new("bench", 1, 1).submit(job, done)?;
    let (bare, usual) = told.recv()?.map_err(|_| "the calls were given up")?;
    // The plugin's own work, a look into a map of one, is a part of both.
    report.figure("without arguments", bare?, 3, "us", Target::AtMost(1.0));
    report.figure("with the usual arguments of a login", usual?, 3, "us", Target::AtMost(1.0));
    Ok(())
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

fn settings(folder: &Path) -> Settings {
    let on = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), true)).collect();
    Settings {
        plugin_dirs: vec![folder.to_owned()],
        enabled_backends: on(&["wazo_user", "acme"]),
        enabled_metadata: on(&["default_user", "default_internal", "default_external_api"]),
        ..Settings::default()
    }
}

/// Offers plugins nothing: those that are called here ask for nothing.
struct Nobody;

impl HostServices for Nobody {
    fn call(
        &self,
        _plugin: &str,
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
