//! People who register themselves (users.md section 12).

use std::sync::Arc;

use uuid::Uuid;
use wazo_auth_events::Event;
use wazo_auth_store::{
    self as store, Change,
    tenants::Address,
    users::{Email, User},
};

use super::{DEFAULT_METHOD, NATIVE_METHOD, UserError, insert};
use crate::{
    Services,
    mails::{Link, MailError, Origin, Recipient},
    tenants::{NewTenant, PreparedTenant, TenantError, TenantFields},
};

/// Who registers.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Login, and name of the new tenant.
    pub username: String,
    /// Clear password; never stored, never logged.
    pub password: String,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// The address to be confirmed.
    pub email_address: String,
}

/// Why nobody was registered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The user cannot be made.
    #[error(transparent)]
    User(#[from] UserError),
    /// Its tenant cannot.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// The mail was not accepted: nothing is left of the user.
    #[error(
        "a user was not registered, since the mail that confirms the address was not sent: {0}"
    )]
    Mail(#[from] MailError),
    /// The store cannot write.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Services {
    /// Makes a user in a tenant of its own, and has the address confirmed. Returns
    /// once the mail is accepted; without it, neither of them stays. What cannot be
    /// deleted then goes with the next registration or clean-up; only after the end of
    /// the daemon in these seconds, user and tenant remain, unconfirmed, until an
    /// administrator deletes the tenant.
    ///
    /// # Errors
    /// [`RegistrationError`].
    pub fn register(
        self: &Arc<Self>,
        new: Registration,
        origin: &Origin,
    ) -> Result<User, RegistrationError> {
        self.forget_leftovers();
        let tenant = self.prepare_tenant(self.top_tenant(), own_tenant(&new.username))?;
        let of = tenant.uuid;
        let (email, address) = (self.context().uuid(), new.email_address.clone());
        let user = self.insert_registered(tenant, new, email)?;
        let to = Recipient { username: user.username.clone(), address };
        if let Err(error) = self.send_link(Link::Confirmation(email), to, origin) {
            self.leftovers.lock().push(of);
            self.forget_leftovers();
            return Err(error.into());
        }
        Ok(user)
    }

    fn insert_registered(
        &self,
        tenant: PreparedTenant,
        new: Registration,
        email: Uuid,
    ) -> Result<User, RegistrationError> {
        let password = self.hash(new.password).map_err(UserError::from)?;
        let row = store::users::NewUser {
            uuid: self.context().uuid(),
            username: Some(new.username),
            password: Some(password),
            firstname: new.firstname,
            lastname: new.lastname,
            enabled: true,
            tenant_uuid: tenant.uuid,
            purpose: "user".to_owned(),
            authentication_method: DEFAULT_METHOD.to_owned(),
        };
        let address = new.email_address;
        let email = Email { uuid: email, address, confirmed: false, main: true };
        let group = self.context().uuid();
        self.write_and_tell(Change::Directory, move |tx, told| {
            let conn = tx.conn();
            tenant.insert(conn, told)?;
            Ok::<_, RegistrationError>(insert(conn, &row, Some(&email), group, &[])?)
        })
    }

    /// Deletes what is left of registrations that failed; what cannot be deleted now is
    /// tried again by the next call.
    pub(crate) fn forget_leftovers(&self) {
        let left = std::mem::take(&mut *self.leftovers.lock());
        for tenant in left {
            if let Err(error) = self.forget_registered(tenant) {
                log::error!(
                    target: "wazo_auth.users",
                    "the tenant {tenant} of a registration whose mail was not sent cannot be \
                     deleted now, later: {error}"
                );
                self.leftovers.lock().push(tenant);
            }
        }
    }

    /// Deletes what a registration has made. The bus was told of the tenant.
    fn forget_registered(&self, tenant: Uuid) -> Result<(), store::Error> {
        self.write_and_tell(Change::Directory, move |tx, told| {
            if store::tenants::delete(tx.conn(), &tenant)? {
                told.push(|| Event::TenantDeleted { uuid: tenant });
            }
            Ok(())
        })
    }
}

/// The tenant of somebody of this name.
fn own_tenant(username: &str) -> NewTenant {
    let fields = TenantFields {
        name: Some(username.to_owned()),
        contact: None,
        phone: None,
        default_authentication_method: NATIVE_METHOD.to_owned(),
        domain_names: Vec::new(),
        address: Address::default(),
    };
    NewTenant { uuid: None, slug: None, fields }
}
