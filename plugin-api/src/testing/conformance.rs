//! A kit that shows whether a plugin keeps its promises whatever it is sent.
//!
//! One line in a plugin's own tests drives every method of it through the very
//! border, with what no well-behaved client would send: nothing, a megabyte, NUL,
//! control characters, what invalid UTF-8 becomes, wildcards, quotes, wrong types,
//! unknown fields and methods, and eight calls at a time.
//!
//! ```
//! use wazo_auth_plugin_api::{prelude::*, testing::conformance};
//!
//! # #[derive(Deserialize)]
//! # #[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
//! # struct Config { users: std::collections::HashMap<String, String> }
//! # struct StaticUsers(Config);
//! # impl Backend for StaticUsers {
//! #     type Config = Config;
//! #     fn new(config: Config, _: Host) -> Result<Self> { Ok(Self(config)) }
//! #     fn verify_password(&self, login: &str, password: &str, _: &mut Args) -> Result<bool> {
//! #         Ok(self.0.users.get(login).is_some_and(|known| known == password))
//! #     }
//! # }
//! let options = conformance::Options::new(json!({"users": {"wile": "coyote"}}), MockHost::new());
//! conformance::backend::<StaticUsers>(options.login("wile", "coyote"));
//! ```
//!
//! The plugin conforms when
//!
//! * nothing panics, its destructor included, and each call returns in time;
//! * nobody logs in whose login and password are not known to be right;
//! * answers are of the documented form and at most 1 MiB long and 64 levels deep;
//! * the same answer comes to the same question where the daemon asks only once, or
//!   relies on it ([`IdentityProvider::can_authenticate`]);
//! * failures are of a kind that fits, and neither they nor the log tell a password;
//! * a method that it does not know is
//!   [`Unsupported`](crate::ErrorKind::Unsupported), and an unknown field is ignored;
//! * a configuration that does not fit is refused as
//!   [`Config`](crate::ErrorKind::Config), without its values.
//!
//! Whatever is not so is told in one panic: a sentence for each. A plugin that acts
//! on others (sends, stores, calls) does so here too: give it a configuration for
//! tests.
//!
//! `wazo-auth plugin check --conformance` runs the same kit on a built library, in
//! process or, with `--isolation process`, in a process of its own.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use super::MockHost;
use crate::{
    Backend, EmailNotification, ExternalAuth, Host, HttpRoutes, IdentityProvider, Map, Metadata,
    Result, Value, abi::PluginBox, export,
};

#[doc(hidden)]
pub mod border;
mod calls;
mod findings;
mod inputs;
mod judge;
mod linked;
mod run;

use border::Examination;
use linked::Linked;

/// Most time for one call, unless [`Options::timeout`] says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How the plugin is made, and what it knows.
#[derive(Clone)]
pub struct Options {
    config: Value,
    host: MockHost,
    login: Option<(String, String)>,
    args: Map,
    timeout: Duration,
}

// === impl Options ===

impl Options {
    /// A plugin with this configuration, in this daemon.
    #[must_use]
    pub fn new(config: Value, host: MockHost) -> Self {
        Self { config, host, login: None, args: Map::new(), timeout: TIMEOUT }
    }

    /// A login and its password that a backend knows: it has to accept them before
    /// and after everything else, and nothing that merely looks like them.
    #[must_use]
    pub fn login(mut self, login: impl Into<String>, password: impl Into<String>) -> Self {
        self.login = Some((login.into(), password.into()));
        self
    }

    /// Further fields of every login request, such as
    /// `json!({"domain_name": "acme.example"})`.
    #[must_use]
    pub fn args(mut self, args: Value) -> Self {
        if let Value::Object(args) = args {
            self.args = args;
        }
        self
    }

    /// How long a call may take; 10 s unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    #[track_caller]
    fn check(self, kind: &str, create: fn(&str, Host) -> Result<PluginBox>) {
        let Self { config, host, login, args, timeout } = self;
        let to_make = timeout;
        let examination = Examination { kind, config: &config, login, args, timeout, to_make };
        let sentences = examination.run(&(Arc::new(Linked::new(create, host)) as _));
        let all = sentences.iter().fold(String::new(), |mut all, sentence| {
            let _ = write!(all, "\n- {sentence}");
            all
        });
        assert!(sentences.is_empty(), "the {kind} plugin does not conform:{all}");
    }
}

/// Checks a backend.
///
/// # Panics
/// With everything that is wrong.
#[track_caller]
pub fn backend<T: Backend>(options: Options) {
    options.check("backend", export::backend::<T>);
}

/// Checks an identity provider.
///
/// # Panics
/// With everything that is wrong.
#[track_caller]
pub fn identity_provider<T: IdentityProvider>(options: Options) {
    options.check("identity_provider", export::identity_provider::<T>);
}

/// Checks a metadata plugin.
///
/// # Panics
/// With everything that is wrong.
#[track_caller]
pub fn metadata<T: Metadata>(options: Options) {
    options.check("metadata", export::metadata::<T>);
}

/// Checks an external-authentication plugin.
///
/// # Panics
/// With everything that is wrong.
#[track_caller]
pub fn external_auth<T: ExternalAuth>(options: Options) {
    options.check("external_auth", export::external_auth::<T>);
}

/// Checks an e-mail plugin.
///
/// # Panics
/// With everything that is wrong.
#[track_caller]
pub fn email_notification<T: EmailNotification>(options: Options) {
    options.check("email_notification", export::email_notification::<T>);
}

/// Checks an HTTP plugin.
///
/// # Panics
/// With everything that is wrong.
#[track_caller]
pub fn http<T: HttpRoutes>(options: Options) {
    options.check("http", export::http::<T>);
}

#[cfg(test)]
mod tests;
