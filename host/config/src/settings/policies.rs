//! Policies and groups kept by configuration (contract: config.md section 2.5).

use indexmap::IndexMap;
use serde::Deserialize;

use super::value;

value::only_mappings!(DefaultPolicy, DefaultGroup);

/// What the database is brought in line with at start.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Policies {
    /// Whether it is done at all.
    #[serde(rename = "update_policy_on_startup", deserialize_with = "value::switch")]
    pub update_on_startup: bool,
    /// Slug to read-only policy of the top tenant.
    #[serde(deserialize_with = "value::or_default")]
    pub default_policies: IndexMap<String, DefaultPolicy>,
    /// Slug to whether the policy belongs to every tenant's system group.
    #[serde(deserialize_with = "value::switches")]
    pub all_users_policies: IndexMap<String, bool>,
    /// Slug to group of every tenant.
    #[serde(deserialize_with = "value::or_default")]
    pub tenant_default_groups: IndexMap<String, DefaultGroup>,
}

/// A policy given by configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self")]
pub struct DefaultPolicy {
    /// Access patterns; none unless given (bootstrap.md section 2).
    #[serde(default, deserialize_with = "value::or_default")]
    pub acl: Vec<String>,
    /// Text shown to administrators.
    #[serde(default = "created_automatically")]
    pub description: Option<String>,
}

/// A group given by configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self")]
pub struct DefaultGroup {
    /// Slug of a policy to whether it is attached (true) or detached (false).
    #[serde(default, deserialize_with = "value::switches")]
    pub policies: IndexMap<String, bool>,
}

#[allow(clippy::unnecessary_wraps, reason = "the type of the field it fills")]
fn created_automatically() -> Option<String> {
    Some("Automatically created".to_owned())
}
