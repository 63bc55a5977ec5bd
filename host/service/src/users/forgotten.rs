//! Requests for another password (email-flows.md section 4).
//!
//! Whoever asks is told nothing: not whether there is such a user, not whether a
//! mail was sent, and neither by the time of the answer. So nobody waits here.

use std::{sync::Arc, time::Instant};

use wazo_auth_store::{
    self as store,
    users::{Named, User},
};

use super::passwords::is_external;
use crate::{
    Services,
    mails::{Link, MOST_RESETS, MailError, Origin, RESETS_WITHIN, Recipient},
};

impl Services {
    /// Has a mail sent to a user, if there is one whose password is kept here and
    /// who has an address. Returns at once.
    ///
    /// No address is sent more than a few in a while, so that nobody is flooded.
    /// With too many requests waiting (the mail server hangs), this one is dropped:
    /// refusing it would tell which of them were for somebody. The log says so.
    pub fn request_password_reset(self: &Arc<Self>, named: Named, name: String, origin: Origin) {
        let there = Arc::clone(self);
        let job = move || there.send_reset(named, &name, &origin);
        let done = |result: Result<Result<(), MailError>, _>| {
            if let Ok(Err(error)) = result {
                log::error!(target: "wazo_auth.mails", "a mail that resets a password was not sent: {error}");
            }
        };
        if self.mails().resets().submit(job, done).is_err() {
            log::warn!(
                target: "wazo_auth.mails",
                "a request to reset a password was dropped: too many wait; the mail server seems \
                 to be slow, or somebody sends very many"
            );
        }
    }

    fn send_reset(
        self: &Arc<Self>,
        named: Named,
        name: &str,
        origin: &Origin,
    ) -> Result<(), MailError> {
        let found = self.store().read(|conn| store::users::by_name(conn, named, name))?;
        let Some(user) = found.filter(|user| !is_external(user)) else { return Ok(()) };
        let Some(address) = address(&user, named, name) else { return Ok(()) };
        let (mails, now) = (self.mails(), Instant::now());
        if !mails.admit_reset(&address, now) {
            log::warn!(
                target: "wazo_auth.mails",
                "a request to reset the password of the user {} was dropped: {MOST_RESETS} mails \
                 went to that address within {} minutes",
                user.uuid, RESETS_WITHIN.as_secs() / 60
            );
            return Ok(());
        }
        let to = Recipient { username: user.username.clone(), address: address.clone() };
        let sent = self.send_link(Link::PasswordReset(user.uuid), to, origin);
        if sent.is_err() {
            mails.forget_reset(&address, now);
        }
        sent
    }
}

/// Where the mail goes: to an address as it is stored, never as it was typed, which
/// might differ by a letter that folds to the same one.
fn address(user: &User, named: Named, name: &str) -> Option<String> {
    let emails = &user.emails;
    let found = match named {
        // Its case may differ from that of the stored one.
        Named::ByAddress => emails.iter().find(|email| email.address == name).or_else(|| {
            emails.iter().find(|email| store::fold(&email.address) == store::fold(name))
        }),
        _ => emails
            .iter()
            .find(|email| email.main && email.confirmed)
            .or_else(|| emails.iter().find(|email| email.confirmed)),
    };
    found.map(|email| email.address.clone())
}
