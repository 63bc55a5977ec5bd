//! Tokens from login to expiry (`contract/tokens.md` sections 1 to 7 and 9,
//! `contract/acl.md` section 5).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod accesses;
mod body;
mod check;
mod clients;
mod credentials;
mod ends;
mod log;
mod metadata;
mod mobile;
mod object;
mod refresh;
mod support;
