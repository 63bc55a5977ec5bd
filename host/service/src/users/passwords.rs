//! Passwords: verified, changed, reset (users.md section 10, email-flows.md
//! section 5).

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use uuid::Uuid;
use wazo_auth_events::Told;
use wazo_auth_password::{Busy, HashError, HashingFailed, StoredHash};
use wazo_auth_store::{
    self as store, Change, Conn,
    users::{StoredPassword, User},
};

use crate::{
    Services, mails,
    missing::{Missing, visible_user},
    users::{DEFAULT_METHOD, NATIVE_METHOD, UserError, effective_method, end_sessions},
};

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

impl From<HashError> for VerifyError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy(busy) => Self::Busy(busy),
            HashError::Failed(failed) => Self::Hashing(failed),
        }
    }
}

impl From<VerifyError> for UserError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Busy(busy) => Self::Busy(busy),
            VerifyError::Hashing(failed) => Self::Hashing(failed),
            VerifyError::Store(error) => Self::Store(error),
        }
    }
}

impl Services {
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

    /// Changes the password of a user who knows the old one, and logs it out
    /// everywhere; refresh tokens stay.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn change_password(
        &self,
        scope: Uuid,
        user: Uuid,
        old: &str,
        new: String,
    ) -> Result<(), UserError> {
        let user = self.user(scope, user)?;
        let stored = user.password.clone().filter(|_| user.enabled == Some(true));
        let known = stored.as_ref().filter(|_| has_login(&user) && !old.contains('\0'));
        let known = known.map(|StoredPassword { hash, salt }| StoredHash {
            hash: hash.clone(),
            salt: salt.clone(),
        });
        let verified = self.hasher().verify(old.to_owned(), known.as_ref());
        if !verified.map_err(VerifyError::from)? {
            return Err(UserError::Refused);
        }
        refuse_external(&user)?;
        let password = self.hash(new)?;
        self.write_and_tell(Change::Directory, move |tx, told| {
            let conn = tx.conn();
            let now = visible_user::<UserError>(conn, &scope, user.uuid)?;
            // It was changed, or the user disabled, while this one was hashed.
            if now.password != stored || now.enabled != Some(true) {
                return Err(UserError::Refused);
            }
            refuse_external(&now)?;
            store_password(conn, told, &now, Some(&password))
        })
    }

    /// Gives a user another password, or none, and logs it out everywhere;
    /// refresh tokens stay. To be called for whoever was allowed to, by `token`: the
    /// one of a mail's link does so once.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn reset_password(
        &self,
        user: Uuid,
        new: Option<String>,
        token: Option<Uuid>,
    ) -> Result<(), UserError> {
        let found = self.store().read(|conn| store::users::get(conn, &user))?;
        may_reset(found, user, new.is_some())?;
        let password = new.map(|new| self.hash(new)).transpose()?;
        self.write_and_tell(Change::Directory, move |tx, told| {
            let conn = tx.conn();
            let user = may_reset(store::users::get(conn, &user)?, user, password.is_some())?;
            if let Some(token) = &token {
                use_up(conn, token)?;
            }
            store_password(conn, told, &user, password.as_ref())
        })
    }

    /// What is stored of a new password.
    pub(super) fn hash(&self, password: String) -> Result<StoredPassword, HashError> {
        let salt = self.context().random::<64>();
        let hash = self.hasher().hash_new(password, salt)?;
        Ok(StoredPassword { hash, salt: salt.to_vec() })
    }
}

/// Ends the token of a link that resets a password; others stay.
fn use_up(conn: &mut dyn Conn, token: &Uuid) -> Result<(), UserError> {
    // It was there when it was looked at: somebody else has used it meanwhile.
    let row = store::tokens::get(conn, token)?.ok_or(UserError::LinkUsed)?;
    if mails::is_link(&row) {
        store::sessions::delete(conn, &row.session_uuid)?;
    }
    Ok(())
}

/// The user, if its password may be reset: to another one only if the user could
/// log in with it.
fn may_reset(found: Option<User>, user: Uuid, to_another: bool) -> Result<User, UserError> {
    let user = found.ok_or(Missing::User(user))?;
    if to_another {
        if !has_login(&user) {
            return Err(UserError::Refused);
        }
        refuse_external(&user)?;
    }
    Ok(user)
}

fn store_password(
    conn: &mut dyn Conn,
    told: &mut Told,
    user: &User,
    password: Option<&StoredPassword>,
) -> Result<(), UserError> {
    store::users::set_password(conn, &user.uuid, password)?;
    Ok(end_sessions(conn, told, user)?)
}

/// Whether there is anything to log in with: a username, or the main address
/// once it is confirmed.
fn has_login(user: &User) -> bool {
    user.username.is_some() || user.emails.iter().any(|email| email.main && email.confirmed)
}

fn refuse_external(user: &User) -> Result<(), UserError> {
    match is_external(user) {
        false => Ok(()),
        true => Err(UserError::External(user.uuid)),
    }
}

/// Whether the password is kept elsewhere.
pub(super) fn is_external(user: &User) -> bool {
    !matches!(effective_method(user), NATIVE_METHOD | DEFAULT_METHOD)
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
