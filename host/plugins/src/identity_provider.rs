//! Calls into an identity provider.

use std::{borrow::Cow, sync::Arc};

use wazo_auth_plugin_api::{
    Args, Identity, LoginRequest,
    wire::{self, method},
};

use crate::{CallError, confided::confide, instance::Instance};

/// An identity provider (contract: plugins.md section 3).
///
/// Calls block: they belong on a pool's thread, where each one runs under the
/// plugin's deadline.
pub struct IdentityProvider {
    pub(crate) instance: Arc<Instance>,
    /// The authentication method, or why the provider is dropped.
    pub(crate) method: Result<String, String>,
}

// === impl IdentityProvider ===

impl IdentityProvider {
    /// A provider that was made, or could not be: it is asked for its method.
    pub(crate) fn new(instance: Arc<Instance>, method: Result<String, CallError>) -> Self {
        let method = match (instance.unusable(), method) {
            (Some(reason), _) => Err(reason.to_owned()),
            (None, Err(error)) => Err(error.to_string()),
            (None, Ok(method)) if method.is_empty() => {
                Err("it names no authentication method; tell its author".to_owned())
            }
            (None, Ok(method)) => Ok(method),
        };
        Self { instance, method }
    }

    /// The name by which it is enabled.
    #[must_use]
    pub fn name(&self) -> &str {
        self.instance.name()
    }

    /// The method of the users who log in by it.
    #[must_use]
    pub fn authentication_method(&self) -> &str {
        self.method.as_deref().unwrap_or_default()
    }

    /// Whether a login request is for this provider.
    ///
    /// # Errors
    /// Why it could not be decided.
    pub fn can_authenticate(&self, args: &Args, request: &LoginRequest) -> Result<bool, CallError> {
        let _confided = confide(args);
        let head = head(args, request);
        let reply =
            self.instance.exchange_aside(method::CAN_AUTHENTICATE, &head, request.body())?;
        let Some(frame) = reply else { return Ok(false) };
        let reply: wire::CanAuthenticate = self.instance.read(&frame)?;
        Ok(reply.can_authenticate)
    }

    /// Says who sent a login request.
    ///
    /// # Errors
    /// Why it refuses the request, or fails.
    pub fn verify_auth(
        &self,
        args: &mut Args,
        request: &LoginRequest,
    ) -> Result<Identity, CallError> {
        let _confided = confide(args);
        let reply =
            self.instance.exchange(method::VERIFY_AUTH, &head(args, request), request.body())?;
        let frame = reply.ok_or_else(|| self.instance.failed("it does not verify requests"))?;
        let reply: wire::Authenticated = self.instance.read(&frame)?;
        if let Some(changed) = reply.args {
            *args = changed.into();
        }
        Ok(Identity::new(reply.backend, reply.login))
    }

    /// The backend of a user who logs in by a refresh token; `args` has its
    /// `login`. `None`: such users cannot.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn get_backend(&self, args: &Args) -> Result<Option<String>, CallError> {
        let request = wire::OfArgs { args: Cow::Borrowed(args.as_map()) };
        let reply: Option<wire::BackendName> =
            self.instance.call(method::GET_BACKEND, &request, args)?;
        Ok(reply.map(|reply| reply.backend))
    }
}

fn head<'a>(args: &'a Args, request: &'a LoginRequest) -> wire::Authenticate<'a> {
    wire::Authenticate {
        args: Cow::Borrowed(args.as_map()),
        headers: Cow::Borrowed(request.headers()),
    }
}

// === impl Instance ===

impl Instance {
    /// The authentication method of an identity provider.
    pub(crate) fn authentication_method(&self) -> Result<String, CallError> {
        let reply: Option<wire::Method> =
            self.call(method::GET_AUTHENTICATION_METHOD, &wire::Empty {}, &Args::new())?;
        Ok(reply.map(|reply| reply.authentication_method).unwrap_or_default())
    }
}
