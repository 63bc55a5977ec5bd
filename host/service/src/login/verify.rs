//! Who verifies a login, and whom it turns out to be.
//!
//! First applicable wins, no fallback after a refusal (tokens.md section 4.4):
//! refresh token, identity providers, native or a third party's backend, nobody.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;
use wazo_auth_plugins::{Args, Backend, CallError, Registry};
use wazo_auth_store::{self as store, index::TokenIndex, users::User};

use super::{Credentials, LoginError, LoginRequest, foreign::Foreign};
use crate::{
    Services,
    users::{NATIVE_METHOD, effective_method},
};

/// The backend of users with a password in our own database.
const NATIVE_BACKEND: &str = "wazo_user";

/// A login whose secret was right.
pub(super) struct Verified {
    /// The backend to ask for metadata and accesses.
    pub(super) backend: String,
    /// The login as the backend knows it.
    pub(super) login: String,
    /// Who it is; `None` for somebody whom only the backend knows.
    pub(super) user: Option<Arc<User>>,
    /// The refresh token that was presented.
    pub(super) refresh_token: Option<Uuid>,
    /// The metadata that was stored with it.
    pub(super) stored_metadata: Option<Map<String, Value>>,
    /// The limits of somebody whom only the backend knows.
    pub(super) foreign: Option<Foreign>,
}

impl Services {
    pub(super) fn verify(
        &self,
        request: &LoginRequest,
        args: &mut Args,
    ) -> Result<Verified, LoginError> {
        if let (Some(token), Some(client)) = (&request.refresh_token, &request.client_id) {
            return self.verify_refresh_token(token, client, args);
        }
        if let Some(provider) = self.provider_of(request, args)? {
            return self.verify_with_provider(provider, request, args);
        }
        let Some(credentials) = &request.credentials else {
            return Err(refused("no credentials".to_owned()));
        };
        let user = self.user_of_attempt(&credentials.login)?;
        match self.third_party_backend(&request.backend, user.as_deref())? {
            Some(backend) => {
                let named = backend == request.backend;
                let result = self.verify_with_third_party(backend, credentials, user, args);
                if !named && matches!(result, Err(LoginError::Refused(_))) {
                    // The user's method chose the backend: a refusal must take
                    // as long as any other, or its time would tell the method.
                    self.verify_nobody(&credentials.password)?;
                }
                result
            }
            None => self.verify_natively(credentials, user, args),
        }
    }

    /// A usable backend.
    pub(super) fn backend(&self, name: &str) -> Result<&Backend, LoginError> {
        self.plugins()?.backend(name).ok_or_else(|| LoginError::BadMetadata {
            plugin: name.to_owned(),
            problem: "the backend is not usable; the log of the start says why".to_owned(),
        })
    }

    /// The third party's backend that the request names, or that the user's
    /// effective method is.
    fn third_party_backend(
        &self,
        named: &str,
        user: Option<&User>,
    ) -> Result<Option<String>, LoginError> {
        let plugins = self.plugins()?;
        let usable = |name: &str| !Registry::is_stock(name) && plugins.backend(name).is_some();
        if usable(named) {
            return Ok(Some(named.to_owned()));
        }
        Ok(user.map(effective_method).filter(|method| usable(method)).map(str::to_owned))
    }

    fn verify_natively(
        &self,
        credentials: &Credentials,
        user: Option<Arc<User>>,
        args: &mut Args,
    ) -> Result<Verified, LoginError> {
        let Credentials { login, password } = credentials;
        let right = ask(self.backend(NATIVE_BACKEND)?, login, password, args)?;
        // The password first, then who it is: both refusals look alike.
        let user = user.filter(|_| right).ok_or_else(|| refused(wrong_password(login)))?;
        if effective_method(&user) != NATIVE_METHOD {
            return Err(refused(wrong_method(login, NATIVE_METHOD)));
        }
        Ok(Verified {
            backend: NATIVE_BACKEND.to_owned(),
            login: login.clone(),
            user: Some(user),
            refresh_token: None,
            stored_metadata: None,
            foreign: None,
        })
    }

    fn verify_with_third_party(
        &self,
        name: String,
        credentials: &Credentials,
        user: Option<Arc<User>>,
        args: &mut Args,
    ) -> Result<Verified, LoginError> {
        let Credentials { login, password } = credentials;
        if !ask(self.backend(&name)?, login, password, args)? {
            return Err(refused(wrong_password(login)));
        }
        let foreign = match &user {
            Some(user) if effective_method(user) != name => {
                return Err(refused(wrong_method(login, &name)));
            }
            Some(_) => None,
            // Nothing enabled is not nobody: a disabled user's login must not
            // become a stranger's.
            None if self.login_exists(login)? => return Err(refused(wrong_password(login))),
            None => Some(self.foreign(&name, login)?),
        };
        Ok(Verified {
            backend: name,
            login: login.clone(),
            user,
            refresh_token: None,
            stored_metadata: None,
            foreign,
        })
    }

    fn login_exists(&self, login: &str) -> Result<bool, LoginError> {
        Ok(self.store().read(|conn| store::users::login_taken(conn, login, None))?)
    }

    fn foreign(&self, backend: &str, login: &str) -> Result<Foreign, LoginError> {
        let Some(identities) = self.plugins()?.identities(backend) else {
            return Err(refused(format!(
                "`{login}` is no user of this service, and `plugins.{backend}.identities` is not configured"
            )));
        };
        let slug = &identities.tenant;
        let tenant = self.store().read(|conn| store::tenants::by_slug(conn, slug))?;
        let tenant = tenant.ok_or_else(|| LoginError::BadMetadata {
            plugin: backend.to_owned(),
            problem: format!(
                "`plugins.{backend}.identities.tenant` is `{}`, which is no tenant's slug",
                identities.tenant
            ),
        })?;
        Ok(Foreign::new(tenant.uuid, &identities.max_acl))
    }

    fn verify_refresh_token(
        &self,
        token: &str,
        client_id: &str,
        args: &mut Args,
    ) -> Result<Verified, LoginError> {
        let unknown = || refused(format!("unknown refresh token for client \"{client_id}\""));
        let uuid = TokenIndex::parse_token(token).ok_or_else(unknown)?;
        let found = self.directory().refresh_token(self.store(), uuid, client_id)?;
        let found = found.ok_or_else(unknown)?;
        let user = found.user.ok_or_else(unknown)?;
        let stored = found.login.as_deref().unwrap_or_default();
        self.directory().recall(self.store(), user, stored)?;
        let user = self.directory().user(self.store(), user)?.ok_or_else(unknown)?;
        if user.enabled != Some(true) {
            return Err(refused(format!("user of login {stored} is disabled")));
        }
        let login = self.present_login(stored, &user)?;
        args.insert("login", json!(login));
        let backend = self.backend_of_method(&user, stored, args)?;
        Ok(Verified {
            backend,
            login,
            user: Some(user),
            refresh_token: Some(uuid),
            stored_metadata: Some(found.metadata.clone()),
            foreign: None,
        })
    }

    /// The backend that the user's method means today.
    fn backend_of_method(
        &self,
        user: &User,
        login: &str,
        args: &Args,
    ) -> Result<String, LoginError> {
        let method = effective_method(user);
        if method == NATIVE_METHOD {
            return Ok(NATIVE_BACKEND.to_owned());
        }
        let plugins = self.plugins()?;
        let mut providers = plugins.identity_providers();
        if let Some(provider) = providers.find(|known| known.authentication_method() == method) {
            return self.backend_of_provider(provider, login, args);
        }
        if !Registry::is_stock(method) && plugins.backend(method).is_some() {
            return Ok(method.to_owned());
        }
        Err(refused(format!("nothing here implements method `{method}` of login {login}")))
    }

    /// A login that means `user` today: the one of the refresh token unless the
    /// user was renamed since.
    fn present_login(&self, stored: &str, user: &User) -> Result<String, LoginError> {
        let confirmed = user.emails.iter().filter(|email| email.confirmed);
        let confirmed = confirmed.map(|email| &*email.address);
        for login in std::iter::once(stored).chain(user.username.as_deref()).chain(confirmed) {
            if self.user_by_login(login)?.is_some_and(|found| found.uuid == user.uuid) {
                return Ok(login.to_owned());
            }
        }
        Err(refused(format!("user {} has no login any more (it was {stored})", user.uuid)))
    }
}

/// Asks a backend. Its own word that the secret is wrong is a refusal; any
/// other failure is not the user's.
fn ask(
    backend: &Backend,
    login: &str,
    password: &str,
    args: &mut Args,
) -> Result<bool, LoginError> {
    match backend.verify_password(login, password, args) {
        // Not found: the user went, or was disabled, while this login was under way.
        Err(CallError::Unauthorized { .. } | CallError::NotFound { .. }) => Ok(false),
        result => Ok(result?),
    }
}

pub(super) fn refused(reason: String) -> LoginError {
    LoginError::Refused(reason)
}

fn wrong_password(login: &str) -> String {
    format!("invalid login or password for login {login}")
}

pub(super) fn wrong_method(login: &str, method: &str) -> String {
    format!("method `{method}` is not the one of login {login}")
}
