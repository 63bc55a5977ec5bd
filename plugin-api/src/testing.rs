//! A harness: drives a plugin through the very border, without a daemon.
//!
//! Requests and answers go through JSON and the same objects as in the
//! daemon, panics are caught as there, and what the plugin logs is found in
//! [`MockHost::logs`].
//!
//! ```
//! use wazo_auth_plugin_api::prelude::*;
//!
//! struct Local {
//!     host: Host,
//! }
//!
//! impl Backend for Local {
//!     type Config = NoConfig;
//!
//!     fn new(_config: NoConfig, host: Host) -> Result<Self> {
//!         Ok(Self { host })
//!     }
//!
//!     fn verify_password(&self, login: &str, password: &str, _args: &mut Args) -> Result<bool> {
//!         log::info!("checking {login}");
//!         self.host.verify_user_password(login, password)
//!     }
//! }
//!
//! let mut user = User::new("0b4ba4c4-7e3f-4d2b-9a2e-2f7c3c1d5e6f", "tenant");
//! user.username = Some("wile".to_owned());
//! let host = MockHost::new().user_with_password(user, "coyote");
//!
//! let backend = testing::backend::<Local>(json!({}), host.clone())?;
//! assert!(backend.verify_password("Wile", "coyote", &mut Args::new())?);
//! assert_eq!(host.logs()[0].text, "checking Wile");
//!
//! // A wrong configuration is the sentence that the daemon logs.
//! let error = testing::backend::<Local>(json!({"url": 1}), host).err().unwrap();
//! assert_eq!(error.text(), "config: unknown field `url`, there are no fields");
//! # Ok::<(), Error>(())
//! ```

use std::borrow::Cow;

use abi_stable::std_types::{RResult, RSlice, RStr};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Args, Backend, EmailNotification, ExternalAuth, Host, HttpRoutes, IdentityProvider, Map,
    Metadata, Result, Value,
    abi::{Frame, PluginBox},
    export, logger,
    wire::{self, method},
};

pub mod conformance;
mod email_notification;
mod external_auth;
mod http;
mod identity_provider;
mod mock_host;

pub use email_notification::TestedEmailNotification;
pub use external_auth::TestedExternalAuth;
pub use http::TestedHttp;
pub use identity_provider::TestedIdentityProvider;
pub use mock_host::{LogLine, MockHost};

/// A backend behind the border.
pub struct TestedBackend(Tested);

/// A metadata plugin behind the border.
pub struct TestedMetadata(Tested);

struct Tested(PluginBox);

/// Makes a backend as the daemon does.
///
/// # Errors
/// What its `new` answers, or what is wrong with `config`.
pub fn backend<T: Backend>(config: Value, host: MockHost) -> Result<TestedBackend> {
    let create = |config: &str, host| export::backend::<T>(config, host);
    make(create, &config, &host).map(TestedBackend)
}

/// Makes a metadata plugin as the daemon does.
///
/// # Errors
/// What its `new` answers, or what is wrong with `config`.
pub fn metadata<T: Metadata>(config: Value, host: MockHost) -> Result<TestedMetadata> {
    let create = |config: &str, host| export::metadata::<T>(config, host);
    make(create, &config, &host).map(TestedMetadata)
}

/// Makes an identity provider as the daemon does.
///
/// # Errors
/// What its `new` answers, or what is wrong with `config`.
pub fn identity_provider<T: IdentityProvider>(
    config: Value,
    host: MockHost,
) -> Result<TestedIdentityProvider> {
    let create = |config: &str, host| export::identity_provider::<T>(config, host);
    make(create, &config, &host).map(TestedIdentityProvider)
}

/// Makes an external-authentication plugin as the daemon does.
///
/// # Errors
/// What its `new` answers, or what is wrong with `config`.
pub fn external_auth<T: ExternalAuth>(config: Value, host: MockHost) -> Result<TestedExternalAuth> {
    let create = |config: &str, host| export::external_auth::<T>(config, host);
    make(create, &config, &host).map(TestedExternalAuth)
}

/// Makes an e-mail plugin as the daemon does.
///
/// # Errors
/// What its `new` answers, or what is wrong with `config`.
pub fn email_notification<T: EmailNotification>(
    config: Value,
    host: MockHost,
) -> Result<TestedEmailNotification> {
    let create = |config: &str, host| export::email_notification::<T>(config, host);
    make(create, &config, &host).map(TestedEmailNotification)
}

/// Makes an HTTP plugin as the daemon does.
///
/// # Errors
/// What its `new` answers, or what is wrong with `config`.
pub fn http<T: HttpRoutes>(config: Value, host: MockHost) -> Result<TestedHttp> {
    let create = |config: &str, host| export::http::<T>(config, host);
    make(create, &config, &host).map(TestedHttp)
}

fn make(
    create: impl FnOnce(&str, Host) -> Result<PluginBox>,
    config: &Value,
    host: &MockHost,
) -> Result<Tested> {
    logger::install_for_test();
    let host = host.handle();
    export::guard(&host, || create(&config.to_string(), host.clone())).map(Tested)
}

// === impl TestedBackend ===

impl TestedBackend {
    /// See [`Backend::verify_password`].
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn verify_password(&self, login: &str, password: &str, args: &mut Args) -> Result<bool> {
        let request = wire::VerifyPassword {
            login: login.into(),
            password: password.into(),
            args: Cow::Borrowed(args.as_map()),
        };
        let reply: wire::Verified = self.0.call(method::VERIFY_PASSWORD, &request)?;
        update(args, reply.args);
        Ok(reply.verified)
    }

    /// See [`Backend::get_acl`].
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn get_acl(&self, login: &str, args: &mut Args) -> Result<Vec<String>> {
        let reply: wire::Acl = self.0.call(method::GET_ACL, &of_login(login, args))?;
        update(args, reply.args);
        Ok(reply.acl)
    }

    /// See [`Backend::get_metadata`].
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn get_metadata(&self, login: &str, args: &mut Args) -> Result<Map> {
        self.0.metadata(method::GET_METADATA, login, args)
    }

    /// See [`Backend::get_persistent_metadata`].
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn get_persistent_metadata(&self, login: &str, args: &mut Args) -> Result<Map> {
        self.0.metadata(method::GET_PERSISTENT_METADATA, login, args)
    }

    /// Any method, in JSON: what a daemon of another version may send.
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn call(&self, method: &str, request: &Value) -> Result<Value> {
        self.0.call(method, request)
    }
}

// === impl TestedMetadata ===

impl TestedMetadata {
    /// See [`Metadata::get_token_metadata`].
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn get_token_metadata(&self, login: &str, args: &Args) -> Result<Map> {
        self.0.metadata(method::GET_TOKEN_METADATA, login, &mut args.clone())
    }

    /// See [`Metadata::get_persistent_metadata`].
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn get_persistent_metadata(&self, login: &str, args: &Args) -> Result<Map> {
        self.0.metadata(method::GET_PERSISTENT_METADATA, login, &mut args.clone())
    }

    /// Any method, in JSON: what a daemon of another version may send.
    ///
    /// # Errors
    /// What the plugin answers.
    pub fn call(&self, method: &str, request: &Value) -> Result<Value> {
        self.0.call(method, request)
    }
}

// === impl Tested ===

impl Tested {
    fn metadata(&self, method: &str, login: &str, args: &mut Args) -> Result<Map> {
        let reply: wire::MetadataReply = self.call(method, &of_login(login, args))?;
        update(args, reply.args);
        Ok(reply.metadata)
    }

    fn call<Q: Serialize, A: DeserializeOwned>(&self, method: &str, request: &Q) -> Result<A> {
        Ok(serde_json::from_str(&self.frame(method, request, &[])?.head)?)
    }

    fn frame<Q: Serialize>(&self, method: &str, request: &Q, body: &[u8]) -> Result<Frame> {
        let head = serde_json::to_string(request)?;
        match self.0.call(RStr::from(method), RStr::from(&*head), RSlice::from(body)) {
            RResult::ROk(frame) => Ok(frame),
            RResult::RErr(failure) => Err(failure.into()),
        }
    }
}

fn of_login<'a>(login: &'a str, args: &'a Args) -> wire::LoginArgs<'a> {
    wire::LoginArgs { login: login.into(), args: Cow::Borrowed(args.as_map()) }
}

fn update(args: &mut Args, changed: Option<Map>) {
    if let Some(changed) = changed {
        *args = changed.into();
    }
}
