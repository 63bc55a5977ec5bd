//! Policies listed.

use uuid::Uuid;
use wazo_auth_store::{
    self as store, Conn, ListQuery, Page, Tenants,
    policies::{Policy, Scope},
};

use super::{PolicyError, PolicyView};
use crate::{
    Services,
    missing::{visible_group, visible_user},
    totals::Counted,
};

impl Services {
    /// A page of the policies that tenants see.
    ///
    /// # Errors
    /// The store's.
    pub fn list_policies(
        &self,
        tenants: Tenants,
        query: &ListQuery,
    ) -> Result<Page<PolicyView>, store::Error> {
        self.totals().page(self.store(), Counted::Policies(tenants), query, |conn, query| {
            page(conn, Scope::Visible(tenants), query, |policy, acl| {
                self.expose(policy, acl, tenants)
            })
        })
    }

    /// A page of the policies that a user holds directly, as they are stored.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn list_policies_of_user(
        &self,
        scope: Uuid,
        user: Uuid,
        query: &ListQuery,
    ) -> Result<Page<PolicyView>, PolicyError> {
        self.store().read(|conn| {
            let user = visible_user::<PolicyError>(conn, &scope, user)?.uuid;
            let view =
                |policy: Policy, acl| PolicyView { read_only: policy.config_managed, policy, acl };
            Ok(page(conn, Scope::OfUser(user), query, view)?)
        })
    }

    /// A page of the policies of a group that a request about `scope` sees.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn list_policies_of_group(
        &self,
        scope: Uuid,
        group: Uuid,
        query: &ListQuery,
    ) -> Result<Page<PolicyView>, PolicyError> {
        self.store().read(|conn| {
            let group = visible_group::<PolicyError>(conn, &scope, group)?.uuid;
            let view = |policy, acl| self.expose(policy, acl, Tenants::Subtree(scope));
            Ok(page(conn, Scope::OfGroup { group, scope }, query, view)?)
        })
    }
}

fn page(
    conn: &mut dyn Conn,
    scope: Scope,
    query: &ListQuery,
    view: impl Fn(Policy, Vec<String>) -> PolicyView,
) -> Result<Page<PolicyView>, store::Error> {
    let Page { items, total, filtered } = store::policies::list_with_accesses(conn, scope, query)?;
    let items = items.into_iter().map(|(policy, acl)| view(policy, acl)).collect();
    Ok(Page { items, total, filtered })
}
