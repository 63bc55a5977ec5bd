//! The commands around databases of servers: those of the original, used in place
//! and given back; sealing; copies from one store to the other; preparation.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod copy;
mod detach;
mod original;
mod preparation;
mod seal;
mod side_by_side;
mod support;
mod tls;
