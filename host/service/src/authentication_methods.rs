//! Authentication methods that are in use, but provided by nobody (bootstrap.md
//! section 1, step 8).

use wazo_auth_store as store;

use crate::Services;

impl Services {
    /// Warns of users and tenants whose authentication method no loaded plugin
    /// provides. To be called once the plugins are loaded.
    ///
    /// # Errors
    /// The store's.
    pub fn warn_of_missing_methods(&self) -> Result<(), store::Error> {
        let of_tenants = self.store().read(store::tenants::authentication_methods)?;
        for (method, tenants) in self.missing(of_tenants) {
            log::warn!(
                target: "wazo_auth.authentication_methods",
                "no loaded plugin provides the authentication method `{method}`, the default of \
                 {}: their users who have no other one cannot log in",
                number(tenants, "tenant")
            );
        }
        let of_users = self.store().read(store::users::authentication_methods)?;
        for (method, users) in self.missing(of_users) {
            log::warn!(
                target: "wazo_auth.authentication_methods",
                "no loaded plugin provides the authentication method `{method}` of {}, who cannot \
                 log in", number(users, "user")
            );
        }
        Ok(())
    }

    /// Those of `used` that are surely not provided.
    fn missing(&self, used: Vec<(String, i64)>) -> impl Iterator<Item = (String, i64)> {
        used.into_iter().filter(|(method, _)| matches!(self.is_known_method(method), Ok(false)))
    }
}

fn number(count: i64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
