//! A plugin as it is shipped: optimised, linked as a whole, stripped.

use std::{
    hint::black_box,
    path::PathBuf,
    sync::{Arc, mpsc},
    time::Instant,
};

use serde_json::json;
use wazo_auth_plugins::{Args, Backend, inspect};
use wazo_auth_work::{Lost, Pool};

use crate::support::{
    cargo, folder, install, install_stock, load, settings, target_dir, workspace,
};

fn shipped_acme() -> PathBuf {
    let options = [
        "--config=profile.release.lto=\"fat\"",
        "--config=profile.release.strip=true",
        "--config=profile.release.opt-level=3",
    ];
    let target = target_dir().join("shipped");
    let dir = workspace().join("tests/third-party/acme_auth");
    cargo(&["build", "--quiet", "--release"], options, &dir, &target);
    target.join("release/libacme_auth.so")
}

/// Nanoseconds of one call, the least of many rounds: what it costs when
/// nothing else disturbs.
fn cost(backend: &Backend, args: &mut Args) -> u128 {
    let round = |args: &mut Args| {
        let start = Instant::now();
        for _ in 0..1000 {
            black_box(backend.verify_password("wile", "coyote-1949", args).unwrap());
        }
        start.elapsed().as_nanos() / 1000
    };
    (0..200).map(|_| round(args)).min().unwrap()
}

#[test]
#[ignore = "builds with full optimisation, a minute; for the cost use --release"]
fn it_loads_and_a_call_costs_less_than_a_microsecond() {
    let folder = folder();
    install_stock(folder.path());
    let file = install(&shipped_acme(), folder.path(), "libacme_auth.so");
    inspect(&file).unwrap().fits_in_process().unwrap();
    let (registry, _daemon) = load(&settings(folder.path(), &["acme"])).unwrap();
    let acme = registry.backend("acme").unwrap();
    assert!(acme.verify_password("wile", "coyote-1949", &mut Args::new()).unwrap());

    let usual = json!({
        "login": "wile", "password": "coyote-1949", "mobile": false, "expiration": 7200,
        "user_agent": "curl/8.5.0", "remote_addr": "192.0.2.7", "access_type": "online",
    });
    // On a pool's thread, where the deadline is watched.
    let (tell, told) = mpsc::channel();
    let measured = Arc::clone(&registry);
    let measure = move || {
        let acme = measured.backend("acme").unwrap();
        (cost(acme, &mut Args::new()), cost(acme, &mut Args::from_value(usual)))
    };
    let done = move |costs: Result<_, Lost>| tell.send(costs.unwrap()).unwrap();
    Pool::new("test", 1, 1).submit(measure, done).unwrap();
    let (bare, usual) = told.recv().unwrap();
    println!("a call: {bare} ns, with the usual arguments {usual} ns");
    if !cfg!(debug_assertions) {
        assert!(bare < 1000, "{bare} ns");
    }
}
