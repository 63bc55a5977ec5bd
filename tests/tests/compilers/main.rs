//! Plugins that were not built as the daemon was: by another Rust compiler, in
//! C, or long ago.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod another_rust;
mod c;
mod kept;
mod six;
#[path = "../api/tools.rs"]
#[allow(dead_code, reason = "what the tests share that need programs from elsewhere")]
mod tools;
