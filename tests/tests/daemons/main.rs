//! Several daemons on one PostgreSQL: what one answers holds for all, and none harms
//! another, whatever happens to it, to the network or to the server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod directory;
mod events;
mod outage;
mod partition;
mod proxy;
mod races;
mod revocation;
mod start;
mod support;
