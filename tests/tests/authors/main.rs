//! What authors of plugins are promised: `wazo-auth plugin new` begins one that
//! works, and the guide leads from there to a login.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod guide;
mod support;
mod templates;
mod terminal;
