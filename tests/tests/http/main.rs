//! The edge: what holds for every route (`contract/http.md`), and the routes
//! of users, groups and policies.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod authorization;
mod bodies;
mod config;
mod cors;
mod delegation;
mod emails;
mod groups;
mod hostile;
mod ldap_config;
mod lists;
mod passwords;
mod policies;
mod policy_changes;
mod reconciliation;
mod request_log;
mod routing;
mod scoping;
mod sessions;
mod support;
mod tenants;
mod user_changes;
mod users;
