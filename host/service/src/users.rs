//! Users (users.md).

mod confirmation;
mod emails;
mod forgotten;
mod passwords;
mod registration;

use std::{sync::Arc, time::Duration};

use uuid::Uuid;
use wazo_auth_events::{Event, Told};
use wazo_auth_password::{Busy, HashError, HashingFailed};
use wazo_auth_store::{
    self as store, Change, Conn, ListQuery, Page, Tenants,
    sessions::Session,
    users::{Listed, Scope, User},
};

use crate::{
    NotReady, Services,
    missing::{Missing, visible_user},
    totals::Counted,
};

pub use confirmation::ConfirmationError;
pub use emails::EmailFields;
pub use passwords::VerifyError;
pub use registration::{Registration, RegistrationError};

/// The method that means "whatever my tenant's default is".
pub const DEFAULT_METHOD: &str = "default";
/// The method of users whose password is in our own database.
pub const NATIVE_METHOD: &str = "native";
/// What a user may be for.
pub const PURPOSES: [&str; 3] = ["user", "internal", "external_api"];

/// What a new user is made of; the rules have been checked by the edge for form
/// (lengths, types), not for meaning.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Chosen by the caller, or made here.
    pub uuid: Option<Uuid>,
    /// Login.
    pub username: Option<String>,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// `user`, `internal` or `external_api`.
    pub purpose: String,
    /// How the user logs in; `None`: by purpose.
    pub authentication_method: Option<String>,
    /// May log in.
    pub enabled: bool,
    /// Clear password; never stored, never logged.
    pub password: Option<String>,
    /// A first address: main and confirmed.
    pub email_address: Option<String>,
}

/// What an update replaces of a user.
#[derive(Debug, Clone)]
pub struct UserFields {
    /// Login.
    pub username: Option<String>,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// `user`, `internal` or `external_api`.
    pub purpose: String,
    /// How the user logs in; `None`: by purpose.
    pub authentication_method: Option<String>,
    /// May log in; if not, its sessions end.
    pub enabled: bool,
}

/// Why an operation on a user is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// No such authentication method.
    #[error("Invalid authentication method {0}")]
    InvalidMethod(String),
    /// The username or address (named by `field`) is somebody's login.
    #[error("The login \"{login}\" is already used")]
    LoginTaken {
        /// `username` or `email_address`.
        field: &'static str,
        /// The login as given.
        login: String,
    },
    /// The chosen UUID is taken.
    #[error("The uuid \"{0}\" is already used")]
    UuidTaken(Uuid),
    /// The user, an address or the tenant is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The password given is not the user's, or it has none that it could use.
    #[error("Authentication Failed")]
    Refused,
    /// The link of the mail was used already.
    #[error("this link was used already")]
    LinkUsed,
    /// Its password is kept elsewhere.
    #[error("Unable to update externally managed password for user : \"{0}\"")]
    External(Uuid),
    /// The password cannot be hashed now.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Hashing the password failed.
    #[error(transparent)]
    Hashing(#[from] HashingFailed),
    /// Plugins are still being loaded.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The store cannot write.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<HashError> for UserError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy(busy) => Self::Busy(busy),
            HashError::Failed(failed) => Self::Hashing(failed),
        }
    }
}

/// How long a refused login should wait before it tries again.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

impl Services {
    /// The enabled user that `login` means: by confirmed address, else by
    /// username, in any letter case (tokens.md section 4.5).
    ///
    /// # Errors
    /// The store's.
    pub fn user_by_login(&self, login: &str) -> Result<Option<Arc<User>>, store::Error> {
        if login.is_empty() || login.contains('\0') {
            return Ok(None);
        }
        self.directory().by_login(self.store(), login)
    }

    /// A page of users.
    ///
    /// # Errors
    /// The store's.
    pub fn list_users(
        &self,
        tenants: Tenants,
        query: &ListQuery,
    ) -> Result<Page<Listed>, store::Error> {
        self.totals().page(self.store(), Counted::Users(tenants), query, |conn, query| {
            store::users::list(conn, Scope::Tenants(tenants), query)
        })
    }

    /// Creates a user in `tenant`, a member of its all-users group.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn create_user(&self, tenant: Uuid, new: NewUser) -> Result<User, UserError> {
        self.create_user_with_policies(tenant, new, Vec::new())
    }

    /// Creates a user that holds `policies` from the start.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn create_user_with_policies(
        &self,
        tenant: Uuid,
        new: NewUser,
        policies: Vec<Uuid>,
    ) -> Result<User, UserError> {
        let method = self.method(&new.purpose, new.authentication_method.as_deref())?;
        let password = new.password.map(|password| self.hash(password)).transpose()?;
        let row = store::users::NewUser {
            uuid: new.uuid.unwrap_or_else(|| self.context().uuid()),
            username: new.username,
            password,
            firstname: new.firstname,
            lastname: new.lastname,
            enabled: new.enabled,
            tenant_uuid: tenant,
            purpose: new.purpose,
            authentication_method: method,
        };
        let email = new.email_address.map(|address| store::users::Email {
            uuid: self.context().uuid(),
            address,
            confirmed: true,
            main: true,
        });
        let group = self.context().uuid();
        self.store().write(Change::Directory, move |tx| {
            insert(tx.conn(), &row, email.as_ref(), group, &policies)
        })
    }
}

/// Adds a user with its first address and its policies, a member of its tenant's
/// all-users group: `group`, if there is none yet.
fn insert(
    conn: &mut dyn Conn,
    row: &store::users::NewUser,
    email: Option<&store::users::Email>,
    group: Uuid,
    policies: &[Uuid],
) -> Result<User, UserError> {
    check_free(conn, row, email)?;
    store::users::insert(conn, row)?;
    if let Some(email) = email {
        store::users::insert_email(conn, &row.uuid, email)?;
    }
    let group = store::groups::ensure_all_users_group(conn, &row.tenant_uuid, group)?;
    store::groups::add_user(conn, &group, &row.uuid)?;
    for policy in policies {
        store::policies::attach_to_user(conn, &row.uuid, policy)?;
    }
    store::users::get(conn, &row.uuid)?.ok_or(UserError::UuidTaken(row.uuid))
}

// Operations on a user that exists.
impl Services {
    /// The user.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn user(&self, scope: Uuid, user: Uuid) -> Result<User, UserError> {
        self.store().read(|conn| visible_user(conn, &scope, user))
    }

    /// Replaces the fields of a user; one that is disabled is logged out.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn update_user(
        &self,
        scope: Uuid,
        user: Uuid,
        fields: UserFields,
    ) -> Result<User, UserError> {
        let method = self.method(&fields.purpose, fields.authentication_method.as_deref())?;
        let row = store::users::Update {
            username: fields.username,
            firstname: fields.firstname,
            lastname: fields.lastname,
            enabled: fields.enabled,
            purpose: fields.purpose,
            authentication_method: method,
        };
        self.write_and_tell(Change::Directory, move |tx, told| {
            let conn = tx.conn();
            let before = visible_user::<UserError>(conn, &scope, user)?;
            let user = before.uuid;
            if let Some(username) = &row.username {
                refuse_taken(conn, "username", username, Some(&user))?;
            }
            store::users::update(conn, &user, &row)?;
            if !row.enabled {
                end_sessions(conn, told, &before)?;
            }
            store::users::get(conn, &user)?.ok_or_else(|| Missing::User(user).into())
        })
    }

    /// Deletes a user with all that it has, and logs it out.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn delete_user(&self, scope: Uuid, user: Uuid) -> Result<(), UserError> {
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            let user = visible_user::<UserError>(conn, &scope, user)?;
            // The bus is told nothing of the end of a user.
            end_sessions(conn, &mut Told::default(), &user)?;
            store::users::delete(conn, &user.uuid)?;
            Ok(())
        })
    }

    /// The method of a user of this purpose for whom this one was asked.
    fn method(&self, purpose: &str, asked: Option<&str>) -> Result<String, UserError> {
        let own = purpose == "internal" || purpose == "external_api";
        let method = asked.unwrap_or(if own { NATIVE_METHOD } else { DEFAULT_METHOD });
        let known = self.method_of_name(method)?;
        known.ok_or_else(|| UserError::InvalidMethod(method.to_owned()))
    }
}

/// Ends all sessions of a user, and with them its tokens; the user's tenant is told
/// of them.
fn end_sessions(conn: &mut dyn Conn, told: &mut Told, user: &User) -> Result<(), store::Error> {
    let auth_id = user.uuid.to_string();
    for Session { uuid, .. } in store::sessions::of_user(conn, &auth_id)? {
        store::sessions::delete(conn, &uuid)?;
        told.push(|| Event::SessionDeleted {
            uuid,
            tenant_uuid: user.tenant_uuid.to_string(),
            auth_id: Some(auth_id.clone()),
        });
    }
    Ok(())
}

/// Refuses a login that somebody else has.
fn refuse_taken(
    conn: &mut dyn Conn,
    field: &'static str,
    login: &str,
    owner: Option<&Uuid>,
) -> Result<(), UserError> {
    match store::users::login_taken(conn, login, owner)? {
        true => Err(UserError::LoginTaken { field, login: login.to_owned() }),
        false => Ok(()),
    }
}

/// The pre-checks of a creation, inside its transaction.
fn check_free(
    conn: &mut dyn Conn,
    row: &store::users::NewUser,
    email: Option<&store::users::Email>,
) -> Result<(), UserError> {
    if store::tenants::get(conn, &row.tenant_uuid)?.is_none() {
        return Err(Missing::Tenant(row.tenant_uuid).into());
    }
    let claims = [
        ("username", row.username.as_deref()),
        ("email_address", email.map(|email| &*email.address)),
    ];
    for (field, login) in claims {
        if let Some(login) = login {
            refuse_taken(conn, field, login, None)?;
        }
    }
    if store::users::uuid_taken(conn, &row.uuid)? {
        return Err(UserError::UuidTaken(row.uuid));
    }
    Ok(())
}

/// The method that decides how the user logs in.
#[must_use]
pub fn effective_method(user: &User) -> &str {
    if user.authentication_method == DEFAULT_METHOD {
        &user.tenant_default_method
    } else {
        &user.authentication_method
    }
}
