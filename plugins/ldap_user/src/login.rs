//! From a login request to a user of a tenant (plugins.md sections 8.2 and 8.6).

use std::path::PathBuf;

use wazo_auth_plugin_api::{host::LdapConfig, prelude::*};

use crate::{directory::Directory, tls::Trust};

/// Logins that LDAP servers of tenants verify.
pub(crate) struct Logins {
    host: Host,
    trust: Trust,
}

// === impl Logins ===

impl Logins {
    pub(crate) fn new(host: Host, ca_file: Option<PathBuf>) -> Result<Self> {
        let is_configured = ca_file.is_some();
        let trust = Trust::new(ca_file);
        if is_configured {
            let reason = |reason| Error::config(format!("`ca_file` cannot be used: {reason}"));
            trust.client().map_err(reason)?;
        }
        Ok(Self { host, trust })
    }

    /// The e-mail address of the user whose login and password the server of the
    /// tenant accepts; none when they are refused, by whomever.
    ///
    /// # Errors
    /// A tenant that is named by an identifier that none has; a failure of the daemon.
    pub(crate) fn verify(
        &self,
        login: &str,
        password: &str,
        args: &mut Args,
    ) -> Result<Option<String>> {
        let Some(config) = self.config(args)? else { return Ok(None) };
        let email = Directory::new(&config, &self.trust).email_of(login, password);
        let Some(email) = email else { return Ok(None) };
        let Some(user) = self.host.user_of_tenant(&config.tenant_uuid, &email)? else {
            log::info!(
                "LDAP knows {login:?} as {email:?}, whom no user of tenant {} has for an address or username",
                config.tenant_uuid
            );
            return Ok(None);
        };
        args.insert("user_email", &*email);
        args.insert("pbx_user_uuid", user.uuid);
        Ok(Some(email))
    }

    /// The server of the tenant that a request names.
    fn config(&self, args: &Args) -> Result<Option<LdapConfig>> {
        let tenant = match (args.str("domain_name"), args.str("tenant_id")) {
            (Some(domain), _) => self.host.tenant_by_domain_name(domain)?,
            (None, Some(id)) => {
                log::warn!(
                    "a login names its tenant by `tenant_id`, which is deprecated: use `domain_name`"
                );
                let tenant = self.host.tenant_by_uuid_or_slug(id)?;
                Some(tenant.ok_or_else(|| unknown_tenant(id))?)
            }
            (None, None) => None,
        };
        match tenant {
            Some(tenant) => self.host.ldap_config(&tenant.uuid),
            None => Ok(None),
        }
    }
}

fn unknown_tenant(id: &str) -> ApiError {
    ApiError::new(404, "unknown-tenant", format!("No such tenant: \"{id}\""))
        .resource("tenants")
        .detail("uuid", id)
}
