//! Starts the built daemon on a free port of the loopback, and talks to it.
//!
//! ```no_run
//! use wazo_auth_tests::Daemon;
//!
//! let daemon = Daemon::start();
//! let token = daemon.admin_token();
//! daemon.create_user("alice", "s3cre7");
//! let answer = daemon.post("/0.1/token").basic("alice", "s3cre7").json("{}").send();
//! assert_eq!(answer.status, 200);
//! ```

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod broker;
mod build;
pub mod command;
mod daemon;
mod database;
pub mod fuzz;
pub mod in_process;
mod raw;
mod request;

pub use broker::{Broker, Message, PLATFORM, Queue};
pub use lapin::ExchangeKind;

pub use build::{
    build, build_with, built, c_plugin, header_folder, in_own_folder, plugin, third_party,
};
pub use daemon::{ADMIN, ADMIN_PASSWORD, Daemon, Setup};
pub use database::{Database, configured_uri, empty_database, on_postgresql};
pub use request::{Answer, Request};
