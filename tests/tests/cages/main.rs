//! Plugins in processes of their own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod conformance;
mod harms;
mod life;
mod same;
mod support;
