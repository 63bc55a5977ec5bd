//! Groups and their members (groups.md). What they hold is attached in
//! [`policies`](crate::policies).

use uuid::Uuid;
use wazo_auth_store::{
    self as store, Change, Conn, ListQuery, Page, Tenants,
    groups::{Group, Scope},
    users::Listed,
};

use crate::{
    Services,
    missing::{Missing, visible_group, visible_user},
    slug,
    totals::Counted,
};

/// What a new group is made of.
#[derive(Debug, Clone)]
pub struct GroupFields {
    /// Its name, unique in the tenant.
    pub name: String,
    /// Its slug; made from the name when absent.
    pub slug: Option<String>,
}

/// Why an operation on a group is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The group, or a user, is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The service itself looks after this group.
    #[error("Forbidden group modification: \"{0}\"")]
    SystemManaged(Uuid),
    /// Name or slug are taken.
    #[error("Group \"{0}\" already exists")]
    Duplicate(String),
    /// The user is in another tenant than the group.
    #[error("Ressources are not in the same tenant")]
    OtherTenant {
        /// The user's.
        user: Uuid,
        /// The group's.
        group: Uuid,
    },
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Services {
    /// A page of groups.
    ///
    /// # Errors
    /// The store's.
    pub fn list_groups(
        &self,
        tenants: Tenants,
        query: &ListQuery,
    ) -> Result<Page<Group>, store::Error> {
        self.totals().page(self.store(), Counted::Groups(tenants), query, |conn, query| {
            store::groups::list(conn, Scope::Tenants(tenants), query)
        })
    }

    /// A page of the groups of a user.
    ///
    /// # Errors
    /// [`GroupError`].
    pub fn list_groups_of_user(
        &self,
        scope: Uuid,
        user: Uuid,
        query: &ListQuery,
    ) -> Result<Page<Group>, GroupError> {
        self.store().read(|conn| {
            let user = visible_user::<GroupError>(conn, &scope, user)?.uuid;
            Ok(store::groups::list(conn, Scope::OfUser(user), query)?)
        })
    }

    /// A page of the members of a group.
    ///
    /// # Errors
    /// [`GroupError`].
    pub fn list_members(
        &self,
        scope: Uuid,
        group: Uuid,
        query: &ListQuery,
    ) -> Result<Page<Listed>, GroupError> {
        self.store().read(|conn| {
            let group = visible_group::<GroupError>(conn, &scope, group)?.uuid;
            Ok(store::users::list(conn, store::users::Scope::OfGroup(group), query)?)
        })
    }

    /// The group.
    ///
    /// # Errors
    /// [`GroupError`].
    pub fn group(&self, scope: Uuid, group: Uuid) -> Result<Group, GroupError> {
        self.store().read(|conn| visible_group(conn, &scope, group))
    }

    /// Creates a group in `tenant`.
    ///
    /// # Errors
    /// [`GroupError`].
    pub fn create_group(&self, tenant: Uuid, fields: GroupFields) -> Result<Group, GroupError> {
        let GroupFields { name, slug } = fields;
        let slugs = match slug {
            Some(slug) => vec![slug],
            None => slug::candidates(self.context(), slug::from_name(&name)),
        };
        let uuid = self.context().uuid();
        self.store()
            .write(Change::Directory, move |tx| insert(tx.conn(), tenant, uuid, &name, &slugs))
    }

    /// Gives a group another name.
    ///
    /// # Errors
    /// [`GroupError`].
    pub fn rename_group(
        &self,
        scope: Uuid,
        group: Uuid,
        name: String,
    ) -> Result<Group, GroupError> {
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let group = changeable(conn, &scope, group)?;
            match store::groups::rename(conn, &group.uuid, &name) {
                Err(store::Error::Unique { .. }) => Err(GroupError::Duplicate(name.clone())),
                Err(error) => Err(error.into()),
                Ok(false) => Err(Missing::Group(group.uuid).into()),
                Ok(true) => Ok(Group { name: name.clone(), ..group }),
            }
        })
    }

    /// Deletes a group; its members and policies stay.
    ///
    /// # Errors
    /// [`GroupError`].
    pub fn delete_group(&self, scope: Uuid, group: Uuid) -> Result<(), GroupError> {
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let group = changeable(conn, &scope, group)?;
            store::groups::delete(conn, &group.uuid)?;
            Ok(())
        })
    }

    /// Makes a user of the same tenant a member, if it is not one already.
    ///
    /// # Errors
    /// [`GroupError`].
    pub fn add_member(&self, scope: Uuid, group: Uuid, user: Uuid) -> Result<(), GroupError> {
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let user = visible_user::<GroupError>(conn, &scope, user)?;
            let group = visible_group::<GroupError>(conn, &scope, group)?;
            if user.tenant_uuid != group.tenant_uuid {
                let (user, group) = (user.tenant_uuid, group.tenant_uuid);
                return Err(GroupError::OtherTenant { user, group });
            }
            let group = refuse_system_managed(group)?;
            store::groups::add_user(conn, &group.uuid, &user.uuid)?;
            Ok(())
        })
    }

    /// Ends a membership, if there is one. The user may be in any tenant: who
    /// has changed tenants must be able to leave.
    ///
    /// # Errors
    /// [`GroupError`].
    pub fn remove_member(&self, scope: Uuid, group: Uuid, user: Uuid) -> Result<(), GroupError> {
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let group = changeable(conn, &scope, group)?;
            let was_member = store::groups::remove_user(conn, &group.uuid, &user)?;
            if !was_member && !store::users::uuid_taken(conn, &user)? {
                return Err(Missing::User(user).into());
            }
            Ok(())
        })
    }
}

fn insert(
    conn: &mut dyn Conn,
    tenant: Uuid,
    uuid: Uuid,
    name: &str,
    slugs: &[String],
) -> Result<Group, GroupError> {
    let duplicate = || GroupError::Duplicate(name.to_owned());
    let slug = slug::first_free(slugs, |slug| store::groups::slug_taken(conn, &tenant, slug))?;
    let slug = slug.ok_or_else(duplicate)?;
    let name = name.to_owned();
    let group = Group { uuid, name, slug, tenant_uuid: tenant, system_managed: false };
    match store::groups::insert(conn, &group) {
        Err(store::Error::Unique { .. }) => Err(duplicate()),
        Err(store::Error::ForeignKey) => Err(Missing::Tenant(tenant).into()),
        result => Ok(result.map(|()| group)?),
    }
}

/// The group, unless the service itself looks after it.
fn changeable(conn: &mut dyn Conn, scope: &Uuid, group: Uuid) -> Result<Group, GroupError> {
    refuse_system_managed(visible_group::<GroupError>(conn, scope, group)?)
}

fn refuse_system_managed(group: Group) -> Result<Group, GroupError> {
    if group.system_managed { Err(GroupError::SystemManaged(group.uuid)) } else { Ok(group) }
}
