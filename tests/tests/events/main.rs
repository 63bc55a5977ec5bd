//! What the bus is told (`contract/bus.md`), by a real RabbitMQ: exact messages,
//! when they arrive, and what happens while the broker is away.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod messages;
mod outages;
mod refusals;
mod settings;
mod support;
mod timing;
mod tls;
