//! Policies attached to users and groups (policies.md section 7, groups.md
//! section 6).

use uuid::Uuid;
use wazo_auth_store::{self as store, Change, groups::Group, index::LiveToken, users::User};

use super::{Grant, PolicyError, PolicyId, find_visible, unknown};
use crate::{
    Services,
    missing::{visible_group, visible_user},
    tokens::TokenSubject,
};

impl Services {
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
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            if let (Holder::Group(group), PolicyId::Uuid(_)) = (holder, &id) {
                let _: Group = visible_group::<PolicyError>(conn, &scope, group)?;
            }
            let policy = find_visible(conn, &scope, &id)?.uuid;
            let acl = store::policies::accesses(conn, &policy)?;
            let changed = match holder {
                Holder::User(user) => {
                    subject.check_held(&acl, grant)?;
                    let _: User = visible_user::<PolicyError>(conn, &scope, user)?;
                    match grant {
                        Grant::Add => store::policies::attach_to_user(conn, &user, &policy),
                        Grant::Remove => store::policies::detach_from_user(conn, &user, &policy),
                    }
                }
                Holder::Group(group) => {
                    let _: Group = visible_group::<PolicyError>(conn, &scope, group)?;
                    subject.check_held(&acl, grant)?;
                    match grant {
                        Grant::Add => store::groups::add_policy(conn, &group, &policy),
                        Grant::Remove => store::groups::remove_policy(conn, &group, &policy),
                    }
                }
            };
            match changed {
                // It was deleted this very moment.
                Err(store::Error::ForeignKey) => Err(unknown(&id)),
                changed => Ok(changed.map(drop)?),
            }
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
