use super::{Dispatch, Reply, http::handle, read, write};
use crate::{
    Error, ExternalAuth, Host, Result,
    wire::{self, method},
};

pub(crate) struct ExternalAuthShim<T>(pub(crate) T);

// === impl ExternalAuthShim ===

impl<T: ExternalAuth> Dispatch for ExternalAuthShim<T> {
    fn dispatch(&self, _host: &Host, method: &str, head: &str, body: &[u8]) -> Result<Reply> {
        match method {
            method::GET_PLUGIN_INFO => {
                write(&wire::PluginInfo { plugin_info: self.0.plugin_info() })
            }
            method::GET_SAFE_DATA => {
                let request: wire::Data<'_> = read(head)?;
                write(&wire::SafeData { data: self.0.safe_data(&request.data)? })
            }
            method::GET_ROUTES => write(&wire::Items { items: self.0.routes() }),
            method::HANDLE => handle(head, body, |request| self.0.handle(request)),
            method::OAUTH2_CALLBACK => {
                let request: wire::OAuth2Message<'_> = read(head)?;
                let wire::OAuth2Message { user_uuid, extra, message } = &request;
                self.0.oauth2_callback(user_uuid, extra, message)?;
                write(&wire::Empty {})
            }
            _ => Err(Error::unsupported()),
        }
    }
}
