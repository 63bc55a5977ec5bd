//! What holds for plugins in the daemon holds for plugins in processes of their
//! own: the other tests of this program, run once more.

use std::process::Command;

use crate::support::CAGED;

/// Those that call plugins.
const TESTS: [&str; 5] = ["c::", "hostile::", "kinds::", "limits::", "login::"];

/// What is different: a process is ended without destructors, and so is one that
/// does not start; who waits for it waits no longer than its deadline.
const DIFFERENT: [&str; 3] = [
    "every_panic_ends_with_its_call",
    "a_call_that_hangs_keeps_its_slot_and_nothing_else",
    "a_plugin_that_does_not_start_does_not_keep_the_daemon",
];

#[test]
fn plugins_answer_the_same_in_processes_of_their_own() {
    let skipped = DIFFERENT.into_iter().flat_map(|test| ["--skip", test]);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(TESTS)
        .args(skipped)
        .env(CAGED, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains("running 0 tests"), "{said}");
}
