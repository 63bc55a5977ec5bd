//! Records end where they belong: real files, real pipes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use log::{Level as Crate, Log, Record};
use wazo_auth_context::{Clock, Context, Environment, Random};
use wazo_auth_log::{Handle, Level, LogOptions, Logger, open_file};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2026-11-21T17:27:05.319Z".parse().unwrap()
    }
}

impl Random for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn context() -> Context {
    let environment = Environment { xivo_uuid: None, time_zone: TimeZone::UTC };
    Context::new(Arc::new(Still), Arc::new(Still), environment)
}

/// A log with its three destinations.
struct Bench {
    logger: Logger,
    handle: Handle,
    dir: tempfile::TempDir,
    stdout: PipeReader,
    stderr: PipeReader,
}

impl Bench {
    fn new(level: Level) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (stdout, stdout_end) = std::io::pipe().unwrap();
        let (stderr, stderr_end) = std::io::pipe().unwrap();
        let (logger, handle) = Logger::new(LogOptions {
            level,
            file: Some(open_file(&dir.path().join("wazo-auth.log")).unwrap()),
            stdout: Some(File::from(OwnedFd::from(stdout_end))),
            stderr: Some(File::from(OwnedFd::from(stderr_end))),
            syslog: false,
            context: context(),
        })
        .unwrap();
        Self { logger, handle, dir, stdout, stderr }
    }

    fn log(&self, level: Crate, target: &str, message: &str) {
        self.logger.log(
            &Record::builder().level(level).target(target).args(format_args!("{message}")).build(),
        );
    }

    /// What file, stdout and stderr hold, each without the parts before the level.
    fn finish(self) -> [Vec<String>; 3] {
        let file = fs::read_to_string(self.dir.path().join("wazo-auth.log")).unwrap();
        let Self { logger, handle, mut stdout, mut stderr, .. } = self;
        drop((logger, handle));
        let (mut out, mut err) = (String::new(), String::new());
        stdout.read_to_string(&mut out).unwrap();
        stderr.read_to_string(&mut err).unwrap();
        [file, out, err].map(|text| {
            text.lines().map(|line| line.split_once("] (").unwrap().1.to_owned()).collect()
        })
    }
}

#[test]
fn the_file_gets_all_and_the_streams_share() {
    let bench = Bench::new(Level::Debug);
    bench.log(Crate::Trace, "wazo_auth.a", "trace");
    bench.log(Crate::Debug, "wazo_auth.a", "debug");
    bench.log(Crate::Info, "wazo-auth", "info");
    bench.log(Crate::Warn, "wazo_auth.a", "warning");
    bench.log(Crate::Error, "wazo_auth.a", "error");
    bench.log(Crate::Error, "wazo_auth.a!critical", "critical");
    let [file, stdout, stderr] = bench.finish();
    let below = [
        "DEBUG) (wazo_auth.a): trace",
        "DEBUG) (wazo_auth.a): debug",
        "INFO) (wazo-auth): info",
        "WARNING) (wazo_auth.a): warning",
    ];
    let above = ["ERROR) (wazo_auth.a): error", "CRITICAL) (wazo_auth.a): critical"];
    assert_eq!(stdout, below);
    assert_eq!(stderr, above);
    assert_eq!(file, [&below[..], &above[..]].concat());
}

#[test]
fn libraries_are_heard_from_warning_on() {
    let bench = Bench::new(Level::Debug);
    bench.log(Crate::Info, "hyper::proto", "connection opened");
    bench.log(Crate::Debug, "rustls::client", "hello");
    bench.log(Crate::Warn, "rustls::client", "odd");
    bench.log(Crate::Info, "STDOUT", "printed");
    bench.log(Crate::Debug, "wazo_auth.plugins.acme", "looked up");
    let [file, ..] = bench.finish();
    assert_eq!(
        file,
        [
            "WARNING) (rustls::client): odd",
            "INFO) (STDOUT): printed",
            "DEBUG) (wazo_auth.plugins.acme): looked up"
        ]
    );
}

#[test]
fn the_level_changes_while_the_log_runs() {
    let bench = Bench::new(Level::Critical);
    bench.log(Crate::Error, "wazo_auth", "too little");
    bench.log(Crate::Error, "wazo_auth!critical", "enough");
    bench.handle.set_level(Level::Debug);
    bench.log(Crate::Debug, "wazo_auth", "now");
    bench.handle.set_level(Level::Info);
    bench.log(Crate::Debug, "wazo_auth", "no longer");
    assert_eq!(bench.handle.level(), Level::Info);
    let [file, ..] = bench.finish();
    assert_eq!(file, ["CRITICAL) (wazo_auth): enough", "DEBUG) (wazo_auth): now"]);
}

#[test]
fn a_full_disk_and_closed_pipes_do_not_stop_the_caller() {
    let (reader, stdout) = std::io::pipe().unwrap();
    drop(reader);
    let (mut stderr, stderr_end) = std::io::pipe().unwrap();
    let (logger, handle) = Logger::new(LogOptions {
        level: Level::Info,
        file: Some(open_file("/dev/full".as_ref()).unwrap()),
        stdout: Some(File::from(OwnedFd::from(stdout))),
        stderr: Some(File::from(OwnedFd::from(stderr_end))),
        syslog: false,
        context: context(),
    })
    .unwrap();
    for level in [Crate::Info, Crate::Error] {
        let record =
            Record::builder().level(level).target("wazo_auth").args(format_args!("x")).build();
        logger.log(&record);
    }
    drop((logger, handle));
    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("(ERROR) (wazo_auth): x\n"), "{text}");
}

#[test]
fn a_file_truncated_in_place_begins_anew() {
    let bench = Bench::new(Level::Info);
    let path = bench.dir.path().join("wazo-auth.log");
    bench.log(Crate::Info, "wazo_auth", "before the rotation");
    File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    bench.log(Crate::Info, "wazo_auth", "after it");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        format!(
            "2026-11-21 17:27:05,319 UTC [pid {}] [tid {}] (INFO) (wazo_auth): after it\n",
            std::process::id(),
            nix::unistd::gettid()
        )
    );
}

#[test]
fn lines_of_many_threads_stay_whole() {
    let bench = Bench::new(Level::Info);
    let long = "x".repeat(9000);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    bench.logger.log(
                        &Record::builder()
                            .level(Crate::Info)
                            .target("wazo_auth")
                            .args(format_args!("{long}"))
                            .build(),
                    );
                }
            });
        }
        scope.spawn(|| {
            let stdout = BufReader::new(&bench.stdout);
            assert!(stdout.lines().take(800).all(|line| line.unwrap().ends_with(&long)));
        });
    });
    let text = fs::read_to_string(bench.dir.path().join("wazo-auth.log")).unwrap();
    assert_eq!(text.lines().count(), 800);
    assert!(text.lines().all(|line| line.ends_with(&format!("(wazo_auth): {long}"))));
}

#[test]
fn a_log_file_that_cannot_be_opened_is_named() {
    let error = open_file("/nowhere/at/all.log".as_ref()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "The log file /nowhere/at/all.log cannot be opened: No such file or directory \
         (os error 2). Its name is the setting `log_filename`."
    );
}
