//! Slots, queues and deadlines of plugins in real files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use wazo_auth_plugins::{Args, CallError, Registry};
use wazo_auth_work::{Lost, Pool};

use crate::support::{load_configured, options};

fn verify(registry: &Registry, backend: &str, login: &str) -> Result<bool, CallError> {
    registry.backend(backend).unwrap().verify_password(login, "right", &mut Args::new())
}

/// A pipe that a plugin blocks on until something is written to it.
fn pipe(folder: &Path, name: &str) -> PathBuf {
    let pipe = folder.join(name);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    pipe
}

#[test]
fn beyond_slots_and_queue_a_call_is_refused_at_once() {
    let (registry, _daemon, folder) = load_configured("hostile", &["blocks"], |settings| {
        options(settings, "blocks", |blocks| blocks.max_concurrent_calls = 1);
    });
    // One slot and four that wait: of six calls, one is refused.
    let (tell, told) = mpsc::channel();
    let pipes: Vec<_> = (0..6).map(|n| pipe(folder.path(), &n.to_string())).collect();
    for pipe in &pipes {
        let (registry, tell, pipe) = (Arc::clone(&registry), tell.clone(), pipe.clone());
        thread::spawn(move || {
            let result = verify(&registry, "blocks", pipe.to_str().unwrap());
            tell.send((pipe, result)).unwrap();
        });
    }
    let (refused, result) = told.recv().unwrap();
    assert!(matches!(result, Err(CallError::Busy { .. })), "{result:?}");

    for pipe in pipes.into_iter().filter(|pipe| *pipe != refused) {
        thread::spawn(|| fs::write(pipe, "go on").unwrap());
    }
    for _ in 0..5 {
        assert_eq!(told.recv().unwrap().1, Ok(true));
    }
}

#[test]
fn a_call_that_hangs_keeps_its_slot_and_nothing_else() {
    let (registry, _daemon, folder) = load_configured("hostile", &["blocks"], |settings| {
        options(settings, "blocks", |blocks| {
            blocks.max_concurrent_calls = 1;
            blocks.timeout = 0.05;
        });
    });
    let hangs = pipe(folder.path(), "hangs");
    let login = hangs.to_str().unwrap().to_owned();
    let pool = Pool::new("test", 1, 8);
    let on_pool = |login: String| {
        let (registry, (tell, told)) = (Arc::clone(&registry), mpsc::channel());
        let job = move || verify(&registry, "blocks", &login);
        pool.submit(job, move |result| tell.send(result).unwrap()).unwrap();
        told.recv().unwrap()
    };
    assert_eq!(on_pool(login.clone()), Err(Lost::TimedOut));
    let busy = on_pool(login);
    assert!(matches!(busy, Ok(Err(CallError::Busy { .. }))), "{busy:?}");
    assert_eq!(verify(&registry, "wazo_user", "alice"), Ok(false));

    // When it returns at last, the slot can be had again.
    fs::write(&hangs, "go on").unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let file = file.to_str().unwrap();
    while matches!(verify(&registry, "blocks", file), Err(CallError::Busy { .. })) {}
    assert_eq!(verify(&registry, "blocks", file), Ok(true));
}

#[test]
fn while_the_host_serves_a_plugin_its_slot_is_free_and_its_clock_stands_still() {
    let (registry, daemon, _folder) = load_configured("hostile", &["asks"], |settings| {
        options(settings, "asks", |asks| {
            asks.max_concurrent_calls = 1;
            asks.timeout = 0.2;
        });
    });
    // The host takes longer than the deadline, and calls the same plugin.
    let (release, wait) = mpsc::channel::<()>();
    let nested = Arc::clone(&registry);
    *daemon.callback.lock().unwrap() = Some(Box::new(move || {
        assert!(verify(&nested, "asks", "platform.get").unwrap());
        assert!(wait.recv_timeout(Duration::from_millis(600)).is_err());
    }));
    let (tell, told) = mpsc::channel();
    let pool = Pool::new("test", 1, 8);
    let job = move || verify(&registry, "asks", "test.callback");
    pool.submit(job, move |result| tell.send(result).unwrap()).unwrap();
    assert_eq!(told.recv().unwrap(), Ok(Ok(true)));
    drop(release);
}
