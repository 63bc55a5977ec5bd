//! The promise of plugin API 1: what was recorded in the folder `promise` when
//! it was given is still there. `scripts/record-promise` adds what is new.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod abi;
mod c_header;
mod frames;
mod public_items;
mod record;
mod sources;
