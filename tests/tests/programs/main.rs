//! The programs around the daemon, under the names that they are installed by
//! (bootstrap.md sections 6 and 7.2).

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod complete;
mod databases;
mod initial_user;
mod methods;
mod python_service;
mod support;
mod usage;
mod wait;
