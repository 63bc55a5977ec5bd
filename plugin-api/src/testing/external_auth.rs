use std::borrow::Cow;

use super::Tested;
use crate::{
    HttpRequest, HttpResponse, Map, Result, Route, Value,
    wire::{self, Empty, method},
};

/// An external-authentication plugin behind the border.
pub struct TestedExternalAuth(pub(super) Tested);

// === impl TestedExternalAuth ===

impl TestedExternalAuth {
    /// See [`ExternalAuth::plugin_info`](crate::ExternalAuth::plugin_info).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn plugin_info(&self) -> Result<Map> {
        let reply: wire::PluginInfo = self.0.call(method::GET_PLUGIN_INFO, &Empty {})?;
        Ok(reply.plugin_info)
    }

    /// See [`ExternalAuth::safe_data`](crate::ExternalAuth::safe_data).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn safe_data(&self, data: &Value) -> Result<Map> {
        let request = wire::Data { data: Cow::Borrowed(data) };
        let reply: wire::SafeData = self.0.call(method::GET_SAFE_DATA, &request)?;
        Ok(reply.data)
    }

    /// See [`ExternalAuth::routes`](crate::ExternalAuth::routes).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn routes(&self) -> Result<Vec<Route>> {
        self.0.routes()
    }

    /// See [`ExternalAuth::handle`](crate::ExternalAuth::handle).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn handle(&self, request: &HttpRequest) -> Result<HttpResponse> {
        self.0.handle(request)
    }

    /// See [`ExternalAuth::oauth2_callback`](crate::ExternalAuth::oauth2_callback).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn oauth2_callback(&self, user_uuid: &str, extra: &Value, message: &Value) -> Result<()> {
        let request = wire::OAuth2Message {
            user_uuid: user_uuid.into(),
            extra: Cow::Borrowed(extra),
            message: Cow::Borrowed(message),
        };
        self.0.call(method::OAUTH2_CALLBACK, &request).map(|Empty {}| ())
    }
}
