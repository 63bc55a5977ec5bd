//! Real servers for tests: on loopback and free ports, ended with the process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot have its server fails"
)]

pub mod postgresql;
pub mod slapd;
pub mod smtp;
