//! The addresses of a user (users.md section 8).

use std::collections::{HashMap, HashSet};

use uuid::Uuid;
use wazo_auth_store::{self as store, Change, Conn, users::Email};

use crate::{
    Services,
    missing::{Missing, visible_user},
    users::{UserError, refuse_taken},
};

/// An address that a user is to have.
#[derive(Debug, Clone)]
pub struct EmailFields {
    /// The address, as it is to be stored.
    pub address: String,
    /// Whether it is the one to write to.
    pub main: bool,
    /// Whether it may be used as a login; none: as it was, or not yet.
    pub confirmed: Option<bool>,
}

impl Services {
    /// Replaces the addresses of a user by these, in their order. One that it has
    /// already keeps its UUID. That only one is the main one is the caller's
    /// matter.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn replace_emails(
        &self,
        scope: Uuid,
        user: Uuid,
        emails: Vec<EmailFields>,
    ) -> Result<Vec<Email>, UserError> {
        let fresh: Vec<Uuid> = emails.iter().map(|_| self.context().uuid()).collect();
        self.store().write(Change::Directory, move |tx| {
            let conn = tx.conn();
            for email in &emails {
                refuse_taken(conn, FIELD, &email.address, Some(&user))?;
            }
            let known = visible_user::<UserError>(conn, &scope, user)?.shown.emails;
            let by_address: HashMap<&str, &Email> =
                known.iter().map(|known| (&*known.address, known)).collect();
            let wanted: Vec<Email> = emails
                .iter()
                .zip(&fresh)
                .map(|(email, fresh)| wanted(email, *fresh, &by_address))
                .collect();
            replace(conn, &user, &known, &wanted)?;
            Ok(wanted)
        })
    }

    /// Notes that an address is its user's.
    ///
    /// # Errors
    /// [`UserError`].
    pub fn confirm_email(&self, email: Uuid) -> Result<(), UserError> {
        self.store().write(Change::Directory, move |tx| {
            match store::users::confirm_email(tx.conn(), &email)? {
                true => Ok(()),
                false => Err(Missing::Email(email).into()),
            }
        })
    }
}

const FIELD: &str = "email_address";

fn wanted(email: &EmailFields, fresh: Uuid, known: &HashMap<&str, &Email>) -> Email {
    let known = known.get(&*email.address);
    Email {
        uuid: known.map_or(fresh, |known| known.uuid),
        address: email.address.clone(),
        main: email.main,
        confirmed: email.confirmed.or(known.map(|known| known.confirmed)).unwrap_or(false),
    }
}

fn replace(
    conn: &mut dyn Conn,
    user: &Uuid,
    known: &[Email],
    wanted: &[Email],
) -> Result<(), UserError> {
    // First those that go: a new one may differ from one of them by its case only.
    let kept: HashSet<Uuid> = wanted.iter().map(|email| email.uuid).collect();
    let known_uuids: HashSet<Uuid> = known.iter().map(|email| email.uuid).collect();
    for gone in known.iter().filter(|known| !kept.contains(&known.uuid)) {
        store::users::delete_email(conn, &gone.uuid)?;
    }
    for email in wanted {
        let stored = match known_uuids.contains(&email.uuid) {
            true => store::users::update_email(conn, email).map(|_| ()),
            false => store::users::insert_email(conn, user, email),
        };
        match stored {
            Err(store::Error::Unique { .. }) => {
                let login = email.address.clone();
                return Err(UserError::LoginTaken { field: FIELD, login });
            }
            stored => stored?,
        }
    }
    Ok(())
}
