//! What parallel requests may do to each other, and what the loser is answered
//! (concurrency.md sections 2 and 3): over HTTP alone, whatever the store.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod deletions;
mod holders;
mod logins;
mod names;
mod policies;
mod sessions;
mod start;
mod support;
mod tenants;
mod whole;
