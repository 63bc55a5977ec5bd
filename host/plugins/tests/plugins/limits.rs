//! Slots, queues and deadlines of plugins in real files.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use serde_json::json;
use wazo_auth_plugins::{Args, CallError, PluginState, Registry};
use wazo_auth_work::{Lost, Pool};

use crate::support::{folder, load_configured, log, options};

fn verify(registry: &Registry, backend: &str, login: &str) -> Result<bool, CallError> {
    registry.backend(backend).unwrap().verify_password(login, "right", &mut Args::new())
}

/// A pipe that a plugin blocks on until something is written to it.
fn pipe(folder: &Path, name: &str) -> PathBuf {
    let pipe = folder.join(name);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    pipe
}

/// Calls backends on the workers of a pool.
struct Workers {
    pool: Arc<Pool>,
    registry: Arc<Registry>,
}

type Answer = Result<Result<bool, CallError>, Lost>;

impl Workers {
    fn new(number: usize, registry: &Arc<Registry>) -> Self {
        Self { pool: Pool::new("test", number, 8), registry: Arc::clone(registry) }
    }

    fn begin(&self, backend: &'static str, login: &str) -> mpsc::Receiver<Answer> {
        let (registry, login) = (Arc::clone(&self.registry), login.to_owned());
        let (tell, told) = mpsc::channel();
        let job = move || verify(&registry, backend, &login);
        // A test may end before its last answer.
        self.pool.submit(job, move |result| drop(tell.send(result))).unwrap();
        told
    }

    fn verify(&self, backend: &'static str, login: &str) -> Answer {
        self.begin(backend, login).recv().unwrap()
    }
}

#[test]
fn beyond_slots_and_queue_a_call_is_refused() {
    let (registry, _daemon, folder) = load_configured("hostile", &["blocks"], |settings| {
        options(settings, "blocks", |blocks| blocks.max_concurrent_calls = 1);
    });
    let pipe = pipe(folder.path(), "pipe");
    let workers = Workers::new(4, &registry);
    let held = workers.begin("blocks", pipe.to_str().unwrap());
    // Opens when the plugin does.
    let mut release = File::options().write(true).open(&pipe).unwrap();
    // One may wait, and not for long, the other not even that.
    let others = [(); 2].map(|()| workers.begin("blocks", "/"));
    for other in others {
        let answer = other.recv().unwrap();
        let Ok(Err(CallError::Busy { text, .. })) = &answer else { panic!("{answer:?}") };
        assert!(text.ends_with("are taken, 0 of them by calls that did not return in time"));
    }
    release.write_all(b"go on").unwrap();
    drop(release);
    assert_eq!(held.recv().unwrap(), Ok(Ok(true)));
}

#[test]
fn a_plugin_whose_slots_hang_does_not_keep_the_workers_from_others() {
    // No call waits for a slot as long as it may take.
    let (registry, _daemon, folder) = load_configured("hostile", &["blocks"], |settings| {
        options(settings, "blocks", |blocks| {
            blocks.max_concurrent_calls = 2;
            blocks.timeout = 20.0;
        });
    });
    let workers = Workers::new(4, &registry);
    let held = ["one", "two"].map(|name| {
        let pipe = pipe(folder.path(), name);
        let answer = workers.begin("blocks", pipe.to_str().unwrap());
        // Opens when the plugin does.
        (answer, File::options().write(true).open(&pipe).unwrap())
    });
    let others = [(); 4].map(|()| workers.begin("blocks", "/"));
    let begin = Instant::now();
    assert_eq!(workers.verify("wazo_user", "alice"), Ok(Ok(false)));
    assert!(begin.elapsed() < Duration::from_secs(15));
    for other in others {
        let answer = other.recv().unwrap();
        assert!(matches!(answer, Ok(Err(CallError::Busy { .. }))), "{answer:?}");
    }
    for (answer, release) in held {
        drop(release);
        assert_eq!(answer.recv().unwrap(), Ok(Ok(false)));
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
    let workers = Workers::new(1, &registry);
    assert_eq!(workers.verify("blocks", &login), Err(Lost::TimedOut));
    let busy = workers.verify("blocks", &login);
    let Ok(Err(CallError::Busy { text, .. })) = &busy else { panic!("{busy:?}") };
    assert!(text.ends_with("1 of them by calls that did not return in time"), "{text}");
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
    let workers = Workers::new(1, &registry);
    assert_eq!(workers.verify("asks", "test.callback"), Ok(Ok(true)));
    drop(release);
}

#[test]
fn a_plugin_that_does_not_start_does_not_keep_the_daemon() {
    let fifos = folder();
    let pipe = pipe(fifos.path(), "pipe");
    let (registry, _daemon, _folder) =
        load_configured("hostile", &["blocks_in_new", "asks"], |settings| {
            options(settings, "blocks_in_new", |blocks| {
                blocks.timeout = 0.05;
                blocks.config = json!({"file": pipe});
            });
        });
    assert!(registry.backend("asks").is_some());
    assert!(registry.backend("blocks_in_new").is_none());
    assert!(registry.backend_names().any(|name| name == "blocks_in_new"));
    let report = registry.report().into_iter().find(|report| report.name == "blocks_in_new");
    let report = report.unwrap();
    assert_eq!(report.state, PluginState::Unusable);
    let reason = "its constructor did not return within 0.05 s; \
                  raise plugins.blocks_in_new.timeout if that is too short for it, \
                  otherwise tell its author";
    assert_eq!(report.reason.as_deref(), Some(reason));
    let starting = |line: &String| {
        line.starts_with("DEBUG wazo_auth.plugins starting backend plugin `blocks_in_new` ")
    };
    assert!(log::lines().iter().any(starting));

    // It may end now.
    fs::write(&pipe, "go on").unwrap();
}
