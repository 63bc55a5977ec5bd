//! Logins that an identity provider decides (plugins.md section 3).

use wazo_auth_plugins::{Args, CallError, IdentityProvider};

use super::{
    LoginError, LoginRequest,
    verify::{Verified, refused, wrong_method},
};
use crate::{Services, users::effective_method};

impl Services {
    /// The identity provider that the request is for: the first one that says
    /// so. Who cannot tell is passed over; unless it has no time to tell, and the
    /// request may be for it.
    pub(super) fn provider_of(
        &self,
        request: &LoginRequest,
        args: &Args,
    ) -> Result<Option<&IdentityProvider>, LoginError> {
        let mut silent = Vec::new();
        for provider in self.plugins()?.identity_providers() {
            match provider.can_authenticate(args, &request.raw) {
                Ok(true) => return Ok(Some(provider)),
                Ok(false) => {}
                // Nobody waits for this login any more.
                Err(error @ CallError::TimedOut { .. }) => return Err(error.into()),
                Err(error) => silent.push((provider, error)),
            }
        }
        for (provider, error) in silent {
            if matches!(error, CallError::Busy { .. }) && self.may_be_for(provider, request)? {
                // To be tried again: not a wrong password.
                return Err(error.into());
            }
            log::error!(
                target: "wazo_auth.login",
                "the identity provider `{}` cannot tell whether a login is its own, and is \
                 passed over: {error}", provider.name()
            );
        }
        Ok(None)
    }

    /// Whether a request that a provider cannot look at may be for it: the logins of
    /// users of other methods go on.
    fn may_be_for(
        &self,
        provider: &IdentityProvider,
        request: &LoginRequest,
    ) -> Result<bool, LoginError> {
        let Some(credentials) = &request.credentials else { return Ok(true) };
        Ok(match self.user_by_login(&credentials.login)? {
            Some(user) => effective_method(&user) == provider.authentication_method(),
            // Somebody whom a server of this tenant knows, perhaps.
            None => {
                ["domain_name", "tenant_id"].iter().any(|key| request.fields.contains_key(*key))
            }
        })
    }

    /// The provider decides alone, also when it refuses.
    pub(super) fn verify_with_provider(
        &self,
        provider: &IdentityProvider,
        request: &LoginRequest,
        args: &mut Args,
    ) -> Result<Verified, LoginError> {
        let identity = match provider.verify_auth(args, &request.raw) {
            Err(error @ (CallError::Unauthorized { .. } | CallError::NotFound { .. })) => {
                let login = args.login().unwrap_or_default();
                return Err(refused(format!("login \"{login}\": {error}")));
            }
            verified => verified?,
        };
        let (backend, login) = (identity.backend, identity.login);
        // The backend is asked more once it is known whose login it is.
        self.backend(&backend)?;
        let user = self.user_by_login(&login)?;
        let user = user.ok_or_else(|| {
            refused(format!("{login}, as `{}` has it, is no enabled user", provider.name()))
        })?;
        let method = provider.authentication_method();
        if effective_method(&user) != method {
            return Err(refused(wrong_method(&login, method)));
        }
        Ok(Verified {
            backend,
            login,
            user: Some(user),
            refresh_token: None,
            stored_metadata: None,
            foreign: None,
        })
    }

    /// The backend of a user who logs in by a refresh token.
    pub(super) fn backend_of_provider(
        &self,
        provider: &IdentityProvider,
        login: &str,
        args: &Args,
    ) -> Result<String, LoginError> {
        let backend = provider.get_backend(args)?.ok_or_else(|| {
            let name = provider.name();
            refused(format!("`{name}` names no backend for the refresh token of login {login}"))
        })?;
        self.backend(&backend)?;
        Ok(backend)
    }
}
