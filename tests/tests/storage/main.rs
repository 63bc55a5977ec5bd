//! When the database cannot be had, and copies of it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod copies;
mod outage;
mod start;
mod support;
