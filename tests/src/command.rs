//! The daemon's program as a command, in the folder of a daemon.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::built;

/// `wazo-auth …` with the configuration in `folder`, and no environment.
#[must_use]
pub fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(built().join("wazo-auth"));
    command.args(arguments).arg("--config-file").arg(folder.join("config.yml"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs it to its end: exit code, standard output, standard error.
///
/// # Panics
/// When it cannot be run.
#[must_use]
pub fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = program(folder, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Runs it; gives what it says.
///
/// # Panics
/// When it complains or fails.
#[must_use]
#[track_caller]
pub fn run_ok(folder: &Path, arguments: &[&str]) -> String {
    let (code, said, errors) = run(folder, arguments);
    assert_eq!((code, errors.as_str()), (0, ""), "{said}");
    said
}

/// Runs it; gives the sentence it fails with.
///
/// # Panics
/// When it succeeds, or says something else too.
#[must_use]
#[track_caller]
pub fn refused(folder: &Path, arguments: &[&str]) -> String {
    let (code, said, errors) = run(folder, arguments);
    assert_eq!((code, said.as_str()), (1, ""), "{errors}");
    let sentence = errors.strip_suffix('\n').and_then(|text| text.split_once(": "));
    let (_, sentence) = sentence.unwrap_or_else(|| panic!("{errors}"));
    assert!(!sentence.contains('\n'), "{errors}");
    sentence.to_owned()
}
