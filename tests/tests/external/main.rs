//! Accounts at other services (external-auth.md), through HTTP.

#[path = "../http/support.rs"]
#[allow(dead_code, reason = "what the tests of requests share, as far as it is needed here")]
mod support;

mod consents;
mod documents;
mod mobile;
mod plugins;
mod standin;
