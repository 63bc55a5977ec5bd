//! Programs of others, as they are, against the daemon.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod command_line;
mod library;
mod sdk;
mod service;
mod services;
mod wire;
