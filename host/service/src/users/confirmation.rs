//! Mails that ask to confirm an address (email-flows.md section 3).

use std::sync::Arc;

use uuid::Uuid;
use wazo_auth_store as store;

use crate::{
    Services,
    mails::{Link, MailError, Origin, Recipient},
    missing::Missing,
};

/// Why no mail was sent that asks to confirm an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfirmationError {
    /// The user, or the address of that user, is not there.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// There is nothing to confirm.
    #[error("This email already confirmed: \"{0}\"")]
    Confirmed(Uuid),
    /// The mail was not accepted.
    #[error("a mail that confirms an address was not sent: {0}")]
    Mail(#[from] MailError),
    /// The store cannot read.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Services {
    /// Sends the mail by which a user, of whatever tenant, confirms an address.
    /// Returns once it is accepted.
    ///
    /// # Errors
    /// [`ConfirmationError`].
    pub fn request_confirmation(
        self: &Arc<Self>,
        user: Uuid,
        email: Uuid,
        origin: &Origin,
    ) -> Result<(), ConfirmationError> {
        let found = self.store().read(|conn| store::users::get(conn, &user))?;
        let user = found.ok_or(Missing::User(user))?.shown;
        let known = user.emails.into_iter().find(|known| known.uuid == email);
        let known = known.ok_or(Missing::Email(email))?;
        if known.confirmed {
            return Err(ConfirmationError::Confirmed(email));
        }
        let to = Recipient { username: user.username, address: known.address };
        Ok(self.send_link(Link::Confirmation(email), to, origin)?)
    }
}
