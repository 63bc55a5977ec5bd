//! `wazo-auth check-config` and `wazo-auth config show`.
//!
//! Each file of `mistakes/` holds a file of the extra directory and, below a
//! line of dashes, what is to be said about it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod clean;
mod golden;
mod key;
mod places;
mod show;
mod site;
