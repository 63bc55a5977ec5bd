//! Policies: created, found, given to users; and the rule that nobody hands out
//! an access that they do not hold (policies.md section 5).

mod holders;
mod lists;

use std::collections::HashSet;

use uuid::Uuid;
use wazo_auth_store::{
    self as store, Change, Conn, Tenants,
    index::LiveToken,
    policies::{NewPolicy, Policy},
};

use crate::{Services, missing::Missing, slug, tokens::TokenSubject};

pub use holders::Holder;

/// What a new policy is made of.
#[derive(Debug, Clone)]
pub struct PolicyFields {
    /// Its name, unique in the tenant.
    pub name: String,
    /// Its slug; made from the name when absent.
    pub slug: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Its accesses.
    pub acl: Vec<String>,
    /// Whether descendants of the tenant see it.
    pub shared: bool,
}

/// What an update replaces of a policy.
#[derive(Debug, Clone)]
pub struct PolicyUpdate {
    /// Its name, unique in the tenant.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Its accesses.
    pub acl: Vec<String>,
}

/// A policy with its accesses, as a request sees it.
#[derive(Debug, Clone)]
pub struct PolicyView {
    /// The row; with the tenant and the sharing that are shown.
    pub policy: Policy,
    /// Its accesses, by their age in the dictionary.
    pub acl: Vec<String>,
    /// Whether the request may not change it.
    pub read_only: bool,
}

/// How a request names a policy.
#[derive(Debug, Clone)]
pub enum PolicyId {
    /// Any policy of the scope's subtree or inherited by it.
    Uuid(Uuid),
    /// A policy visible in the very tenant of the scope.
    Slug(String),
}

/// Why an operation on a policy is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The caller does not hold an access that it wants to hand out or take.
    #[error("Unauthorized")]
    NotHeld {
        /// The access, as the policy has it.
        access: String,
    },
    /// Name or slug are taken.
    #[error("Policy \"{0}\" already exists")]
    Duplicate(String),
    /// Kept by configuration, or of a tenant above.
    #[error("Forbidden policy deletion: \"{0}\"")]
    ReadOnly(Uuid),
    /// The policy has the access already.
    #[error("Policy already associated to {0}")]
    HeldAlready(String),
    /// No such policy in the scope.
    #[error("No such policy {0}")]
    Unknown(String),
    /// No such user or group in the scope.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Services {
    /// Creates a policy in `tenant` for the holder of `caller`.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn create_policy(
        &self,
        caller: &LiveToken,
        tenant: Uuid,
        fields: PolicyFields,
    ) -> Result<PolicyView, PolicyError> {
        check_held(caller, &fields.acl, Grant::Add)?;
        let uuid = self.context().uuid();
        let slugs = match &fields.slug {
            Some(slug) => vec![slug.clone()],
            None => slug::candidates(self.context(), slug::from_name(&fields.name)),
        };
        self.store()
            .write(Change::Directory, move |tx| insert(tx.conn(), tenant, uuid, &fields, &slugs))
    }

    /// The policy, as a request about `scope` sees it.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn policy(&self, scope: Uuid, id: &PolicyId) -> Result<PolicyView, PolicyError> {
        self.store().read(|conn| {
            let policy = find_visible(conn, &scope, id)?;
            let acl = store::policies::accesses(conn, &policy.uuid)?;
            let seen = match id {
                PolicyId::Uuid(_) => Tenants::Subtree(scope),
                PolicyId::Slug(_) => Tenants::Only(scope),
            };
            Ok(self.expose(policy, acl, seen))
        })
    }

    /// Replaces name, description and accesses of a policy.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn update_policy(
        &self,
        caller: &LiveToken,
        scope: Uuid,
        id: &PolicyId,
        update: PolicyUpdate,
    ) -> Result<PolicyView, PolicyError> {
        let (id, subject) = (id.clone(), TokenSubject::from(caller));
        subject.check_held(&update.acl, Grant::Add)?;
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let PolicyUpdate { name, description, acl } = update.clone();
            let known = find_visible(conn, &scope, &id)?;
            let mut dropped = store::policies::accesses(conn, &known.uuid)?;
            let kept: HashSet<&String> = acl.iter().collect();
            dropped.retain(|access| !kept.contains(access));
            subject.check_held(&dropped, Grant::Remove)?;
            refuse_read_only(conn, &scope, &known)?;
            let policy = Policy { name, description, ..known };
            if store::policies::is_in_the_way(conn, &policy)? {
                return Err(PolicyError::Duplicate(policy.name));
            }
            store::policies::update(conn, &policy)?;
            store::policies::set_accesses(conn, &policy.uuid, &acl)?;
            let acl = store::policies::accesses(conn, &policy.uuid)?;
            Ok(PolicyView { policy, acl, read_only: false })
        })
    }

    /// Deletes a policy; whoever holds it holds it no more.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn delete_policy(
        &self,
        caller: &LiveToken,
        scope: Uuid,
        id: &PolicyId,
    ) -> Result<(), PolicyError> {
        let (id, subject) = (id.clone(), TokenSubject::from(caller));
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let policy = find_visible(conn, &scope, &id)?;
            let acl = store::policies::accesses(conn, &policy.uuid)?;
            subject.check_held(&acl, Grant::Remove)?;
            refuse_read_only(conn, &scope, &policy)?;
            store::policies::delete(conn, &policy.uuid)?;
            Ok(())
        })
    }

    /// Gives an access to a policy, or takes it away. One that is not there is
    /// taken away already.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn change_access(
        &self,
        caller: &LiveToken,
        scope: Uuid,
        id: &PolicyId,
        access: String,
        grant: Grant,
    ) -> Result<(), PolicyError> {
        let (id, subject) = (id.clone(), TokenSubject::from(caller));
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let found = find_visible(conn, &scope, &id);
            // Whether there is such a slug is said to everybody who may ask,
            // whether there is such a UUID only to those who hold the access.
            if let (PolicyId::Slug(_), Err(error)) = (&id, found) {
                return Err(error);
            }
            subject.check_held(std::slice::from_ref(&access), grant)?;
            let policy = find_visible(conn, &scope, &id)?;
            refuse_read_only(conn, &scope, &policy)?;
            match grant {
                Grant::Add => match store::policies::add_access(conn, &policy.uuid, &access)? {
                    true => Ok(()),
                    false => Err(PolicyError::HeldAlready(access.clone())),
                },
                Grant::Remove => {
                    store::policies::remove_access(conn, &policy.uuid, &access)?;
                    Ok(())
                }
            }
        })
    }

    /// Whether what is in the tenant `owner` is seen by a request about `scope`. What
    /// cannot be found out is not shown.
    fn is_seen(&self, owner: &Uuid, scope: &Uuid) -> bool {
        let store = self.store();
        match store.is_current() {
            true => store.index().is_in_subtree(owner, scope),
            false => store.is_below(owner, scope).unwrap_or(false),
        }
    }

    /// What a request about the tenants `seen` is shown of a policy.
    fn expose(&self, policy: Policy, acl: Vec<String>, seen: Tenants) -> PolicyView {
        let (tenant, is_own) = match seen {
            Tenants::Only(tenant) => (tenant, policy.tenant_uuid == tenant),
            Tenants::Subtree(tenant) => (tenant, self.is_seen(&policy.tenant_uuid, &tenant)),
        };
        if is_own {
            return PolicyView { read_only: policy.config_managed, policy, acl };
        }
        // Inherited: whose it is, and who else sees it, is not theirs to know.
        let policy = Policy { tenant_uuid: tenant, shared: false, ..policy };
        PolicyView { policy, acl, read_only: true }
    }
}

/// Refuses changes of what configuration keeps, or of another tenant's.
fn refuse_read_only(conn: &mut dyn Conn, scope: &Uuid, policy: &Policy) -> Result<(), PolicyError> {
    let is_own = store::tenants::is_in_subtree(conn, &policy.tenant_uuid, scope)?;
    match is_own && !policy.config_managed {
        true => Ok(()),
        false => Err(PolicyError::ReadOnly(policy.uuid)),
    }
}

/// Whether accesses are handed out or taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Handed out.
    Add,
    /// Taken away.
    Remove,
}

/// Refuses when the caller may not hand out (or take) one of `acl`.
///
/// # Errors
/// [`PolicyError::NotHeld`] with the first one.
pub fn check_held(caller: &LiveToken, acl: &[String], grant: Grant) -> Result<(), PolicyError> {
    TokenSubject::from(caller).check_held(acl, grant)
}

impl TokenSubject {
    fn check_held(&self, acl: &[String], grant: Grant) -> Result<(), PolicyError> {
        let held = |access: &String| match grant {
            Grant::Add => self.acl.may_add(access, &self.auth_id, &self.session),
            Grant::Remove => self.acl.may_remove(access, &self.auth_id, &self.session),
        };
        match acl.iter().find(|access| !held(access)) {
            None => Ok(()),
            Some(access) => Err(PolicyError::NotHeld { access: access.clone() }),
        }
    }
}

fn insert(
    conn: &mut dyn Conn,
    tenant: Uuid,
    uuid: Uuid,
    fields: &PolicyFields,
    slugs: &[String],
) -> Result<PolicyView, PolicyError> {
    let duplicate = || PolicyError::Duplicate(fields.name.clone());
    let chosen = slug::first_free(slugs, |slug| store::policies::slug_taken(conn, &tenant, slug))?
        .ok_or_else(duplicate)?;
    if store::policies::conflicts(conn, &tenant, &fields.name, &chosen, fields.shared)? {
        return Err(duplicate());
    }
    let row = NewPolicy {
        uuid,
        name: fields.name.clone(),
        slug: chosen,
        description: fields.description.clone(),
        tenant_uuid: tenant,
        config_managed: false,
        shared: fields.shared,
    };
    match store::policies::insert(conn, &row) {
        Err(store::Error::Unique { .. }) => return Err(duplicate()),
        Err(store::Error::ForeignKey) => return Err(Missing::Tenant(tenant).into()),
        result => result?,
    }
    store::policies::set_accesses(conn, &uuid, &fields.acl)?;
    let policy = store::policies::get(conn, &uuid)?.ok_or_else(duplicate)?;
    let acl = store::policies::accesses(conn, &uuid)?;
    Ok(PolicyView { policy, acl, read_only: false })
}

/// The policy that `id` names for a request scoped to `scope` (policies.md
/// section 3).
fn find_visible(conn: &mut dyn Conn, scope: &Uuid, id: &PolicyId) -> Result<Policy, PolicyError> {
    let found = match id {
        PolicyId::Uuid(uuid) => store::policies::visible(conn, scope, uuid)?,
        PolicyId::Slug(slug) => store::policies::visible_by_slug(conn, scope, slug)?,
    };
    found.ok_or_else(|| unknown(id))
}

fn unknown(id: &PolicyId) -> PolicyError {
    PolicyError::Unknown(match id {
        PolicyId::Uuid(uuid) => format!("{{'uuid': '{uuid}'}}"),
        PolicyId::Slug(slug) => format!("{{'slug': '{slug}'}}"),
    })
}
