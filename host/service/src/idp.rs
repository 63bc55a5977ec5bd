//! Assigning authentication methods to users (idp.md).

use uuid::Uuid;
use wazo_auth_store::{self as store, Change, TokenIndex};

use crate::{
    NotReady, Services,
    missing::{Missing, visible_user},
    users::DEFAULT_METHOD,
};

/// Why a method is not assigned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdpError {
    /// Nobody provides this method.
    #[error("No such IDP type: \"{0}\"")]
    UnknownType(String),
    /// The user is not there; its UUID, or what was given as one.
    #[error("No such user: \"{0}\"")]
    UnknownUser(String),
    /// Plugins are still being loaded.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The store cannot write.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<Missing> for IdpError {
    fn from(missing: Missing) -> Self {
        Self::UnknownUser(missing.uuid().to_string())
    }
}

impl Services {
    /// The method that a type of identity provider stands for.
    ///
    /// # Errors
    /// [`IdpError::UnknownType`] when nobody provides it.
    pub fn idp_method(&self, idp_type: &str) -> Result<String, IdpError> {
        let method = self.method_of_name(idp_type)?;
        method.ok_or_else(|| IdpError::UnknownType(idp_type.to_owned()))
    }

    /// Gives users another method: all of them, or none when one of them is not
    /// there.
    ///
    /// # Errors
    /// [`IdpError`].
    pub fn assign_method(
        &self,
        scope: Uuid,
        users: Vec<String>,
        method: String,
    ) -> Result<(), IdpError> {
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            for user in &users {
                let uuid = TokenIndex::parse_token(user);
                let uuid = uuid.ok_or_else(|| IdpError::UnknownUser(user.clone()))?;
                let user = visible_user::<IdpError>(conn, &scope, uuid)?.uuid;
                store::users::set_authentication_method(conn, &user, &method)?;
            }
            Ok(())
        })
    }

    /// Gives a user who has this method the default one again.
    ///
    /// # Errors
    /// [`IdpError`].
    pub fn withdraw_method(&self, scope: Uuid, user: Uuid, method: String) -> Result<(), IdpError> {
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let user = visible_user::<IdpError>(conn, &scope, user)?;
            if user.authentication_method == method {
                store::users::set_authentication_method(conn, &user.uuid, DEFAULT_METHOD)?;
            }
            Ok(())
        })
    }
}
