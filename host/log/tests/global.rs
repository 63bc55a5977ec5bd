//! The log of a whole process, set up as the daemon does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fs;

use jiff::tz::TimeZone;
use wazo_auth_context::{Context, Environment};
use wazo_auth_log::{Level, LogError, LogOptions, critical, init, log_panics, open_file};

#[test]
fn macros_and_panics_reach_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let context = Context::system(Environment { xivo_uuid: None, time_zone: TimeZone::UTC });
    let options = || LogOptions {
        file: Some(open_file(&path).unwrap()),
        ..LogOptions::standard(Level::Info, context.clone()).unwrap()
    };
    let handle = init(options()).unwrap();
    log_panics();

    log::debug!(target: "wazo_auth.test", "not wanted");
    log::info!(target: "wazo_auth.test", "begun");
    critical!(target: "wazo_auth.test", "The account {} does not exist.", "wazo");
    let died = std::thread::Builder::new()
        .name("worker".to_owned())
        .spawn(|| panic!("lost\nmy way"))
        .unwrap()
        .join();
    assert!(died.is_err());
    handle.set_level(Level::Debug);
    log::debug!(target: "wazo_auth.test", "wanted");

    let text = fs::read_to_string(&path).unwrap();
    let ends: Vec<_> = text.lines().map(|line| line.split_once("] (").unwrap().1).collect();
    assert_eq!(ends[0], "INFO) (wazo_auth.test): begun");
    assert_eq!(ends[1], "CRITICAL) (wazo_auth.test): The account wazo does not exist.");
    assert!(ends[2].starts_with("ERROR) (STDERR): thread `worker` panicked at "), "{}", ends[2]);
    assert!(ends[2].ends_with(r": lost\nmy way"), "{}", ends[2]);
    assert_eq!(ends[3], "DEBUG) (wazo_auth.test): wanted");
    assert_eq!(ends.len(), 4);

    assert!(matches!(init(options()), Err(LogError::Twice)));
}
