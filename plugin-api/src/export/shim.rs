//! From frames to the author's traits and back.

use std::{borrow::Cow, mem};

use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RSlice, RStr, RVec},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::guard::guard;
use crate::{
    Args, Backend, Error, ErrorKind, Host, Map, Metadata, Result,
    abi::{Failure, Frame, PluginApi, PluginApi_TO, PluginBox},
    wire::{self, method},
};

mod email_notification;
mod external_auth;
mod http;
mod identity_provider;

pub(super) use email_notification::EmailNotificationShim;
pub(super) use external_auth::ExternalAuthShim;
pub(super) use http::HttpShim;
pub(super) use identity_provider::IdentityProviderShim;

/// What each kind does with a method, its JSON head and its raw bytes.
pub(super) trait Dispatch: Send + Sync + 'static {
    /// The answer.
    fn dispatch(&self, host: &Host, method: &str, head: &str, body: &[u8]) -> Result<Reply>;
}

/// A JSON head and raw bytes.
pub(super) struct Reply {
    head: String,
    body: Vec<u8>,
}

/// A plugin with a guard around every entry, its destructor included.
pub(super) struct Shim<D: Dispatch> {
    plugin: Option<D>,
    host: Host,
}

/// [`wire::VerifyPassword`] with arguments that are not read yet.
#[derive(Deserialize)]
struct Verify<'a> {
    #[serde(borrow)]
    login: Cow<'a, str>,
    #[serde(borrow)]
    password: Cow<'a, str>,
    #[serde(borrow, default)]
    args: Option<&'a RawValue>,
}

/// [`wire::LoginArgs`] with arguments that are not read yet.
#[derive(Deserialize)]
struct Login<'a> {
    #[serde(borrow)]
    login: Cow<'a, str>,
    #[serde(borrow, default)]
    args: Option<&'a RawValue>,
}

pub(super) struct BackendShim<T>(pub(super) T);
pub(super) struct MetadataShim<T>(pub(super) T);

// === impl Shim ===

impl<D: Dispatch> Shim<D> {
    pub(super) fn new(plugin: D, host: Host) -> Self {
        Self { plugin: Some(plugin), host }
    }

    pub(super) fn into_object(self) -> PluginBox {
        PluginApi_TO::from_value(self, TD_Opaque)
    }
}

impl<D: Dispatch> PluginApi for Shim<D> {
    fn call(
        &self,
        method: RStr<'_>,
        head: RStr<'_>,
        body: RSlice<'_, u8>,
    ) -> RResult<Frame, Failure> {
        let Some(plugin) = &self.plugin else {
            return RResult::RErr(Error::other("the plugin is gone").into());
        };
        let (method, head, body) = (method.as_str(), head.as_str(), body.as_slice());
        match guard(&self.host, || plugin.dispatch(&self.host, method, head, body)) {
            Ok(Reply { head, body }) => {
                RResult::ROk(Frame { head: head.into(), body: RVec::from(body) })
            }
            Err(error) => RResult::RErr(error.into()),
        }
    }
}

impl<D: Dispatch> Drop for Shim<D> {
    fn drop(&mut self) {
        let plugin = self.plugin.take();
        // The panic hook has put the panic into the log; nobody waits for an
        // answer of a destructor.
        let dropped = guard(&self.host, || {
            drop(plugin);
            Ok(())
        });
        mem::drop(dropped);
    }
}

// === impl BackendShim ===

impl<T: Backend> Dispatch for BackendShim<T> {
    fn dispatch(&self, _host: &Host, method: &str, head: &str, _body: &[u8]) -> Result<Reply> {
        match method {
            method::VERIFY_PASSWORD => {
                let request: Verify<'_> = read(head)?;
                let mut args = Args::unread(request.args);
                let verified =
                    self.0.verify_password(&request.login, &request.password, &mut args)?;
                write(&wire::Verified { verified, args: args.into_changed() })
            }
            method::GET_ACL => with_args(head, |login, args| {
                let acl = self.0.get_acl(login, args)?;
                Ok(|args| wire::Acl { acl, args })
            }),
            method::GET_METADATA => with_args(head, |login, args| {
                let metadata = self.0.get_metadata(login, args)?;
                Ok(|args| wire::MetadataReply { metadata, args })
            }),
            method::GET_PERSISTENT_METADATA => with_args(head, |login, args| {
                let metadata =
                    or_default(self.0.get_persistent_metadata(login, args), || Ok(Map::new()))?;
                Ok(|args| wire::MetadataReply { metadata, args })
            }),
            _ => Err(Error::unsupported()),
        }
    }
}

// === impl MetadataShim ===

impl<T: Metadata> Dispatch for MetadataShim<T> {
    fn dispatch(&self, host: &Host, method: &str, head: &str, _body: &[u8]) -> Result<Reply> {
        match method {
            method::GET_TOKEN_METADATA => with_args(head, |login, args| {
                let metadata = or_default(self.0.get_token_metadata(login, args), || {
                    host.user_metadata(login)
                })?;
                Ok(|args| wire::MetadataReply { metadata, args })
            }),
            method::GET_PERSISTENT_METADATA => with_args(head, |login, args| {
                let metadata =
                    or_default(self.0.get_persistent_metadata(login, args), || Ok(Map::new()))?;
                Ok(|args| wire::MetadataReply { metadata, args })
            }),
            _ => Err(Error::unsupported()),
        }
    }
}

/// Reads login and arguments, runs `f`, and answers what it makes of them.
fn with_args<R, A>(head: &str, f: impl FnOnce(&str, &mut Args) -> Result<R>) -> Result<Reply>
where
    R: FnOnce(Option<Map>) -> A,
    A: Serialize,
{
    let request: Login<'_> = read(head)?;
    let mut args = Args::unread(request.args);
    let reply = f(&request.login, &mut args)?;
    write(&reply(args.into_changed()))
}

/// The documented default where the author did not write the method.
fn or_default<T>(answer: Result<T>, default: impl FnOnce() -> Result<T>) -> Result<T> {
    match answer {
        Err(error) if error.kind() == ErrorKind::Unsupported => default(),
        answer => answer,
    }
}

fn read<'a, T: Deserialize<'a>>(head: &'a str) -> Result<T> {
    serde_json::from_str(head).map_err(|error| Error::malformed("the head of the call", &error))
}

fn write<T: Serialize>(reply: &T) -> Result<Reply> {
    Ok(Reply { head: wire::to_json(reply)?, body: Vec::new() })
}
