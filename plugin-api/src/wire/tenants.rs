//! Services about tenants and their LDAP servers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::host::{LdapConfig, Tenant};

/// Takes the name of a domain.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByDomainName<'a> {
    /// Exactly as the tenant has it.
    #[serde(borrow)]
    pub domain_name: Cow<'a, str>,
}

/// Takes what identifies a tenant.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByUuidOrSlug<'a> {
    /// A UUID or a slug.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
}

/// Takes the UUID of a tenant.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByTenant<'a> {
    /// The UUID of a tenant.
    #[serde(borrow)]
    pub tenant_uuid: Cow<'a, str>,
}

/// Takes a login that somebody of a tenant has.
#[derive(Debug, Serialize, Deserialize)]
pub struct ByLoginOfTenant<'a> {
    /// The UUID of a tenant.
    #[serde(borrow)]
    pub tenant_uuid: Cow<'a, str>,
    /// An e-mail address, confirmed or not, or a user name.
    #[serde(borrow)]
    pub login: Cow<'a, str>,
}

/// Answers a tenant, if there is one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct MaybeTenant {
    /// The tenant.
    #[serde(default)]
    pub tenant: Option<Tenant>,
}

/// Answers the configuration of a tenant, if there is one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct MaybeLdapConfig {
    /// The configuration.
    #[serde(default)]
    pub config: Option<LdapConfig>,
}
