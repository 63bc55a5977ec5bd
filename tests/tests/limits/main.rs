//! Clients that take all they can, and the daemon that goes on.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod crowds;
mod endless;
mod ends;
mod queues;
mod slow;
mod support;
