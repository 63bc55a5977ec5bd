//! What external-authentication plugins may ask of the host: the documents of
//! their own type, and what a consent takes (plugins.md section 5).
//!
//! A plugin has no say in which type is meant: it is the one of its name.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use serde_json::Value;
use uuid::Uuid;
use wazo_auth_plugins::{ApiError, CallError, ErrorKind, HostFailure, wire};
use wazo_auth_remote::{Awaited, LostConsent};

use super::{Refusal, failure, parse, reply};
use crate::{
    NotReady, Services,
    external_auth::{ExternalAuthError, Put},
    missing::Missing,
};

/// What all these services are called.
pub(super) const PREFIX: &str = "external_auth.";
/// The longest state.
const LONGEST_STATE: usize = 512;

/// How long a plugin that is busy is given the message of a consent again: a
/// provider's code is good for ten minutes at most (RFC 6749 section 4.1.2).
const VALID: Duration = Duration::from_secs(600);
/// The pause before the second time; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A message that is to be handed to a plugin.
struct Callback {
    consenting: Consenting,
    message: Value,
    /// When it is of no use any more.
    until: Instant,
    /// How long to wait if the plugin is busy.
    pause: Duration,
}

/// Why a plugin has not taken a message.
enum NotHandedOver {
    /// It may do so later.
    Busy(String),
    Failed(String),
}

/// Somebody who was sent to a page of consent.
#[derive(Clone)]
struct Consenting {
    services: Weak<Services>,
    plugin: String,
    user: Uuid,
    extra: Value,
    /// Whether the bus is told.
    is_told: bool,
}

/// The JSON head of the answer.
pub(super) fn serve(
    services: &Arc<Services>,
    plugin: &str,
    service: &str,
    head: &str,
) -> Result<String, Refusal> {
    if !services.plugins()?.external_auth().any(|known| known.name() == plugin) {
        let text = "documents are kept for external-authentication plugins only";
        return Err(failure(ErrorKind::Host, text));
    }
    match service.strip_prefix(PREFIX).unwrap_or_default() {
        "create" => put(services, plugin, head, Put::Create),
        "update" => put(services, plugin, head, Put::Replace),
        "update_or_create" => put(services, plugin, head, Put::CreateOrReplace),
        "get" => document(services.external_auth_data(plugin, user(&by_user(head)?.user_uuid)?)?),
        "delete" => {
            services.delete_external_auth_data(plugin, user(&by_user(head)?.user_uuid)?)?;
            reply(&wire::Empty {})
        }
        "get_config" => document(services.external_auth_config(plugin, config(head)?.0)?),
        "create_config" => {
            let (tenant, data) = config(head)?;
            services.create_external_auth_config(plugin, tenant, data)?;
            reply(&wire::Empty {})
        }
        "update_config" => {
            let (tenant, data) = config(head)?;
            services.replace_external_auth_config(plugin, tenant, data)?;
            reply(&wire::Empty {})
        }
        "delete_config" => {
            services.delete_external_auth_config(plugin, config(head)?.0)?;
            reply(&wire::Empty {})
        }
        "get_redirect_url" => {
            let template = &services.outside()?.redirect_url_template;
            reply(&wire::Address { url: template.replace("{auth_type}", plugin) })
        }
        "register_oauth2_callback" => register(services, plugin, head),
        _ => {
            let text = format!("this daemon offers no service named `{service}`");
            Err(failure(ErrorKind::Unsupported, &text))
        }
    }
}

fn put(services: &Services, plugin: &str, head: &str, how: Put) -> Result<String, Refusal> {
    let wire::UserData { user_uuid, data } = parse(head)?;
    services.put_external_auth_data(plugin, user(&user_uuid)?, data.to_string(), how)?;
    reply(&wire::Empty {})
}

fn document(text: String) -> Result<String, Refusal> {
    let data = serde_json::from_str(&text);
    let data = data.map_err(|_| failure(ErrorKind::Host, "the stored document is not JSON"))?;
    reply(&wire::Document { data })
}

fn by_user(head: &str) -> Result<wire::ByUser<'_>, Refusal> {
    parse(head)
}

fn user(uuid: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(uuid).map_err(|_| unknown("user", uuid))
}

/// The tenant and the document, as JSON text.
fn config(head: &str) -> Result<(Uuid, String), Refusal> {
    let wire::TenantConfig { tenant_uuid, data } = parse(head)?;
    let tenant = Uuid::try_parse(&tenant_uuid).map_err(|_| unknown("tenant", &tenant_uuid))?;
    Ok((tenant, data.to_string()))
}

/// What is not even shaped like a UUID is unknown as well.
fn unknown(what: &str, uuid: &str) -> Refusal {
    let error =
        ApiError::new(404, format!("unknown-{what}"), format!("No such {what}: \"{uuid}\""));
    Refusal(HostFailure::api(error.resource(format!("{what}s")).detail("uuid", uuid)))
}

fn register(services: &Arc<Services>, plugin: &str, head: &str) -> Result<String, Refusal> {
    let wire::OAuth2Callback { user_uuid, state, extra, websocket_url } = parse(head)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    if state.is_empty() || state.len() > LONGEST_STATE || !state.chars().all(is_plain) {
        let text = "a state is made of 1 to 512 letters, digits and `-._~`";
        return Err(failure(ErrorKind::Malformed, text));
    }
    let user = user(&user_uuid)?;
    let known = services.store().read(|conn| wazo_auth_store::users::uuid_taken(conn, &user))?;
    if !known {
        return Err(ExternalAuthError::from(Missing::User(user)).into());
    }
    let outside = services.outside()?;
    let (is_told, url) = match websocket_url {
        Some(url) => (false, url.into_owned()),
        None => (true, outside.ws_url_template.replace("{state}", &state)),
    };
    let consenting = Consenting {
        services: Arc::downgrade(services),
        plugin: plugin.to_owned(),
        user,
        extra: extra.into_owned(),
        is_told,
    };
    let whose = format!("{plugin} {user}");
    let awaited = Awaited { whose, url, passes_over: !is_told };
    let waits = outside.remote.wait_for_consent(awaited, move |came| consenting.came(came));
    waits.map_err(|error| failure(ErrorKind::Busy, &error.to_string()))?;
    reply(&wire::Empty {})
}

// === impl Consenting ===

impl Consenting {
    /// The message, or why there is none; called where nothing may block.
    fn came(self, came: Result<Value, LostConsent>) {
        match came {
            Ok(message) => Callback::new(self, message).run(),
            Err(reason) => self.lost(&reason.to_string()),
        }
    }

    fn lost(&self, reason: &str) {
        let Self { plugin, user, .. } = self;
        log::error!(target: "wazo_auth.external_auth",
            "the authorization of `{plugin}` by the user {user} is lost: {reason}");
    }

    /// Hands the message to the plugin.
    fn hand_over(&self, message: &Value) -> Result<(), NotHandedOver> {
        let services = self.services.upgrade().ok_or("the daemon is stopping")?;
        let plugins = services.plugins().map_err(|error| error.to_string())?;
        let plugin = plugins.external_auth().find(|known| known.name() == self.plugin);
        let plugin = plugin.ok_or("the plugin is gone")?;
        let user = self.user.to_string();
        plugin.oauth2_callback(&user, &self.extra, message)?;
        if self.is_told {
            let told = services.tell_of_consent(&self.plugin, self.user);
            told.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

// === impl Callback ===

impl Callback {
    fn new(consenting: Consenting, message: Value) -> Self {
        Self { consenting, message, until: Instant::now() + VALID, pause: FIRST_PAUSE }
    }

    /// Has the message handed over; blocks nothing.
    fn run(self) {
        let Some(services) = self.consenting.services.upgrade() else { return };
        let Ok(outside) = services.outside() else { return };
        let callback = Arc::new(self);
        let there = Arc::clone(&callback);
        let work = move || there.consenting.hand_over(&there.message);
        let done = Arc::clone(&callback);
        let queued = outside.callbacks.submit(work, move |result| match result {
            Ok(Ok(())) => {}
            Ok(Err(NotHandedOver::Busy(reason))) => done.run_later(&reason),
            Ok(Err(NotHandedOver::Failed(reason))) => done.consenting.lost(&reason),
            Err(no_result) => done.consenting.lost(&no_result.to_string()),
        });
        if let Err(full) = queued {
            callback.run_later(&full.to_string());
        }
    }

    /// Tries again after a pause, unless the consent is of no use by then.
    fn run_later(self: Arc<Self>, reason: &str) {
        let Some(services) = self.consenting.services.upgrade() else { return };
        let Ok(outside) = services.outside() else { return };
        let Self { consenting, message, until, pause } = &*self;
        if Instant::now() + *pause >= *until {
            return consenting.lost(&format!("{reason}, for {} s now", VALID.as_secs()));
        }
        log::info!(target: "wazo_auth.external_auth",
            "the authorization of `{}` by the user {} is handed over again in {} s: {reason}",
            consenting.plugin, consenting.user, pause.as_secs_f32());
        let again = Self {
            consenting: consenting.clone(),
            message: message.clone(),
            until: *until,
            pause: (*pause * 2).min(LONGEST_PAUSE),
        };
        if let Err(error) = outside.remote.after(*pause, move || again.run()) {
            consenting.lost(&error.to_string());
        }
    }
}

// === impl NotHandedOver ===

impl From<CallError> for NotHandedOver {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Busy { .. } => Self::Busy(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<String> for NotHandedOver {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

impl From<&str> for NotHandedOver {
    fn from(reason: &str) -> Self {
        Self::Failed(reason.to_owned())
    }
}

impl From<ExternalAuthError> for Refusal {
    fn from(error: ExternalAuthError) -> Self {
        match error.into_answer() {
            Ok(answer) => Self(HostFailure::api(answer)),
            Err(store) => store.into(),
        }
    }
}

impl From<NotReady> for Refusal {
    fn from(error: NotReady) -> Self {
        failure(ErrorKind::Busy, &error.to_string())
    }
}
