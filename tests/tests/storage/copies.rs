//! `wazo-auth db backup`, `restore` and `forget-tokens`.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use wazo_auth_tests::built;

/// `wazo-auth db …` with the configuration of a daemon's folder.
pub fn db(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(built().join("wazo-auth"));
    command.arg("--config-file").arg(folder.join("config.yml")).arg("db").args(arguments);
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs it to its end: exit code, standard output, standard error.
pub fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = db(folder, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Runs it; gives what it says.
#[track_caller]
pub fn run_ok(folder: &Path, arguments: &[&str]) -> String {
    let (code, said, errors) = run(folder, arguments);
    assert_eq!((code, errors.as_str()), (0, ""), "{said}");
    said
}
