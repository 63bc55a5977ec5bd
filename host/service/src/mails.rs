//! Mails with a link: what the link may do, what the mail is made of, and how it is
//! handed to the plugin that sends it (email-flows.md).
//!
//! ```text
//!  registration, confirmation ─▶ deliver ─────────▶ courier ─▶ plugin ─▶ mail server
//!        (wait, 4 s at most)       ▲
//!  reset request ─▶ reset desk ────┘
//!        (does not wait)
//! ```
//!
//! Both pools are bounded. A courier that a plugin never gives back is replaced, as
//! any thread with a deadline is.

use std::{
    collections::HashMap,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Map;
use uuid::Uuid;
use wazo_auth_plugins::{CallError, EmailContext, EmailTemplate};
use wazo_auth_store::{self as store, tokens::Token};
use wazo_auth_work::{Lost, Pool};

pub use wazo_auth_templates::{Template, TemplateError, Templates};

use crate::{NotReady, OWN_AUTH_ID, Services, tokens::Internal};

/// Settings of mails (config.md section 2.7).
#[derive(Debug, Clone)]
pub struct MailRules {
    /// Seconds that the link is valid which confirms an address.
    pub confirmation_expiration: i64,
    /// The same of the link for another password.
    pub password_reset_expiration: i64,
    /// What the mails say.
    pub templates: Arc<Templates>,
}

/// Where a link leads: to the host that the request was sent to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its name, or its address.
    pub hostname: Option<String>,
    /// The port, if the request named one.
    pub port: Option<u16>,
    /// What a proxy has taken off the path.
    pub prefix: Option<String>,
}

/// Why no mail was accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// Too many mails wait for their server.
    #[error("too many mails are on their way already; the mail server seems to be slow")]
    Busy,
    /// No answer in time.
    #[error("the mail was not accepted within {} s", PATIENCE.as_secs())]
    TooSlow,
    /// The plugin has failed.
    #[error(transparent)]
    Plugin(#[from] CallError),
    /// `email_notification_plugin` names none.
    #[error("there is no plugin that sends mails: name one in `email_notification_plugin`")]
    NoPlugin,
    /// The work has ended in a panic.
    #[error("sending it ended in a panic, see the lines before")]
    Panicked,
    /// Plugins are still being loaded.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The link cannot be stored.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// How long the cause of a mail waits until it is accepted.
const PATIENCE: Duration = Duration::from_secs(4);
/// Mails on their way at once. None waits for another one: who does not find a
/// courier is told so.
const COURIERS: usize = 32;
/// Reset requests looked at at once.
const DESKS: usize = 4;
/// Reset requests that may wait for that. With a mail server that answers, a
/// thousand of them are gone in seconds.
const WAITING_RESETS: usize = 1000;
/// So many mails that reset a password go to one address in so long a time: nobody
/// floods a letter box by asking again and again.
pub(crate) const MOST_RESETS: usize = 5;
pub(crate) const RESETS_WITHIN: Duration = Duration::from_secs(600);

/// What distinguishes the token of a link (email-flows.md section 2).
const USER_AGENT: &str = "wazo-auth-email-reset";

/// Who works on mails.
pub(crate) struct Mails {
    couriers: Arc<Pool>,
    resets: Arc<Pool>,
    /// When mails that reset a password went to an address, or began to.
    recent_resets: Mutex<HashMap<String, Vec<Instant>>>,
}

/// For whom a mail is.
pub(crate) struct Recipient {
    pub(crate) username: Option<String>,
    pub(crate) address: String,
}

/// A mail as the templates have it.
#[derive(Serialize)]
pub(crate) struct FormattedMail {
    subject: String,
    body: String,
}

/// What a link is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Link {
    /// To confirm this address.
    Confirmation(Uuid),
    /// To give this user another password.
    PasswordReset(Uuid),
}

// === impl MailRules ===

/// Those of a configuration that says nothing.
impl Default for MailRules {
    fn default() -> Self {
        const TWO_DAYS: i64 = 172_800;
        Self {
            confirmation_expiration: TWO_DAYS,
            password_reset_expiration: TWO_DAYS,
            templates: Arc::new(Templates::new(Template::default_path)),
        }
    }
}

// === impl Mails ===

impl Mails {
    pub(crate) fn new() -> Self {
        Self {
            couriers: Pool::new("mails", COURIERS, 0),
            resets: Pool::new("reset-requests", DESKS, WAITING_RESETS),
            recent_resets: Mutex::default(),
        }
    }

    /// Those who look at reset requests.
    pub(crate) fn resets(&self) -> &Pool {
        &self.resets
    }

    /// Whether one more mail that resets a password may go to an address now; if so,
    /// it counts.
    pub(crate) fn admit_reset(&self, address: &str, now: Instant) -> bool {
        let mut recent = self.recent_resets.lock();
        recent.retain(|_, times| {
            times.retain(|time| now.saturating_duration_since(*time) < RESETS_WITHIN);
            !times.is_empty()
        });
        let times = recent.entry(store::fold(address)).or_default();
        let is_admitted = times.len() < MOST_RESETS;
        if is_admitted {
            times.push(now);
        }
        is_admitted
    }

    /// The mail that was admitted then was not accepted: it does not count.
    pub(crate) fn forget_reset(&self, address: &str, then: Instant) {
        let mut recent = self.recent_resets.lock();
        if let Some(times) = recent.get_mut(&store::fold(address))
            && let Some(place) = times.iter().position(|time| *time == then)
        {
            times.remove(place);
        }
    }
}

// === impl Link ===

impl Link {
    fn access(self) -> String {
        match self {
            Self::Confirmation(email) => format!("auth.emails.{email}.confirm.edit"),
            Self::PasswordReset(user) => format!("auth.users.password.reset.{user}.create"),
        }
    }

    fn context(self, token: Uuid, to: Recipient, origin: &Origin) -> EmailContext {
        let mut context = EmailContext::new(token.to_string(), to.address);
        context.username = to.username;
        match self {
            Self::Confirmation(email) => context.email_uuid = Some(email.to_string()),
            Self::PasswordReset(user) => context.user_uuid = Some(user.to_string()),
        }
        let Origin { hostname, port, prefix } = origin.clone();
        (context.hostname, context.port, context.prefix) = (hostname, port, prefix);
        context
    }
}

/// Whether the token is that of a link, and nothing that a caller logged in with.
pub(crate) fn is_link(token: &Token) -> bool {
    token.auth_id == OWN_AUTH_ID && token.user_agent == USER_AGENT
}

impl Services {
    /// Sends a mail with a link, and returns once it is accepted. The link of one
    /// that is not leads nowhere.
    pub(crate) fn send_link(
        self: &Arc<Self>,
        link: Link,
        to: Recipient,
        origin: &Origin,
    ) -> Result<(), MailError> {
        let token = self.issue_link(link)?;
        let sent = self.deliver(link, link.context(token, to, origin));
        if sent.is_err()
            && let Err(error) = self.revoke_link(token)
        {
            // It expires, and nobody has it.
            log::warn!(target: "wazo_auth.mails", "the link of a mail that was not sent stays: {error}");
        }
        sent
    }

    fn issue_link(&self, link: Link) -> Result<Uuid, store::Error> {
        let rules = &self.rules().mails;
        let expiration = match link {
            Link::Confirmation(_) => rules.confirmation_expiration,
            Link::PasswordReset(_) => rules.password_reset_expiration,
        };
        self.issue_internal(Internal {
            expiration,
            acl: vec![link.access()],
            metadata: Map::new(),
            user_agent: USER_AGENT,
            remote_addr: "",
        })
    }

    /// Nobody was told of its creation, so nobody is of its end.
    fn revoke_link(&self, token: Uuid) -> Result<(), store::Error> {
        self.store().write(store::Change::Sessions(None), move |tx| {
            if let Some(row) = store::tokens::get(tx.conn(), &token)? {
                store::sessions::delete(tx.conn(), &row.session_uuid)?;
            }
            Ok(())
        })
    }

    /// Hands a mail to the plugin, which is given up when it takes too long.
    fn deliver(self: &Arc<Self>, link: Link, context: EmailContext) -> Result<(), MailError> {
        let (tell, told) = mpsc::sync_channel(1);
        let there = Arc::clone(self);
        let job = move || there.hand_over(link, &context);
        let done = move |result| {
            // Nobody listens when it came too late.
            let _ = tell.send(result);
        };
        self.mails().couriers.submit(job, done).map_err(|_| MailError::Busy)?;
        match told.recv_timeout(PATIENCE) {
            Ok(Ok(result)) => result,
            Ok(Err(Lost::Panicked)) => Err(MailError::Panicked),
            Ok(Err(Lost::TimedOut)) | Err(_) => Err(MailError::TooSlow),
        }
    }

    fn hand_over(&self, link: Link, context: &EmailContext) -> Result<(), MailError> {
        let plugin = self.plugins()?.email_notification().ok_or(MailError::NoPlugin)?;
        match link {
            Link::Confirmation(_) => plugin.send_confirmation(context)?,
            Link::PasswordReset(_) => plugin.send_password_reset(context)?,
        }
        Ok(())
    }

    /// Waits until the mails are on their way that were asked for without waiting; those
    /// that are not by then are lost, which the log says.
    pub fn finish_mails(&self, patience: Duration) {
        let lost = self.mails().resets.wait_until_idle(patience);
        if lost > 0 {
            log::warn!(
                target: "wazo_auth.mails",
                "the daemon stops: {lost} requests to reset a password were dropped, as the mail \
                 server is slow; whoever sent one has to ask again"
            );
        }
    }

    /// A mail as the operator's templates have it.
    pub(crate) fn format_mail(
        &self,
        template: EmailTemplate,
        context: &EmailContext,
    ) -> Result<FormattedMail, TemplateError> {
        let (subject, body) = match template {
            EmailTemplate::PasswordReset => {
                (Template::PasswordResetSubject, Template::PasswordReset)
            }
            _ => (Template::ConfirmationSubject, Template::Confirmation),
        };
        let variables = serde_json::to_value(context).unwrap_or_default();
        let variables = variables.as_object().cloned().unwrap_or_default();
        let render = |template| self.rules().mails.templates.render(template, &variables);
        Ok(FormattedMail { subject: render(subject)?, body: render(body)? })
    }

    /// What is shown of who has followed the link of a confirmation.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn confirmation_page(&self) -> Result<String, TemplateError> {
        self.rules().mails.templates.render(Template::ConfirmationPage, &Map::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_sent_a_few_resets_in_a_while() {
        let (mails, now) = (Mails::new(), Instant::now());
        for _ in 0..MOST_RESETS {
            assert!(mails.admit_reset("Alice@x.org", now));
        }
        assert!(!mails.admit_reset("alice@x.org", now), "the same address, in another case");
        assert!(mails.admit_reset("bob@x.org", now));
        // One that failed does not count.
        mails.forget_reset("alice@x.org", now);
        assert!(mails.admit_reset("alice@x.org", now));
        assert!(!mails.admit_reset("alice@x.org", now));
        assert!(mails.admit_reset("alice@x.org", now + RESETS_WITHIN));
        assert_eq!(mails.recent_resets.lock().len(), 1, "what is over is forgotten");
    }
}
