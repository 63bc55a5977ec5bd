//! Refresh tokens: made by offline logins, listed, deleted (tokens.md
//! section 5).

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;
use wazo_auth_events::{Event, RefreshToken, Told};
use wazo_auth_store::{
    self as store, Change, Conn, ListQuery, Page,
    refresh_tokens::{Held, Item, NewRefreshToken, Scope},
};

use crate::{
    Services,
    events::end_session,
    missing::{Missing, visible_user},
    users::UserError,
};

/// An offline login's wish for a refresh token.
#[derive(Debug, Clone)]
pub(crate) struct Offline {
    /// The value to use if a new one is made.
    pub(crate) fresh: Uuid,
    pub(crate) client_id: String,
    pub(crate) user: Uuid,
    pub(crate) tenant: Uuid,
    pub(crate) backend: String,
    pub(crate) login: String,
    pub(crate) user_agent: String,
    pub(crate) remote_addr: String,
    pub(crate) created_at: Timestamp,
    pub(crate) mobile: bool,
    pub(crate) metadata: Map<String, Value>,
}

// === impl Offline ===

impl Offline {
    fn told_of(&self, token: &Held) -> RefreshToken {
        told_of(token, &self.user, &self.tenant)
    }
}

/// Why a refresh token is not deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// No such user in the scope.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The user has none for this client.
    #[error("unknown refresh_token for client_id \"{0}\"")]
    UnknownClient(String),
    /// The store cannot write.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Services {
    /// A page of refresh tokens.
    ///
    /// # Errors
    /// The store's.
    pub fn list_refresh_tokens(
        &self,
        scope: Scope,
        query: &ListQuery,
    ) -> Result<Page<Item>, store::Error> {
        self.store().read(|conn| store::refresh_tokens::list(conn, scope, query))
    }

    /// A page of the refresh tokens of a user.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn list_refresh_tokens_of_user(
        &self,
        scope: Uuid,
        user: Uuid,
        query: &ListQuery,
    ) -> Result<Page<Item>, UserError> {
        self.store().read(|conn| {
            let user = visible_user::<UserError>(conn, &scope, user)?.uuid;
            Ok(store::refresh_tokens::list(conn, Scope::User(user), query)?)
        })
    }

    /// Deletes the refresh token of a user's client; its access tokens live on.
    ///
    /// # Errors
    /// [`DeleteError`].
    pub fn delete_refresh_token(
        &self,
        scope: Uuid,
        user: Uuid,
        client_id: &str,
    ) -> Result<(), DeleteError> {
        let client_id = client_id.to_owned();
        self.write_and_tell(Change::Sessions(Some(user)), move |tx, told| {
            let conn = tx.conn();
            let owner = visible_user::<DeleteError>(conn, &scope, user)?;
            let unknown = || DeleteError::UnknownClient(client_id.clone());
            let found = store::refresh_tokens::find(conn, &owner.uuid, &client_id)?;
            let found = found.ok_or_else(unknown)?;
            if !store::refresh_tokens::delete_of_client(conn, &owner.uuid, &client_id)? {
                return Err(unknown());
            }
            told.push(|| {
                Event::RefreshTokenDeleted(told_of(&found, &owner.uuid, &owner.tenant_uuid))
            });
            Ok(())
        })
    }
}

/// Finds or makes the refresh token of an offline login, by the rules of
/// section 5.1. Gives it and how many sessions the mobile rules ended.
pub(crate) fn obtain(
    conn: &mut dyn Conn,
    told: &mut Told,
    offline: &Offline,
) -> Result<(Uuid, u64), store::Error> {
    let existing = store::refresh_tokens::find(conn, &offline.user, &offline.client_id)?;
    let mut ended = 0;
    match existing {
        Some(existing) if offline.mobile => ended += supersede(conn, told, offline, &existing)?,
        Some(Held { uuid: Some(uuid), .. }) => return Ok((uuid, 0)),
        // Sealed under a key that was lost: nobody can present it any more.
        Some(unreadable) => {
            store::refresh_tokens::delete(conn, &unreadable)?;
            told.push(|| Event::RefreshTokenDeleted(offline.told_of(&unreadable)));
        }
        None => {}
    }
    let row = NewRefreshToken {
        uuid: offline.fresh,
        client_id: Some(offline.client_id.clone()),
        user_uuid: Some(offline.user),
        backend: Some(offline.backend.clone()),
        login: Some(offline.login.clone()),
        user_agent: Some(offline.user_agent.clone()),
        remote_addr: Some(offline.remote_addr.clone()),
        created_at: Some(offline.created_at),
        mobile: offline.mobile,
        metadata: offline.metadata.clone(),
    };
    store::refresh_tokens::insert(conn, &row)?;
    told.push(|| {
        Event::RefreshTokenCreated(RefreshToken {
            client_id: offline.client_id.clone(),
            mobile: offline.mobile,
            user_uuid: offline.user,
            tenant_uuid: offline.tenant,
        })
    });
    if offline.mobile {
        // A user has one mobile at a time.
        for other in store::refresh_tokens::mobile_of_user(conn, &offline.user)? {
            if other.uuid != Some(offline.fresh) {
                ended += supersede(conn, told, offline, &other)?;
            }
        }
    }
    Ok((offline.fresh, ended))
}

/// Deletes a refresh token with the sessions that came from it.
fn supersede(
    conn: &mut dyn Conn,
    told: &mut Told,
    offline: &Offline,
    refresh_token: &Held,
) -> Result<u64, store::Error> {
    let sessions = store::sessions::of_refresh_token(conn, refresh_token)?;
    for session in &sessions {
        end_session(conn, told, session)?;
    }
    store::refresh_tokens::delete(conn, refresh_token)?;
    told.push(|| Event::RefreshTokenDeleted(offline.told_of(refresh_token)));
    Ok(sessions.len() as u64)
}

/// What the bus is told of a refresh token of this user.
fn told_of(token: &Held, user: &Uuid, tenant: &Uuid) -> RefreshToken {
    RefreshToken {
        client_id: token.client_id.clone().unwrap_or_default(),
        mobile: token.mobile,
        user_uuid: *user,
        tenant_uuid: *tenant,
    }
}

#[cfg(test)]
mod tests;
