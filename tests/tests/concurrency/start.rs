//! Daemons that start at the same moment on one database.

use std::{collections::BTreeSet, sync::Barrier, thread};

use wazo_auth_tests::{Daemon, Setup};

use crate::support::{Bench, column, pair};

#[test]
fn two_that_start_at_once_do_what_one_does() {
    // A new database each time: all that a start writes is written by both.
    for _ in 0..3 {
        let (_folder, setups) = pair();
        let start = Barrier::new(setups.len());
        let started: Vec<Result<Daemon, String>> = thread::scope(|scope| {
            let start_one = |setup: Setup| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    setup.try_start()
                })
            };
            let threads = setups.map(start_one);
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (serving, refused): (Vec<_>, Vec<_>) = started.into_iter().partition(Result::is_ok);
        assert!(
            !serving.is_empty(),
            "{:?}",
            refused.into_iter().filter_map(Result::err).collect::<Vec<_>>()
        );
        for said in refused.into_iter().filter_map(Result::err) {
            assert!(said.contains("is used by another wazo-auth"), "{said}");
        }
        for daemon in serving.into_iter().flatten() {
            is_as_always(&Bench::new(daemon));
        }
    }
}

fn is_as_always(bench: &Bench) {
    for (path, order) in [("policies", "slug"), ("groups", "slug"), ("users", "username")] {
        let names = column(&bench.read(&format!("{path}?recurse=true")), order);
        let once: BTreeSet<&String> = names.iter().collect();
        assert_eq!(once.len(), names.len(), "{path}: {names:?}");
        assert!(!names.is_empty(), "{path}");
    }
}
