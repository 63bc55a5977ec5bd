//! Calls into an external-authentication plugin.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value;
use wazo_auth_plugin_api::{
    Args, HttpRequest, HttpResponse, Map, Route,
    wire::{self, Empty, method},
};

use crate::{CallError, confided::confide_all, instance::Instance};

/// An external-authentication plugin (contract: plugins.md section 5).
///
/// Calls block: they belong on a pool's thread, where each one runs under the
/// plugin's deadline.
pub struct ExternalAuth {
    pub(crate) instance: Arc<Instance>,
    pub(crate) routes: Vec<Route>,
    pub(crate) plugin_info: Map,
}

// === impl ExternalAuth ===

impl ExternalAuth {
    /// The name by which it is enabled: the type of its documents.
    #[must_use]
    pub fn name(&self) -> &str {
        self.instance.name()
    }

    /// Its routes, below `/users/{user_uuid}/external/<name>`; none when it
    /// could not be started.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// What user interfaces are told of the type.
    #[must_use]
    pub fn plugin_info(&self) -> &Map {
        &self.plugin_info
    }

    /// Answers a request to one of the routes.
    ///
    /// # Errors
    /// Why there is no answer, or another one.
    pub fn handle(&self, request: &HttpRequest) -> Result<HttpResponse, CallError> {
        self.instance.handle(request)
    }

    /// What of a stored document may be shown.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn safe_data(&self, data: &Value) -> Result<Map, CallError> {
        let _confided = confide_all(strings(data));
        let request = wire::Data { data: Cow::Borrowed(data) };
        let reply: Option<wire::SafeData> =
            self.instance.call(method::GET_SAFE_DATA, &request, &Args::new())?;
        Ok(reply.unwrap_or_default().data)
    }

    /// Hands over what came for a state that the plugin had registered.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn oauth2_callback(
        &self,
        user_uuid: &str,
        extra: &Value,
        message: &Value,
    ) -> Result<(), CallError> {
        let _confided = confide_all(strings(extra).into_iter().chain(strings(message)));
        let request = wire::OAuth2Message {
            user_uuid: user_uuid.into(),
            extra: Cow::Borrowed(extra),
            message: Cow::Borrowed(message),
        };
        let reply: Option<Empty> =
            self.instance.call(method::OAUTH2_CALLBACK, &request, &Args::new())?;
        reply.map(|_| ()).ok_or_else(|| self.instance.failed("it takes no OAuth 2.0 callback"))
    }
}

/// All texts of a document: some of them are tokens, and it does not say which.
fn strings(document: &Value) -> Vec<&str> {
    let mut strings = Vec::new();
    let mut rest = vec![document];
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) => strings.push(&**text),
            Value::Array(items) => rest.extend(items),
            Value::Object(map) => rest.extend(map.values()),
            _ => {}
        }
    }
    strings
}

// === impl Instance ===

impl Instance {
    /// What user interfaces are told of a type.
    pub(crate) fn plugin_info(&self) -> Result<Map, CallError> {
        let reply: Option<wire::PluginInfo> =
            self.call(method::GET_PLUGIN_INFO, &Empty {}, &Args::new())?;
        Ok(reply.unwrap_or_default().plugin_info)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::confided::hidden;

    #[test]
    fn every_text_of_a_document_is_told_in_confidence() {
        let document = json!({"access": "t0ken", "more": [{"refresh": "r3fresh"}], "id": 7});
        let _confided = confide_all(strings(&document));
        assert_eq!(hidden("t0ken, r3fresh, 7", &[]), "<hidden>, <hidden>, 7");
    }
}
