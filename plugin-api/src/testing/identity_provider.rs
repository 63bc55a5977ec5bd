use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::{Tested, update};
use crate::{
    Args, Identity, LoginRequest, Result,
    wire::{self, Empty, method},
};

/// An identity provider behind the border.
pub struct TestedIdentityProvider(pub(super) Tested);

// === impl TestedIdentityProvider ===

impl TestedIdentityProvider {
    /// See [`IdentityProvider::authentication_method`](crate::IdentityProvider::authentication_method).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn authentication_method(&self) -> Result<String> {
        let reply: wire::Method = self.0.call(method::GET_AUTHENTICATION_METHOD, &Empty {})?;
        Ok(reply.authentication_method)
    }

    /// See [`IdentityProvider::can_authenticate`](crate::IdentityProvider::can_authenticate).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn can_authenticate(&self, args: &Args, request: &LoginRequest) -> Result<bool> {
        let reply: wire::CanAuthenticate = self.ask(method::CAN_AUTHENTICATE, args, request)?;
        Ok(reply.can_authenticate)
    }

    /// See [`IdentityProvider::verify_auth`](crate::IdentityProvider::verify_auth).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn verify_auth(&self, args: &mut Args, request: &LoginRequest) -> Result<Identity> {
        let reply: wire::Authenticated = self.ask(method::VERIFY_AUTH, args, request)?;
        update(args, reply.args);
        Ok(Identity::new(reply.backend, reply.login))
    }

    /// See [`IdentityProvider::get_backend`](crate::IdentityProvider::get_backend).
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn get_backend(&self, args: &Args) -> Result<String> {
        let request = wire::OfArgs { args: Cow::Borrowed(args.as_map()) };
        let reply: wire::BackendName = self.0.call(method::GET_BACKEND, &request)?;
        Ok(reply.backend)
    }

    fn ask<A: DeserializeOwned>(
        &self,
        method: &str,
        args: &Args,
        request: &LoginRequest,
    ) -> Result<A> {
        let head = wire::Authenticate {
            args: Cow::Borrowed(args.as_map()),
            headers: Cow::Borrowed(request.headers()),
        };
        Ok(serde_json::from_str(&self.0.frame(method, &head, request.body())?.head)?)
    }
}
