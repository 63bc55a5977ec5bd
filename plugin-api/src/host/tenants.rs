//! Tenants and their LDAP servers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Host, Result,
    host::{Tenant, User},
    wire::{self, service},
};

/// How the users of a tenant are found in its LDAP server.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LdapConfig {
    /// Whose it is.
    pub tenant_uuid: String,
    /// A name or an address.
    pub host: String,
    /// Where it listens; not always a port that exists.
    pub port: i64,
    /// 2 or 3; none is 3.
    #[serde(default)]
    pub protocol_version: Option<i64>,
    /// `ldaps`, `tls` or none.
    #[serde(default)]
    pub protocol_security: Option<String>,
    /// Who searches for users.
    #[serde(default)]
    pub bind_dn: Option<String>,
    /// Its password: for the daemon's own plugins `ldap` and `ldap_user` only.
    #[serde(default)]
    pub bind_password: Option<String>,
    /// What all users are below.
    #[serde(default)]
    pub user_base_dn: String,
    /// What users log in with.
    #[serde(default)]
    pub user_login_attribute: String,
    /// What says which user of the service it is.
    #[serde(default)]
    pub user_email_attribute: String,
    /// Which entries are users.
    #[serde(default)]
    pub search_filters: Option<String>,
}

// === impl Host ===

impl Host {
    /// The tenant that has a domain of exactly this name.
    ///
    /// # Errors
    /// A failure of the daemon; a name that nobody has is none.
    pub fn tenant_by_domain_name(&self, domain_name: &str) -> Result<Option<Tenant>> {
        let request = wire::ByDomainName { domain_name: domain_name.into() };
        let reply: wire::MaybeTenant = self.call(service::TENANTS_GET_BY_DOMAIN_NAME, &request)?;
        Ok(reply.tenant)
    }

    /// The tenant of this UUID or slug.
    ///
    /// # Errors
    /// A failure of the daemon; an identifier that nobody has is none.
    pub fn tenant_by_uuid_or_slug(&self, id: &str) -> Result<Option<Tenant>> {
        let request = wire::ByUuidOrSlug { id: id.into() };
        let reply: wire::MaybeTenant = self.call(service::TENANTS_GET_BY_UUID_OR_SLUG, &request)?;
        Ok(reply.tenant)
    }

    /// The LDAP server of a tenant; nothing is inherited from the tenants above.
    ///
    /// # Errors
    /// A failure of the daemon; a tenant without one is none.
    pub fn ldap_config(&self, tenant_uuid: &str) -> Result<Option<LdapConfig>> {
        let request = wire::ByTenant { tenant_uuid: tenant_uuid.into() };
        let reply: wire::MaybeLdapConfig = self.call(service::LDAP_GET, &request)?;
        Ok(reply.config)
    }

    /// The user of this very tenant, enabled or not, who has an e-mail address,
    /// confirmed or not, or else a user name equal to `login`, in any case.
    ///
    /// # Errors
    /// A failure of the daemon; a login that nobody has is none.
    pub fn user_of_tenant(&self, tenant_uuid: &str, login: &str) -> Result<Option<User>> {
        let request =
            wire::ByLoginOfTenant { tenant_uuid: tenant_uuid.into(), login: login.into() };
        let reply: wire::MaybeUser = self.call(service::USERS_GET_OF_TENANT, &request)?;
        Ok(reply.user)
    }
}

// === impl LdapConfig ===

/// Without the password.
impl fmt::Debug for LdapConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant_uuid, host, port, .. } = self;
        f.debug_struct("LdapConfig")
            .field("tenant_uuid", tenant_uuid)
            .field("host", host)
            .field("port", port)
            .finish_non_exhaustive()
    }
}
