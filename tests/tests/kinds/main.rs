//! Plugins that are neither backends nor metadata plugins, in the running daemon.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod assignments;
mod providers;
mod requests;
mod rights;
mod routes;
mod support;
mod tokens;
