use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Dispatch, Reply, read, write};
use crate::{
    Args, Error, Host, IdentityProvider, LoginRequest, Result,
    wire::{self, method},
};

pub(crate) struct IdentityProviderShim<T>(pub(crate) T);

/// [`wire::Authenticate`] with parts that are not read yet.
#[derive(Deserialize)]
struct Authenticate<'a> {
    #[serde(borrow, default)]
    args: Option<&'a RawValue>,
    #[serde(borrow, default)]
    headers: Option<&'a RawValue>,
}

// === impl IdentityProviderShim ===

impl<T: IdentityProvider> Dispatch for IdentityProviderShim<T> {
    fn dispatch(&self, _host: &Host, method: &str, head: &str, body: &[u8]) -> Result<Reply> {
        match method {
            method::GET_AUTHENTICATION_METHOD => {
                let authentication_method = self.0.authentication_method().to_owned();
                write(&wire::Method { authentication_method })
            }
            method::CAN_AUTHENTICATE => {
                let (args, request) = authenticate(head, body)?;
                let can_authenticate = self.0.can_authenticate(&args, &request)?;
                write(&wire::CanAuthenticate { can_authenticate })
            }
            method::VERIFY_AUTH => {
                let (mut args, request) = authenticate(head, body)?;
                let identity = self.0.verify_auth(&mut args, &request)?;
                let (backend, login) = (identity.backend, identity.login);
                write(&wire::Authenticated { backend, login, args: args.into_changed() })
            }
            method::GET_BACKEND => {
                let (args, _) = authenticate(head, &[])?;
                write(&wire::BackendName { backend: self.0.get_backend(&args)? })
            }
            _ => Err(Error::unsupported()),
        }
    }
}

fn authenticate(head: &str, body: &[u8]) -> Result<(Args, LoginRequest)> {
    let request: Authenticate<'_> = read(head)?;
    Ok((Args::unread(request.args), LoginRequest::unread(request.headers, body)))
}
