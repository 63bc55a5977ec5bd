//! Everything a plugin for wazo-auth needs, and the only crate it needs.
//!
//! [`guide`] leads from nothing to a login in ten minutes; this page says what
//! there is.
//!
//! # Write a backend
//!
//! A plugin is a crate that depends on `wazo-auth-plugin-api` and is built as
//! a shared library:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! wazo-auth-plugin-api = "1"
//! ```
//!
//! Implement a trait for each thing the plugin can do (see
//! [below](#kinds-of-plugins)) and export the types by name:
//!
//! ```
//! use std::collections::HashMap;
//! use wazo_auth_plugin_api::prelude::*;
//!
//! #[derive(Deserialize)]
//! #[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
//! struct Config {
//!     users: HashMap<String, String>,
//! }
//!
//! struct StaticUsers {
//!     users: HashMap<String, String>,
//! }
//!
//! impl Backend for StaticUsers {
//!     type Config = Config;
//!
//!     fn new(config: Config, _host: Host) -> Result<Self> {
//!         Ok(Self { users: config.users })
//!     }
//!
//!     fn verify_password(&self, login: &str, password: &str, _args: &mut Args) -> Result<bool> {
//!         Ok(self.users.get(login).is_some_and(|known| known == password))
//!     }
//! }
//!
//! export_plugins! {
//!     backend "static_users" => StaticUsers,
//! }
//!
//! // In a test: the harness drives the plugin through the very border.
//! let config = json!({"users": {"wile": "coyote"}});
//! let backend = testing::backend::<StaticUsers>(config, MockHost::new())?;
//! assert!(backend.verify_password("wile", "coyote", &mut Args::new())?);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Test it
//!
//! [`testing`] drives a plugin in its own tests through the very border, as above.
//! [`testing::conformance`] sends it what no well-behaved client would, and says
//! what the plugin does then that none may do; one line is all it takes:
//!
//! ```
//! use wazo_auth_plugin_api::testing::conformance::{self, Options};
//! # use wazo_auth_plugin_api::prelude::*;
//! # struct StaticUsers;
//! # impl Backend for StaticUsers {
//! #     type Config = Value;
//! #     fn new(_: Value, _: Host) -> Result<Self> { Ok(Self) }
//! #     fn verify_password(&self, login: &str, password: &str, _: &mut Args) -> Result<bool> {
//! #         Ok((login, password) == ("wile", "coyote"))
//! #     }
//! # }
//!
//! // In a test:
//! let options = Options::new(json!({"users": {"wile": "coyote"}}), MockHost::new());
//! conformance::backend::<StaticUsers>(options.login("wile", "coyote"));
//! ```
//!
//! The daemon's program does the same with a built library, whatever it is written
//! in, and in the process in which it would run:
//!
//! ```sh
//! wazo-auth plugin check --conformance libstatic_users.so
//! wazo-auth plugin check --conformance --isolation process libstatic_users.so
//! ```
//!
//! # Install it
//!
//! Put the built `.so` into a folder of `plugin_dirs` where only root (or the
//! daemon's account) may write, and enable it by its name:
//!
//! ```yaml
//! enabled_backend_plugins:
//!   static_users: true
//! plugins:
//!   static_users:
//!     config: {users: {wile: coyote}}
//! ```
//!
//! # Kinds of plugins
//!
//! | trait | line of `export_plugins!` | enabled by | what it does |
//! |---|---|---|---|
//! | [`Backend`] | `backend "x" => X` | `enabled_backend_plugins: {x: true}` | verifies passwords, says what tokens allow |
//! | [`IdentityProvider`] | `identity_provider "x" => X` | `idp_plugins: {x: {enabled: true, priority: 5}}` | says who sent a login request of its own form |
//! | [`Metadata`] | `metadata "x" => X` | `enabled_metadata_plugins: {x: true}`, `purpose_metadata_mapping: {user: [x]}` | adds to the metadata of tokens |
//! | [`ExternalAuth`] | `external_auth "x" => X` | `enabled_external_auth_plugins: {x: true}` | keeps what users have at another service |
//! | [`EmailNotification`] | `email_notification "x" => X` | `email_notification_plugin: x` | sends the daemon's mails |
//! | [`HttpRoutes`] | `http "x" => X` | `enabled_http_plugins: {x: true}` | adds routes to the API |
//!
//! # Configuration
//!
//! What stands under `plugins.<name>.config` arrives as the plugin's own
//! [`Config`](Backend::Config) type. What does not fit becomes one sentence in
//! the daemon's log, without the values, since one of them may be a password:
//!
//! ```
//! # use wazo_auth_plugin_api::prelude::*;
//! # #[derive(Deserialize)]
//! # #[serde(crate = "wazo_auth_plugin_api::serde", deny_unknown_fields)]
//! # struct Config { users: std::collections::HashMap<String, String> }
//! # struct StaticUsers;
//! # impl Backend for StaticUsers {
//! #     type Config = Config;
//! #     fn new(_: Config, _: Host) -> Result<Self> { Ok(Self) }
//! #     fn verify_password(&self, _: &str, _: &str, _: &mut Args) -> Result<bool> { Ok(false) }
//! # }
//! let error = testing::backend::<StaticUsers>(json!({"userz": {}}), MockHost::new()).err().unwrap();
//! assert_eq!(error.text(), "config: unknown field `userz`, expected `users`");
//! ```
//!
//! # What the daemon does for a plugin
//!
//! [`Host`] is given to `new`: users, groups, policies, the daemon's own
//! password check, the whole API ([`ApiRequest`]), tokens ([`TokenRenewer`] keeps one for requests
//! to the API), what users have at another service ([`Host::external_auth`]), requests to others
//! ([`Host::send`]). `log::info!(…)` writes to the daemon's log ([`log`] is re-exported here).
//!
//! # Failures and panics
//!
//! [`Error`] says what a failure means for the request; an [`ApiError`] in it is
//! the very answer. A panic, even in a
//! constructor or destructor, is caught inside the plugin and fails that one
//! request. With `panic = "abort"` it cannot be caught: a plugin built so is
//! refused, unless it runs in a process of its own (`isolation: process`).
//! A plugin that blocks is answered for when its deadline passes.
//!
//! # Promise
//!
//! Plugin API 1 is frozen. For as long as a daemon offers plugin API 1.x:
//!
//! * **A built plugin keeps working.** It loads every file built against 1.y with y ≤ x, by any
//!   Rust compiler from 1.85 on, whatever its options (except `panic = "abort"`, which wants a
//!   process of its own), or in C against `include/wazo_auth_plugin.h`. It refuses a later y, and
//!   another major version, with a sentence and before anything of the file runs.
//! * **A plugin's source keeps compiling** with every later 1.x of this crate, as Cargo understands
//!   it: nothing public is removed or changed, methods added to a trait have a default, and types
//!   that may grow are `non_exhaustive`. That does not cover the Rust types of [`abi`] and [`wire`],
//!   of which only the layout and the JSON are promised, nor what is not documented.
//!
//! What is frozen, and what may grow:
//!
//! | part | from now on |
//! |---|---|
//! | the types of [`abi`] and the tables of the C header | nothing is added, removed or changed |
//! | [`manifest`] | members of its JSON may come; a new form has a new number and major version |
//! | [`wire`] | methods, services and members may come; none goes or changes its meaning. Who does not know a method answers [`Unsupported`](ErrorKind::Unsupported), and a documented default is used; a member that is not known is ignored; one that is missing has a default |
//! | kinds of plugins, kinds of failures | may come; an unknown kind of failure counts as [`Other`](ErrorKind::Other) |
//! | limits (1 MiB and 64 levels for an answer) | are never lowered |
//! | the Rust compiler that this crate needs | 1.85; a later one only with a later minor version |
//!
//! What is *not* promised: the words of sentences, how long anything takes, what the daemon does
//! beyond what the traits and services say, and the crates in a plugin other than this one.
//!
//! A plugin API 2 would come as another crate version with a manifest that says `2`. A daemon can
//! offer both, as a file says which one it is for before it is opened; one that ends support for 1
//! will have warned of such files in its log for at least one release before.
//!
//! Three things keep the promise. `promise/` in this crate records the border, the public items and
//! the frames, and tests fail when something of it is gone. Binaries of 1.0, in Rust and in C, are
//! kept in `tests/third-party/kept`, and the tests of every later daemon log users in with them. So
//! they do with a plugin that another Rust compiler builds.

#![deny(missing_docs)]

pub mod abi;
mod api_error;
mod args;
mod backend;
mod config;
mod email_notification;
mod error;
#[doc(hidden)]
pub mod export;
mod external_auth;
pub mod guide;
pub mod host;
mod http;
mod identity_provider;
mod logger;
pub mod manifest;
mod metadata;
pub mod prelude;
pub mod testing;
pub mod wire;

pub use api_error::ApiError;
pub use args::Args;
pub use backend::Backend;
pub use config::NoConfig;
pub use email_notification::{EmailContext, EmailNotification, EmailTemplate};
pub use error::{Error, ErrorKind, Result};
pub use external_auth::ExternalAuth;
pub use host::{ApiRequest, Host, TokenRenewer};
pub use http::{HttpRequest, HttpResponse, HttpRoutes, Route, TokenInfo};
pub use identity_provider::{Identity, IdentityProvider, LoginRequest};
pub use metadata::Metadata;

pub use log;
pub use serde;
pub use serde_json;
pub use serde_json::Value;

/// A JSON object.
pub type Map = serde_json::Map<String, Value>;

/// The example of the README is one of the tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
