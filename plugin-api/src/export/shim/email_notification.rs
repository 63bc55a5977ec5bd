use super::{Dispatch, Reply, read, write};
use crate::{
    EmailNotification, Error, Host, Result,
    wire::{Empty, method},
};

pub(crate) struct EmailNotificationShim<T>(pub(crate) T);

// === impl EmailNotificationShim ===

impl<T: EmailNotification> Dispatch for EmailNotificationShim<T> {
    fn dispatch(&self, _host: &Host, method: &str, head: &str, _body: &[u8]) -> Result<Reply> {
        match method {
            method::SEND_CONFIRMATION => self.0.send_confirmation(&read(head)?)?,
            method::SEND_PASSWORD_RESET => self.0.send_password_reset(&read(head)?)?,
            _ => return Err(Error::unsupported()),
        }
        write(&Empty {})
    }
}
