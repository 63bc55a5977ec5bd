//! Sessions: listed and ended (tokens.md section 8).

use uuid::Uuid;
use wazo_auth_events::Told;
use wazo_auth_store::{
    self as store, Change, Conn, ListQuery, Page,
    sessions::{Listed, Scope},
};

use crate::{Services, events::end_session, missing::visible_user, users::UserError};

impl Services {
    /// A page of the sessions of tenants.
    ///
    /// # Errors
    /// The store's.
    pub fn list_sessions(
        &self,
        scope: Scope,
        query: &ListQuery,
    ) -> Result<Page<Listed>, store::Error> {
        self.store().read(|conn| store::sessions::list(conn, scope, query))
    }

    /// A page of the sessions of a user.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn list_sessions_of_user(
        &self,
        scope: Uuid,
        user: Uuid,
        query: &ListQuery,
    ) -> Result<Page<Listed>, UserError> {
        self.store().read(|conn| {
            let user = visible_user::<UserError>(conn, &scope, user)?.uuid;
            Ok(store::sessions::list(conn, Scope::OfUser(user), query)?)
        })
    }

    /// Ends a session of a tenant that the request sees. Others, and what is no
    /// session, are left alone without a word.
    ///
    /// # Errors
    /// The store's.
    pub fn end_session(&self, scope: Uuid, session: Uuid) -> Result<(), store::Error> {
        self.write_and_tell(Change::Sessions(None), move |tx, told| {
            end(tx.conn(), told, &scope, &session)
        })
    }

    /// The same for a session of this user.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn end_session_of_user(
        &self,
        scope: Uuid,
        user: Uuid,
        session: Uuid,
    ) -> Result<(), UserError> {
        self.write_and_tell(Change::Sessions(Some(user)), move |tx, told| {
            let conn = tx.conn();
            let user = visible_user::<UserError>(conn, &scope, user)?.uuid;
            if store::sessions::is_of(conn, &session, &user.to_string())? {
                end(conn, told, &scope, &session)?;
            }
            Ok(())
        })
    }
}

fn end(
    conn: &mut dyn Conn,
    told: &mut Told,
    scope: &Uuid,
    session: &Uuid,
) -> Result<(), store::Error> {
    let Some(found) = store::sessions::get(conn, session)? else { return Ok(()) };
    if store::tenants::is_in_subtree(conn, &found.tenant_uuid, scope)? {
        end_session(conn, told, &found)?;
    }
    Ok(())
}
