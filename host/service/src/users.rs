//! Users: created, found by login, their passwords verified (users.md).

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use uuid::Uuid;
use wazo_auth_password::{Busy, HashError, HashingFailed, StoredHash};
use wazo_auth_store::{
    self as store, ListQuery, Lock, Page,
    users::{Listed, Scope, User},
};

use crate::{NotReady, Services};

/// The method that means "whatever my tenant's default is".
pub const DEFAULT_METHOD: &str = "default";
/// The method of users whose password is in our own database.
pub const NATIVE_METHOD: &str = "native";

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

/// Why a user cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateUserError {
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
    /// The tenant is gone.
    #[error("No such tenant: \"{0}\"")]
    UnknownTenant(Uuid),
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

/// Why a password cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Too many passwords wait to be hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Hashing the password failed.
    #[error(transparent)]
    Hashing(#[from] HashingFailed),
    /// The store cannot read.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<HashError> for CreateUserError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy(busy) => Self::Busy(busy),
            HashError::Failed(failed) => Self::Hashing(failed),
        }
    }
}

impl From<HashError> for VerifyError {
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
    /// Whether users and tenants may have this authentication method.
    ///
    /// # Errors
    /// [`NotReady`].
    pub fn is_known_method(&self, method: &str) -> Result<bool, NotReady> {
        Ok(method == DEFAULT_METHOD
            || method == NATIVE_METHOD
            || self.plugins()?.third_party_backends().any(|backend| backend.name() == method))
    }

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

    /// [`user_by_login`](Self::user_by_login) for somebody who may be guessing:
    /// takes the same time whether or not there is such a user.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn user_of_attempt(&self, login: &str) -> Result<Option<Arc<User>>, store::Error> {
        in_even_time(|| self.user_by_login(login))
    }

    /// Whether `password` is that of the user `login`. Takes as long for users
    /// that do not exist or have no password (users.md section 10.1).
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_password(&self, login: &str, password: &str) -> Result<bool, VerifyError> {
        let stored =
            in_even_time(|| {
                let user = self.user_by_login(login)?;
                let stored = user.as_deref().and_then(|user| user.password.as_ref());
                Ok::<_, store::Error>(stored.map(|stored| StoredHash {
                    hash: stored.hash.clone(),
                    salt: stored.salt.clone(),
                }))
            })?;
        // A NUL at the end of a password does not change its hash: whoever
        // types one has not typed the password.
        let stored = stored.filter(|_| !password.contains('\0'));
        Ok(self.hasher().verify(password.to_owned(), stored.as_ref())?)
    }

    /// Does the work of [`verify_password`](Self::verify_password) for nobody.
    pub(crate) fn verify_nobody(&self, password: &str) -> Result<(), VerifyError> {
        self.hasher().verify(password.to_owned(), None)?;
        Ok(())
    }

    /// A page of users.
    ///
    /// # Errors
    /// The store's.
    pub fn list_users(
        &self,
        scope: Scope,
        query: &ListQuery,
    ) -> Result<Page<Listed>, store::Error> {
        self.store().read(|conn| store::users::list(conn, scope, query))
    }

    /// Creates a user in `tenant`, a member of its all-users group.
    ///
    /// # Errors
    /// [`CreateUserError`].
    pub fn create_user(&self, tenant: Uuid, new: NewUser) -> Result<User, CreateUserError> {
        self.create_user_with_policies(tenant, new, Vec::new())
    }

    /// Creates a user that holds `policies` from the start.
    ///
    /// # Errors
    /// [`CreateUserError`].
    pub fn create_user_with_policies(
        &self,
        tenant: Uuid,
        new: NewUser,
        policies: Vec<Uuid>,
    ) -> Result<User, CreateUserError> {
        let method = new.authentication_method.clone().unwrap_or_else(|| {
            let own = new.purpose == "internal" || new.purpose == "external_api";
            if own { NATIVE_METHOD } else { DEFAULT_METHOD }.to_owned()
        });
        if !self.is_known_method(&method)? {
            return Err(CreateUserError::InvalidMethod(method));
        }
        let password = match new.password {
            Some(password) => {
                let salt = self.context().random::<64>();
                let hash = self.hasher().hash_new(password, salt)?;
                Some(store::users::StoredPassword { hash, salt: salt.to_vec() })
            }
            None => None,
        };
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
        let locks: Vec<Lock> =
            [row.username.as_deref(), email.as_ref().map(|email| &*email.address)]
                .into_iter()
                .flatten()
                .map(|login| Lock::Login(store::fold(login)))
                .collect();
        self.store().write(&locks, move |tx| {
            let conn = tx.conn();
            check_free(conn, &row, email.as_ref())?;
            store::users::insert(conn, &row)?;
            if let Some(email) = &email {
                store::users::insert_email(conn, &row.uuid, email)?;
            }
            let group = store::groups::ensure_all_users_group(conn, &tenant, group)?;
            store::groups::add_user(conn, &group, &row.uuid)?;
            for policy in &policies {
                store::policies::attach_to_user(conn, &row.uuid, policy)?;
            }
            store::users::get(conn, &row.uuid)?.ok_or(CreateUserError::UuidTaken(row.uuid))
        })
    }
}

/// How long the user of a login is looked for, found or not: some ten times what
/// it takes, and little beside the hash.
const LOOKUP: Duration = Duration::from_micros(500);

/// Does not return before [`LOOKUP`] is over: how long `look` took does not show.
fn in_even_time<T>(look: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let found = look();
    while let Some(left) = LOOKUP.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
    found
}

/// The pre-checks of a creation, inside its transaction.
fn check_free(
    conn: &mut dyn store::Conn,
    row: &store::users::NewUser,
    email: Option<&store::users::Email>,
) -> Result<(), CreateUserError> {
    if store::tenants::get(conn, &row.tenant_uuid)?.is_none() {
        return Err(CreateUserError::UnknownTenant(row.tenant_uuid));
    }
    let claims = [
        ("username", row.username.as_deref()),
        ("email_address", email.map(|email| &*email.address)),
    ];
    for (field, login) in claims {
        if let Some(login) = login
            && store::users::login_taken(conn, login)?
        {
            return Err(CreateUserError::LoginTaken { field, login: login.to_owned() });
        }
    }
    if store::users::uuid_taken(conn, &row.uuid)? {
        return Err(CreateUserError::UuidTaken(row.uuid));
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
