//! The edge: what holds for every route (`contract/http.md`), and the routes
//! for users and policies that exist.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod authorization;
mod bodies;
mod cors;
mod delegation;
mod hostile;
mod policies;
mod request_log;
mod routing;
mod support;
mod tenants;
mod users;
