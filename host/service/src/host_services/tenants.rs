//! What plugins may ask about tenants, whom they have, and their LDAP servers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wazo_auth_store::{
    self as store, Conn, ldap_config,
    tenants::{Domain, Tenant},
};

use super::{Refusal, replies, reply};
use crate::Services;

/// Whom the bind passwords of LDAP servers are told: those of the daemon's own
/// plugins that use them. Others learn where the server is.
const TOLD_BIND_PASSWORDS: [&str; 2] = ["ldap", "ldap_user"];

#[derive(Deserialize)]
pub(super) struct ByDomainName<'a> {
    #[serde(borrow)]
    domain_name: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct ByUuidOrSlug<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct ByTenant<'a> {
    #[serde(borrow)]
    tenant_uuid: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct ByLoginOfTenant<'a> {
    #[serde(borrow)]
    tenant_uuid: Cow<'a, str>,
    #[serde(borrow)]
    login: Cow<'a, str>,
}

#[derive(Serialize)]
struct MaybeTenant<'a> {
    tenant: Option<TenantJson<'a>>,
}

#[derive(Serialize)]
struct TenantJson<'a> {
    uuid: Uuid,
    slug: &'a str,
    name: Option<&'a str>,
    parent_uuid: Uuid,
    default_authentication_method: &'a str,
    domain_names: Vec<String>,
}

#[derive(Serialize)]
struct MaybeLdapConfig<'a> {
    config: Option<LdapConfig<'a>>,
}

#[derive(Serialize)]
struct LdapConfig<'a> {
    tenant_uuid: Uuid,
    host: &'a str,
    port: i64,
    protocol_version: Option<i64>,
    protocol_security: Option<&'a str>,
    bind_dn: Option<&'a str>,
    bind_password: Option<&'a str>,
    user_base_dn: &'a str,
    user_login_attribute: &'a str,
    user_email_attribute: &'a str,
    search_filters: Option<&'a str>,
}

impl Services {
    pub(super) fn tenant_by_domain_name(&self, by: &ByDomainName<'_>) -> Result<String, Refusal> {
        self.maybe_tenant(|conn| store::tenants::by_domain_name(conn, &by.domain_name))
    }

    pub(super) fn tenant_by_uuid_or_slug(&self, by: &ByUuidOrSlug<'_>) -> Result<String, Refusal> {
        self.maybe_tenant(|conn| store::tenants::by_uuid_or_slug(conn, &by.id))
    }

    fn maybe_tenant(
        &self,
        find: impl FnOnce(&mut dyn Conn) -> Result<Option<Tenant>, store::Error>,
    ) -> Result<String, Refusal> {
        let found = self.store().read(|conn| match find(conn)? {
            Some(tenant) => {
                let domains = store::tenants::domains(conn, &tenant.uuid)?;
                Ok::<_, store::Error>(Some((tenant, domains)))
            }
            None => Ok(None),
        })?;
        let tenant = found.as_ref().map(|(tenant, domains)| TenantJson::new(tenant, domains));
        reply(&MaybeTenant { tenant })
    }

    pub(super) fn user_of_tenant(&self, by: &ByLoginOfTenant<'_>) -> Result<String, Refusal> {
        let user = match Uuid::parse_str(&by.tenant_uuid) {
            Ok(tenant) => self
                .store()
                .read(|conn| store::users::of_tenant_by_login(conn, &tenant, &by.login))?,
            Err(_) => None,
        };
        reply(&replies::MaybeUser::from(user.as_ref()))
    }

    pub(super) fn ldap_config_for(
        &self,
        plugin: &str,
        of: &ByTenant<'_>,
    ) -> Result<String, Refusal> {
        let config = match Uuid::parse_str(&of.tenant_uuid) {
            Ok(tenant) => self.ldap_config(tenant)?,
            Err(_) => None,
        };
        let config = config.as_ref().map(LdapConfig::from).map(|config| {
            let is_told = TOLD_BIND_PASSWORDS.contains(&plugin);
            LdapConfig { bind_password: config.bind_password.filter(|_| is_told), ..config }
        });
        reply(&MaybeLdapConfig { config })
    }
}

// === impl TenantJson ===

impl<'a> TenantJson<'a> {
    fn new(tenant: &'a Tenant, domains: &[Domain]) -> Self {
        Self {
            uuid: tenant.uuid,
            slug: &tenant.slug,
            name: tenant.name.as_deref(),
            parent_uuid: tenant.parent_uuid,
            default_authentication_method: &tenant.default_authentication_method,
            domain_names: domains.iter().map(|domain| domain.name.clone()).collect(),
        }
    }
}

// === impl LdapConfig ===

impl<'a> From<&'a ldap_config::LdapConfig> for LdapConfig<'a> {
    fn from(config: &'a ldap_config::LdapConfig) -> Self {
        Self {
            tenant_uuid: config.tenant_uuid,
            host: &config.host,
            port: config.port,
            protocol_version: config.protocol_version,
            protocol_security: config.protocol_security.as_deref(),
            bind_dn: config.bind_dn.as_deref(),
            bind_password: config.bind_password.as_deref(),
            user_base_dn: &config.user_base_dn,
            user_login_attribute: config.user_login_attribute.as_deref().unwrap_or_default(),
            user_email_attribute: config.user_email_attribute.as_deref().unwrap_or_default(),
            search_filters: config.search_filters.as_deref(),
        }
    }
}
