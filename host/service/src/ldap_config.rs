//! The LDAP servers of tenants (ldap-config.md sections 1 to 4).

use uuid::Uuid;
use wazo_auth_store::{self as store, Change, ldap_config::LdapConfig};

use crate::{Services, missing::Missing};

/// What a configuration is made of, new or replaced. What is absent of the
/// optional fields stays as it was; `Some(None)` clears it.
#[derive(Clone)]
pub struct LdapConfigFields {
    /// A name or an address.
    pub host: String,
    /// Where it listens.
    pub port: i64,
    /// 2 or 3.
    pub protocol_version: i64,
    /// `ldaps`, `tls` or none.
    pub protocol_security: Option<Option<String>>,
    /// Who searches for users.
    pub bind_dn: Option<Option<String>>,
    /// That account's password; never logged, never shown.
    pub bind_password: Option<Option<String>>,
    /// What all users are below.
    pub user_base_dn: String,
    /// What users log in with.
    pub user_login_attribute: String,
    /// What says which user of ours it is.
    pub user_email_attribute: String,
    /// Which entries are users.
    pub search_filters: Option<Option<String>>,
}

/// Why a configuration is not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LdapConfigError {
    /// The tenant was just deleted.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

// === impl LdapConfigFields ===

impl LdapConfigFields {
    fn over(self, stored: Option<LdapConfig>, tenant_uuid: Uuid) -> LdapConfig {
        let Self { protocol_security, bind_dn, bind_password, search_filters, .. } = self;
        let kept = |new: Option<Option<String>>, of: fn(&LdapConfig) -> &Option<String>| {
            new.unwrap_or_else(|| stored.as_ref().and_then(|stored| of(stored).clone()))
        };
        LdapConfig {
            tenant_uuid,
            host: self.host,
            port: self.port,
            protocol_version: Some(self.protocol_version),
            protocol_security: kept(protocol_security, |stored| &stored.protocol_security),
            bind_dn: kept(bind_dn, |stored| &stored.bind_dn),
            bind_password: kept(bind_password, |stored| &stored.bind_password),
            user_base_dn: self.user_base_dn,
            user_login_attribute: Some(self.user_login_attribute),
            user_email_attribute: Some(self.user_email_attribute),
            search_filters: kept(search_filters, |stored| &stored.search_filters),
        }
    }
}

impl Services {
    /// The configuration of a tenant, its bind password included.
    ///
    /// # Errors
    /// The store's.
    pub fn ldap_config(&self, tenant: Uuid) -> Result<Option<LdapConfig>, store::Error> {
        self.store().read(|conn| store::ldap_config::get(conn, &tenant))
    }

    /// Creates or changes the configuration of a tenant: as it is afterwards.
    ///
    /// # Errors
    /// [`LdapConfigError`].
    pub fn set_ldap_config(
        &self,
        tenant: Uuid,
        fields: LdapConfigFields,
    ) -> Result<LdapConfig, LdapConfigError> {
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let stored = store::ldap_config::get(conn, &tenant)?;
            let config = fields.clone().over(stored, tenant);
            match store::ldap_config::set(conn, &config) {
                Err(store::Error::ForeignKey) => Err(Missing::Tenant(tenant).into()),
                result => Ok(result.map(|()| config)?),
            }
        })
    }

    /// Deletes the configuration of a tenant, if there is one.
    ///
    /// # Errors
    /// The store's.
    pub fn delete_ldap_config(&self, tenant: Uuid) -> Result<(), store::Error> {
        self.store().write(Change::Directory, move |tx| {
            store::ldap_config::delete(tx.conn(), &tenant).map(drop)
        })
    }
}
