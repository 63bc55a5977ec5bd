//! Policies: created, found, given to users; and the rule that nobody hands out
//! an access that they do not hold (policies.md section 5).

use uuid::Uuid;
use wazo_auth_store::{
    self as store, Conn, Lock,
    groups::Group,
    index::LiveToken,
    policies::{NewPolicy, Policy},
    users::User,
};

use crate::{
    Services,
    missing::{Missing, visible_group, visible_user},
    slug,
    tokens::TokenSubject,
};

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
            .write(&[Lock::TenantTree], move |tx| insert(tx.conn(), tenant, uuid, &fields, &slugs))
    }

    /// Gives a policy to a user or a group, or takes it away.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn change_policies_of(
        &self,
        caller: &LiveToken,
        scope: Uuid,
        holder: Holder,
        id: &PolicyId,
        grant: Grant,
    ) -> Result<(), PolicyError> {
        let (id, subject) = (id.clone(), TokenSubject::from(caller));
        self.store().write(&[holder.lock()], move |tx| {
            let conn = tx.conn();
            if let (Holder::Group(group), PolicyId::Uuid(_)) = (holder, &id) {
                let _: Group = visible_group::<PolicyError>(conn, &scope, group)?;
            }
            let policy = find_visible(conn, &scope, &id)?.uuid;
            let acl = store::policies::accesses(conn, &policy)?;
            match holder {
                Holder::User(user) => {
                    subject.check_held(&acl, grant)?;
                    let _: User = visible_user::<PolicyError>(conn, &scope, user)?;
                    match grant {
                        Grant::Add => store::policies::attach_to_user(conn, &user, &policy)?,
                        Grant::Remove => store::policies::detach_from_user(conn, &user, &policy)?,
                    }
                }
                Holder::Group(group) => {
                    let _: Group = visible_group::<PolicyError>(conn, &scope, group)?;
                    subject.check_held(&acl, grant)?;
                    match grant {
                        Grant::Add => store::groups::add_policy(conn, &group, &policy)?,
                        Grant::Remove => store::groups::remove_policy(conn, &group, &policy)?,
                    }
                }
            };
            Ok(())
        })
    }
}

/// What policies are attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A user.
    User(Uuid),
    /// A group, system-managed ones included.
    Group(Uuid),
}

// === impl Holder ===

impl Holder {
    fn lock(self) -> Lock {
        match self {
            Self::User(user) => Lock::User(user),
            Self::Group(group) => Lock::Group(group),
        }
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
