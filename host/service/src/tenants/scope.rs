//! Which tenant a request is about (http.md section 5).

use uuid::Uuid;
use wazo_auth_store::{
    self as store,
    index::{LiveToken, TokenIndex},
};

use crate::Services;

/// Why a request has no tenant to work in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// The header names a tenant that the token's owner cannot reach.
    #[error("Unauthorized tenant")]
    UnauthorizedTenant(String),
    /// The token's owner has been deleted.
    #[error("No such user: \"{0}\"")]
    UnknownUser(Uuid),
    /// The token belongs to no tenant.
    #[error("the token belongs to no tenant")]
    NoTenant,
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Services {
    /// The tenant that a request of `token` with this `Wazo-Tenant` header is
    /// about: the owner's own, or one below it.
    ///
    /// # Errors
    /// [`ScopeError`].
    pub fn scoping_tenant(
        &self,
        token: &LiveToken,
        header: Option<&str>,
    ) -> Result<Uuid, ScopeError> {
        let store = self.store();
        let home = match token.owner.user_uuid {
            Some(user) => store.tenant_of_user(&user)?.ok_or(ScopeError::UnknownUser(user))?,
            None => token.owner.tenant_uuid.ok_or(ScopeError::NoTenant)?,
        };
        let Some(header) = header.filter(|header| !header.is_empty()) else { return Ok(home) };
        let unauthorized = || ScopeError::UnauthorizedTenant(header.to_owned());
        let wanted = TokenIndex::parse_token(header).ok_or_else(unauthorized)?;
        if store.is_below(&wanted, &home)? {
            return Ok(wanted);
        }
        Err(unauthorized())
    }
}
