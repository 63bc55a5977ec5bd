//! What the daemon keeps for an external-authentication plugin.

use std::borrow::Cow;

use crate::{
    Host, Result, Value,
    wire::{self, service},
};

/// The documents of the type that the plugin is named after, and what a consent
/// takes: see [`Host::external_auth`].
///
/// Each change is a transaction of its own, committed when the call returns; the
/// bus is told of it. The errors are those of the API, so that `?` answers with
/// them: 404 for a user, a type or a document that is not there, 409 for one that
/// is there already.
#[derive(Debug, Clone, Copy)]
pub struct ExternalAuthDocuments<'h>(pub(super) &'h Host);

/// Somebody is going to consent in a browser: see
/// [`register_oauth2_callback`](ExternalAuthDocuments::register_oauth2_callback).
#[derive(Debug, Clone)]
pub struct OAuth2Callback {
    user_uuid: String,
    state: String,
    extra: Value,
    relay: Option<String>,
}

// === impl ExternalAuthDocuments ===

impl ExternalAuthDocuments<'_> {
    /// Stores what a user has; there must be nothing yet.
    ///
    /// # Errors
    /// 409 `conflict`; 404 `unknown-user`; a failure of the daemon.
    pub fn create(&self, user_uuid: &str, data: &Value) -> Result<()> {
        self.put(service::EXTERNAL_AUTH_CREATE, user_uuid, data)
    }

    /// What a user has.
    ///
    /// # Errors
    /// 404 `unknown-external-auth-type`, `unknown-user` or
    /// `unknown-external-auth`; a failure of the daemon.
    pub fn get(&self, user_uuid: &str) -> Result<Value> {
        let request = wire::ByUser { user_uuid: user_uuid.into() };
        let reply: wire::Document = self.0.call(service::EXTERNAL_AUTH_GET, &request)?;
        Ok(reply.data)
    }

    /// Replaces what a user has; there must be something.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn update(&self, user_uuid: &str, data: &Value) -> Result<()> {
        self.put(service::EXTERNAL_AUTH_UPDATE, user_uuid, data)
    }

    /// Replaces what a user has, if there is something; stores it otherwise.
    ///
    /// # Errors
    /// 404 `unknown-user`; a failure of the daemon.
    pub fn update_or_create(&self, user_uuid: &str, data: &Value) -> Result<()> {
        self.put(service::EXTERNAL_AUTH_UPDATE_OR_CREATE, user_uuid, data)
    }

    /// Deletes what a user has.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn delete(&self, user_uuid: &str) -> Result<()> {
        let request = wire::ByUser { user_uuid: user_uuid.into() };
        self.0.call(service::EXTERNAL_AUTH_DELETE, &request).map(|wire::Empty {}| ())
    }

    /// The configuration that a tenant has set, any JSON.
    ///
    /// # Errors
    /// 404 `unknown-config` or `unknown-external-auth`; a failure of the daemon.
    pub fn config(&self, tenant_uuid: &str) -> Result<Value> {
        let request =
            wire::TenantConfig { tenant_uuid: tenant_uuid.into(), data: Cow::Owned(Value::Null) };
        let reply: wire::Document = self.0.call(service::EXTERNAL_AUTH_GET_CONFIG, &request)?;
        Ok(reply.data)
    }

    /// Sets the configuration of a tenant; there must be none.
    ///
    /// # Errors
    /// 409 `conflict`; 404 `unknown-tenant`; a failure of the daemon.
    pub fn create_config(&self, tenant_uuid: &str, data: &Value) -> Result<()> {
        self.put_config(service::EXTERNAL_AUTH_CREATE_CONFIG, tenant_uuid, data)
    }

    /// Replaces the configuration of a tenant; there must be one.
    ///
    /// # Errors
    /// 404 `unknown-external-auth-type` or `unknown-external-auth`; a failure of
    /// the daemon.
    pub fn update_config(&self, tenant_uuid: &str, data: &Value) -> Result<()> {
        self.put_config(service::EXTERNAL_AUTH_UPDATE_CONFIG, tenant_uuid, data)
    }

    /// Deletes the configuration of a tenant.
    ///
    /// # Errors
    /// As [`update_config`](Self::update_config).
    pub fn delete_config(&self, tenant_uuid: &str) -> Result<()> {
        self.put_config(service::EXTERNAL_AUTH_DELETE_CONFIG, tenant_uuid, &Value::Null)
    }

    /// Where a provider is to send the browser after the consent: the operator's
    /// `oauth2_synchronization_redirect_url_template` for this type.
    ///
    /// # Errors
    /// A failure of the daemon.
    pub fn oauth2_redirect_url(&self) -> Result<String> {
        let reply: wire::Address =
            self.0.call(service::EXTERNAL_AUTH_GET_REDIRECT_URL, &wire::Empty {})?;
        Ok(reply.url)
    }

    /// Waits in the background for the message that the operator's relay sends
    /// for the state, and hands it to
    /// [`oauth2_callback`](crate::ExternalAuth::oauth2_callback). When that has
    /// succeeded, the bus is told that the user has authorized the type.
    ///
    /// It returns once the relay is connected, or after a second: whoever is
    /// given the state may use it at once. That the relay cannot be reached is
    /// logged. Waits end with the daemon, and after an hour.
    ///
    /// # Errors
    /// 404 `unknown-user`; [`ErrorKind::Busy`](crate::ErrorKind::Busy) when too
    /// many are awaited; a failure of the daemon.
    pub fn register_oauth2_callback(&self, callback: &OAuth2Callback) -> Result<()> {
        let OAuth2Callback { user_uuid, state, extra, relay } = callback;
        let request = wire::OAuth2Callback {
            user_uuid: user_uuid.into(),
            state: state.into(),
            extra: Cow::Borrowed(extra),
            websocket_url: relay.as_deref().map(Cow::Borrowed),
        };
        let service = service::EXTERNAL_AUTH_REGISTER_OAUTH2_CALLBACK;
        self.0.call(service, &request).map(|wire::Empty {}| ())
    }

    fn put(&self, service: &str, user_uuid: &str, data: &Value) -> Result<()> {
        let request = wire::UserData { user_uuid: user_uuid.into(), data: Cow::Borrowed(data) };
        self.0.call(service, &request).map(|wire::Empty {}| ())
    }

    fn put_config(&self, service: &str, tenant_uuid: &str, data: &Value) -> Result<()> {
        let (tenant_uuid, data) = (tenant_uuid.into(), Cow::Borrowed(data));
        let request = wire::TenantConfig { tenant_uuid, data };
        self.0.call(service, &request).map(|wire::Empty {}| ())
    }
}

// === impl OAuth2Callback ===

impl OAuth2Callback {
    /// The consent of a user, who is given this state: a text that nobody can
    /// guess.
    pub fn new(user_uuid: impl Into<String>, state: impl Into<String>) -> Self {
        let (user_uuid, state) = (user_uuid.into(), state.into());
        Self { user_uuid, state, extra: Value::Null, relay: None }
    }

    /// The same with something that the plugin leaves there for itself.
    #[must_use]
    pub fn with_extra(mut self, extra: Value) -> Self {
        self.extra = extra;
        self
    }

    /// The same at a relay of the plugin's own: the address of the websocket,
    /// `ws://…` or `wss://…`, with the state in it. There, messages that are not
    /// JSON are passed over, and the bus is not told of the consent itself.
    #[must_use]
    pub fn at(mut self, websocket_url: impl Into<String>) -> Self {
        self.relay = Some(websocket_url.into());
        self
    }
}
