//! The tenant whose server verifies a login (plugins.md section 8.2).

use uuid::Uuid;
use wazo_auth_store as store;

use crate::Services;

impl Services {
    /// The tenant that a login names, by a domain of exactly this name, or else by
    /// its UUID or slug.
    ///
    /// # Errors
    /// The store's.
    pub fn tenant_of_login(
        &self,
        domain_name: Option<&str>,
        tenant_id: Option<&str>,
    ) -> Result<Option<Uuid>, store::Error> {
        let tenant = self.store().read(|conn| match (domain_name, tenant_id) {
            (Some(domain), _) => store::tenants::by_domain_name(conn, domain),
            (None, Some(id)) => store::tenants::by_uuid_or_slug(conn, id),
            (None, None) => Ok(None),
        })?;
        Ok(tenant.map(|tenant| tenant.uuid))
    }
}
