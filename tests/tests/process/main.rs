//! The daemon as a process: its files, flags, account, signals, log and socket.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod bootstrap;
mod config_files;
mod flags;
mod life;
mod logging;
mod tls;

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use wazo_auth_tests::built;

/// Runs the program with these arguments only; gives its exit code, standard
/// output and standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(built().join("wazo-auth"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// The permission bits of a file.
fn mode(file: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).unwrap().permissions().mode() & 0o7777
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Whether the tests run as root; says what is left out when they do not.
fn is_root(left_out: &str) -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    let root = id.stdout == b"0\n";
    if !root {
        println!("left out, because it takes root: {left_out}");
    }
    root
}
