//! Real plugin files, loaded and called as the daemon does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test program")]

mod c;
mod caged;
mod files;
mod hostile;
mod kinds;
mod limits;
mod login;
mod rules;
mod shipped;
mod support;
