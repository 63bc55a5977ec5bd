//! Mails with links (email-flows.md, users.md section 12): a daemon, a real mail
//! server on the loopback, and what people do with what they find in their mailbox.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod bytes;
mod confirmation;
mod forgotten;
mod outage;
mod registration;
mod settings;
mod support;
