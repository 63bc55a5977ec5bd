//! `wazo-auth-wait`: until the daemon listens (bootstrap.md section 6).

use std::{
    net::{TcpStream, ToSocketAddrs},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use wazo_auth_config::Sources;

use crate::commands::{end, load};

/// From one attempt to the next, and how long each of them may take.
const INTERVAL: Duration = Duration::from_secs(1);

/// Wait until the daemon listens.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How long to wait at most.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u32,
}

pub(super) fn run(sources: &Sources, arguments: &Arguments) -> ExitCode {
    let port = match load(sources) {
        Ok(config) => config.settings.rest_api.port,
        Err(error) => return end("wazo-auth-wait", Err(error)),
    };
    if waited_for(port, Duration::from_secs(arguments.timeout.into())) {
        return ExitCode::SUCCESS;
    }
    eprintln!("Could not connect to wazo-auth on localhost:{port}");
    ExitCode::FAILURE
}

/// Whether somebody listens before the time is up.
fn waited_for(port: u16, timeout: Duration) -> bool {
    let began = Instant::now();
    loop {
        let attempt = Instant::now();
        if connects(port) {
            return true;
        }
        let left = timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            return false;
        }
        // Woken too early, it tries too early: no harm.
        thread::park_timeout(left.min(INTERVAL.saturating_sub(attempt.elapsed())));
    }
}

fn connects(port: u16) -> bool {
    let addresses = ("localhost", port).to_socket_addrs();
    addresses.is_ok_and(|mut addresses| {
        addresses.any(|address| TcpStream::connect_timeout(&address, INTERVAL).is_ok())
    })
}
