//! Accounts at other services (external-auth.md), through HTTP.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod consents;
mod documents;
mod mobile;
mod plugins;
mod standin;
#[path = "../http/support.rs"]
#[allow(dead_code, reason = "what the tests of requests share, as far as it is needed here")]
mod support;
