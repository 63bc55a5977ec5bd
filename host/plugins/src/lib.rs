//! Plugins: look at the file, load it, call it within limits.
//!
//! ```text
//!  file ──look──▶ inspection ──digest, trial, dlopen, layout──▶ library ──create──▶ instance
//!         │ refused, one sentence    │ refused, one sentence              │ failed: registered
//!         ▼                          ▼                                    ▼ but unusable
//! ```
//!
//! Nothing of a file runs before [`look`] is done with it, and a third party's
//! library is opened in another process before it is in this one. A library is
//! never closed again. Every call goes through a gate: bounded slots with a
//! bounded queue, a deadline, and bounds on the answer. What a plugin asks the
//! daemon comes in through [`HostServices`]; this crate knows nothing of what
//! is behind it.

mod backend;
mod cage;
mod call_error;
mod caller;
mod check;
mod confided;
mod conformance;
mod email_notification;
mod external_auth;
mod frame;
mod gate;
mod health;
mod host;
mod http;
mod identity_provider;
mod instance;
mod kind;
mod load;
pub mod look;
mod metadata;
mod noise;
mod object;
mod registry;
pub mod reply;
mod settings;
mod share;
mod start;
mod text;
mod trial;
pub mod worker;

pub use backend::Backend;
pub use call_error::CallError;
pub use caller::Caller;
pub use check::{Checked, Start, check};
pub use confided::without_secrets;
pub use email_notification::EmailNotification;
pub use external_auth::ExternalAuth;
pub use host::{HostFailure, HostServices};
pub use http::HttpPlugin;
pub use identity_provider::IdentityProvider;
pub use kind::is_own_name;
pub use look::{Inspection, LookError, inspect};
pub use metadata::MetadataPlugin;
pub use registry::{Candidate, LoadError, PluginReport, PluginState, Registry, TrialOpener};
pub use settings::{Identities, Idp, Isolation, PluginOptions, Settings};
pub use text::one_line;
pub use trial::{Extent, Outcome, Step, Trial};
pub use wazo_auth_plugin_api::{
    ApiError, Args, EmailContext, EmailTemplate, ErrorKind, HttpRequest, HttpResponse, Identity,
    LoginRequest, Map, Route, TokenInfo, wire,
};
