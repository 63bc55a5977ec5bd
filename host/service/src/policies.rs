//! Policies: created, found, given to users; and the rule that nobody hands out
//! an access that they do not hold (policies.md section 5).

use uuid::Uuid;
use wazo_auth_store::{
    self as store, Conn, Lock,
    index::LiveToken,
    policies::{NewPolicy, Policy},
};

use crate::{Services, slug, tokens::TokenSubject};

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

/// A policy with its accesses.
#[derive(Debug, Clone)]
pub struct PolicyView {
    /// The row.
    pub policy: Policy,
    /// Its accesses, by their age in the dictionary.
    pub acl: Vec<String>,
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
    /// No such policy in the scope.
    #[error("No such policy {0}")]
    Unknown(String),
    /// No such user in the scope.
    #[error("No such user: \"{0}\"")]
    UnknownUser(Uuid),
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
        let spare: Vec<String> = (0..16).map(|_| slug::random(self.context())).collect();
        self.store()
            .write(&[Lock::TenantTree], move |tx| insert(tx.conn(), tenant, uuid, &fields, &spare))
    }

    /// Gives a policy to a user.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn attach_policy(
        &self,
        caller: &LiveToken,
        scope: Uuid,
        user: Uuid,
        id: &PolicyId,
    ) -> Result<(), PolicyError> {
        self.change_attachment(caller, scope, user, id, Grant::Add)
    }

    /// Takes a policy from a user.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn detach_policy(
        &self,
        caller: &LiveToken,
        scope: Uuid,
        user: Uuid,
        id: &PolicyId,
    ) -> Result<(), PolicyError> {
        self.change_attachment(caller, scope, user, id, Grant::Remove)
    }

    fn change_attachment(
        &self,
        caller: &LiveToken,
        scope: Uuid,
        user: Uuid,
        id: &PolicyId,
        grant: Grant,
    ) -> Result<(), PolicyError> {
        let (id, subject) = (id.clone(), TokenSubject::from(caller));
        self.store().write(&[Lock::User(user)], move |tx| {
            let conn = tx.conn();
            let policy = find_visible(conn, &scope, &id)?;
            let acl = store::policies::accesses(conn, &policy.uuid)?;
            subject.check_held(&acl, grant)?;
            let owner = store::users::get(conn, &user)?;
            let home =
                owner.map(|owner| owner.tenant_uuid).ok_or(PolicyError::UnknownUser(user))?;
            if !store::tenants::is_in_subtree(conn, &home, &scope)? {
                return Err(PolicyError::UnknownUser(user));
            }
            match grant {
                Grant::Add => store::policies::attach_to_user(conn, &user, &policy.uuid)?,
                Grant::Remove => store::policies::detach_from_user(conn, &user, &policy.uuid)?,
            };
            Ok(())
        })
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
    spare: &[String],
) -> Result<PolicyView, PolicyError> {
    let duplicate = || PolicyError::Duplicate(fields.name.clone());
    let chosen = match &fields.slug {
        Some(slug) => slug.clone(),
        None => std::iter::once(&slug::from_name(&fields.name))
            .chain(spare)
            .find_map(|slug| match slug.is_empty() {
                true => None,
                false => match store::policies::slug_taken(conn, &tenant, slug) {
                    Ok(true) => None,
                    Ok(false) => Some(Ok(slug.clone())),
                    Err(error) => Some(Err(error)),
                },
            })
            .ok_or_else(duplicate)??,
    };
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
        result => result?,
    }
    store::policies::set_accesses(conn, &uuid, &fields.acl)?;
    let policy = store::policies::get(conn, &uuid)?.ok_or_else(duplicate)?;
    Ok(PolicyView { policy, acl: store::policies::accesses(conn, &uuid)? })
}

/// The policy that `id` names for a request scoped to `scope` (policies.md
/// section 3).
fn find_visible(conn: &mut dyn Conn, scope: &Uuid, id: &PolicyId) -> Result<Policy, PolicyError> {
    let found = match id {
        PolicyId::Uuid(uuid) => store::policies::visible(conn, scope, uuid)?,
        PolicyId::Slug(slug) => store::policies::visible_by_slug(conn, scope, slug)?,
    };
    found.ok_or_else(|| {
        PolicyError::Unknown(match id {
            PolicyId::Uuid(uuid) => format!("{{'uuid': '{uuid}'}}"),
            PolicyId::Slug(slug) => format!("{{'slug': '{slug}'}}"),
        })
    })
}
