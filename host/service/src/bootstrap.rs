//! The first administrator (bootstrap.md section 7).

use uuid::Uuid;
use wazo_auth_password::{Busy, HashingFailed};
use wazo_auth_store as store;

use crate::{
    NotReady, Services,
    users::{NATIVE_METHOD, NewUser, PURPOSES, UserError, VerifyError},
};

/// In characters, as `POST /users` has it.
const USERNAME_MAX: usize = 256;

/// The user to make sure of.
#[derive(Debug, Clone)]
pub struct InitialUser {
    /// Login.
    pub username: String,
    /// Clear password.
    pub password: String,
    /// Purpose; `internal` unless configured.
    pub purpose: String,
    /// The policy to give it.
    pub policy_slug: String,
}

/// Why there is no initial user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// The name is taken by somebody with another password.
    #[error("User {0} already exists with different credential")]
    OtherCredentials(String),
    /// Nobody could log in with it.
    #[error("the username {0:?} cannot be used: 1 to 256 characters without `:` are expected")]
    BadUsername(String),
    /// The policy does not exist.
    #[error(
        "there is no policy with slug `{0}` in the top tenant: check `bootstrap_user_policy_slug` \
         or `--policy-slug`"
    )]
    UnknownPolicy(String),
    /// Users have another purpose.
    #[error("`{0}` is no purpose of a user: user, internal or external_api is")]
    UnknownPurpose(String),
    /// The user exists already, and another password cannot be given to it.
    #[error("the password of user {username} cannot be reset: {source}")]
    Reset {
        /// Its login.
        username: String,
        /// Why.
        source: UserError,
    },
    /// The user cannot be created.
    #[error(transparent)]
    Create(#[from] UserError),
    /// The password cannot be hashed now.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Hashing the password failed.
    #[error(transparent)]
    Hashing(#[from] HashingFailed),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Plugins are still being loaded.
    #[error(transparent)]
    NotReady(#[from] NotReady),
}

impl From<VerifyError> for BootstrapError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Busy(busy) => Self::Busy(busy),
            VerifyError::Hashing(failed) => Self::Hashing(failed),
            VerifyError::Store(error) => Self::Store(error),
        }
    }
}

impl Services {
    /// Makes sure of the initial user: nothing to do when the credentials work
    /// already.
    ///
    /// # Errors
    /// [`BootstrapError`].
    pub fn ensure_initial_user(&self, wanted: &InitialUser) -> Result<(), BootstrapError> {
        if self.verify_password(&wanted.username, &wanted.password)? {
            return Ok(());
        }
        match self.create_initial_user(wanted) {
            // Another daemon, which starts at the same moment, may just have made it:
            // so lately that memory has not heard of it.
            Err(taken @ BootstrapError::OtherCredentials(_)) => {
                self.store().catch_up();
                if self.verify_password(&wanted.username, &wanted.password)? {
                    return Ok(());
                }
                Err(taken)
            }
            made => made,
        }
    }

    /// Gives the initial user its password, whatever it had before, and logs it
    /// out; makes the user when there is none.
    ///
    /// # Errors
    /// [`BootstrapError`].
    pub fn renew_initial_user(&self, wanted: &InitialUser) -> Result<(), BootstrapError> {
        let InitialUser { username, password, .. } = wanted;
        let known = self.store().read(|conn| store::users::uuid_by_username(conn, username))?;
        let Some(user) = known else { return self.create_initial_user(wanted) };
        self.reset_password(user, Some(password.clone()), None)
            .map_err(|source| BootstrapError::Reset { username: username.clone(), source })
    }

    fn create_initial_user(&self, wanted: &InitialUser) -> Result<(), BootstrapError> {
        if !PURPOSES.contains(&wanted.purpose.as_str()) {
            return Err(BootstrapError::UnknownPurpose(wanted.purpose.clone()));
        }
        let username = &wanted.username;
        // Basic authentication ends the name at the first colon.
        if !(1..=USERNAME_MAX).contains(&username.chars().count()) || username.contains([':', '\0'])
        {
            return Err(BootstrapError::BadUsername(username.clone()));
        }
        if self.store().read(|conn| store::users::login_taken(conn, username, None))? {
            return Err(BootstrapError::OtherCredentials(username.clone()));
        }
        let top = self.top_tenant();
        let policy: Option<Uuid> = self
            .store()
            .read(|conn| store::policies::by_slug(conn, &top, &wanted.policy_slug))?
            .map(|policy| policy.uuid);
        let policy =
            policy.ok_or_else(|| BootstrapError::UnknownPolicy(wanted.policy_slug.clone()))?;
        let new = NewUser {
            uuid: None,
            username: Some(wanted.username.clone()),
            firstname: None,
            lastname: None,
            purpose: wanted.purpose.clone(),
            authentication_method: Some(NATIVE_METHOD.to_owned()),
            enabled: true,
            password: Some(wanted.password.clone()),
            email_address: None,
        };
        let user =
            self.create_user_with_policies(top, new, vec![policy]).map_err(
                |error| match error {
                    UserError::LoginTaken { login, .. } => BootstrapError::OtherCredentials(login),
                    error => BootstrapError::Create(error),
                },
            )?;
        log::info!(target: "wazo_auth.bootstrap", "created the initial user {} ({})", wanted.username, user.uuid);
        Ok(())
    }
}
