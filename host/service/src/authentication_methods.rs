//! Which authentication methods there are (idp.md section 1, plugins.md section 3),
//! and who has one that nobody provides (bootstrap.md section 1, step 8).

use std::collections::BTreeSet;

use wazo_auth_store as store;

use crate::{
    NotReady, Services,
    users::{DEFAULT_METHOD, NATIVE_METHOD},
};

impl Services {
    /// Every method that users may have: `native`, `default`, those of the
    /// identity providers, and third parties' backends. Each one once.
    ///
    /// # Errors
    /// [`NotReady`].
    pub fn authentication_methods(&self) -> Result<Vec<String>, NotReady> {
        let plugins = self.plugins()?;
        let providers = plugins.identity_providers();
        let of_providers = providers.map(|provider| provider.authentication_method());
        let of_backends = plugins.third_party_backends().map(|backend| backend.name());
        let mut methods: Vec<String> = Vec::new();
        for method in of_providers.chain(of_backends).chain([NATIVE_METHOD, DEFAULT_METHOD]) {
            if !methods.iter().any(|known| known == method) {
                methods.push(method.to_owned());
            }
        }
        Ok(methods)
    }

    /// The method that a name stands for: the method itself, or an identity
    /// provider of that name. None: nobody provides it.
    ///
    /// # Errors
    /// [`NotReady`].
    pub(crate) fn method_of_name(&self, name: &str) -> Result<Option<String>, NotReady> {
        // Known before plugins are loaded, and without them.
        if [NATIVE_METHOD, DEFAULT_METHOD].contains(&name) {
            return Ok(Some(name.to_owned()));
        }
        let plugins = self.plugins()?;
        let mut backends = plugins.third_party_backends();
        let mut providers = plugins.identity_providers();
        if backends.any(|backend| backend.name() == name)
            || providers.any(|provider| provider.authentication_method() == name)
        {
            return Ok(Some(name.to_owned()));
        }
        let named = plugins.identity_providers().find(|provider| provider.name() == name);
        Ok(named.map(|provider| provider.authentication_method().to_owned()))
    }

    /// Warns of users and tenants whose authentication method no loaded plugin
    /// provides. To be called once the plugins are loaded.
    ///
    /// # Errors
    /// The store's.
    pub fn warn_of_missing_methods(&self) -> Result<(), store::Error> {
        log::info!(
            target: LOG,
            "Checking configured authentication methods for missing implementations"
        );
        let Ok(known) = self.authentication_methods() else { return Ok(()) };
        let is_missing = |method: &String| !known.contains(method);
        let of_tenants = self.store().read(store::tenants::authentication_methods)?;
        let of_users = self.store().read(store::users::authentication_methods)?;
        let missing: BTreeSet<_> =
            of_tenants.into_iter().chain(of_users).filter(is_missing).collect();
        missing.iter().try_for_each(|method| self.warn_of_missing_method(method))
    }

    fn warn_of_missing_method(&self, method: &str) -> Result<(), store::Error> {
        log::warn!(target: LOG, "Authentication method {method} is in use but is not available");
        let tenants =
            self.store().read(|conn| store::tenants::with_authentication_method(conn, method))?;
        for uuid in tenants {
            log::warn!(
                target: LOG,
                "Tenant (uuid={uuid}) has no available idp implementation for default \
                 authentication method {method}"
            );
        }
        let users =
            self.store().read(|conn| store::users::with_authentication_method(conn, method))?;
        for uuid in users {
            log::warn!(
                target: LOG,
                "User (uuid={uuid}) has no available idp implementation for authentication \
                 method {method}"
            );
        }
        Ok(())
    }
}

const LOG: &str = "wazo_auth.authentication_methods";
