//! Logins that the LDAP server of a tenant verifies (plugins.md section 8,
//! ldap-config.md section 5), with a real one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod hang;
mod logins;
mod refusals;
mod services;
mod support;
