//! Access tokens: checked, read, revoked, issued to the service itself
//! (tokens.md sections 3, 7 and 12). Logins issue them in [`crate::login`].

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;
use wazo_auth_acl::Acl;
use wazo_auth_events::Event;
use wazo_auth_store::{
    self as store, Change, LookedUp,
    index::{AuthId, Home, LiveToken, LiveTokenRef, Owner, TokenIndex},
    sessions::Session,
    tokens::NewToken,
};

use crate::{OWN_AUTH_ID, Services};

/// Why a token is not good enough, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Unknown, expired or not a token at all.
    #[error("No such token")]
    UnknownToken,
    /// It does not grant the required access.
    #[error("Unauthorized for {0}")]
    Scope(String),
    /// Its owner does not reach the tenant.
    #[error("Unauthorized for tenant {0}")]
    Tenant(String),
    /// Its owner has been deleted, so that it reaches no tenant.
    #[error("No such user: \"{0}\"")]
    UnknownUser(String),
}

impl CheckError {
    /// Whether it may be due to what memory does not know: not what the token
    /// grants, which never changes.
    #[must_use]
    pub fn may_be_overtaken(&self) -> bool {
        !matches!(self, Self::Scope(_))
    }
}

/// Why a token cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It failed the check.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The store cannot answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A token as its holder sees it (tokens.md section 3).
#[derive(Debug, Clone)]
pub struct TokenView {
    /// The token.
    pub token: Uuid,
    /// Identifier of the owner.
    pub auth_id: String,
    /// Legacy alias of the metadata key of that name.
    pub pbx_user_uuid: Option<String>,
    /// The platform.
    pub xivo_uuid: Option<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it expires; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// The frozen accesses.
    pub acl: Arc<[String]>,
    /// The frozen metadata.
    pub metadata: Map<String, Value>,
    /// Its session.
    pub session_uuid: Uuid,
    /// The address it was issued to.
    pub remote_addr: String,
    /// The user agent it was issued to.
    pub user_agent: String,
}

impl Services {
    /// What is known of tokens at this moment, without waiting for anything;
    /// nothing when it may be overtaken.
    #[must_use]
    pub fn index(&self) -> Option<&TokenIndex> {
        self.store().is_current().then(|| self.store().index())
    }

    /// Whether a token that [`index`](Self::index) does not hold does not exist.
    /// Otherwise, [`look_up`](Self::look_up) knows.
    #[must_use]
    pub fn knows_all_tokens(&self) -> bool {
        self.store().is_complete()
    }

    /// What the database knows of the token, and of the tenant that is asked for.
    /// Waits for it.
    ///
    /// # Errors
    /// The store's, when it cannot read.
    pub fn look_up(
        &self,
        token: &Uuid,
        tenant: Option<&str>,
    ) -> Result<LookedUp<'_>, store::Error> {
        let tenant = tenant.and_then(TokenIndex::parse_token);
        self.store().look_up(token, tenant.as_ref(), self.now_seconds())
    }

    /// What was known of the token before the database could not be reached any
    /// more, as long as that may be answered (`token_check_grace`).
    #[must_use]
    pub fn remembered(&self, token: &Uuid) -> Option<&TokenIndex> {
        let index = self.store().remembered()?;
        index.get(token, self.now_seconds()).map(|_| index)
    }

    /// The live token written `token`, as `index` knows it.
    #[must_use]
    pub fn live_token(&self, index: &TokenIndex, token: &str) -> Option<LiveToken> {
        index.get(&TokenIndex::parse_token(token)?, self.now_seconds())
    }

    /// The same. May wait for the database.
    ///
    /// # Errors
    /// The store's, when it cannot read.
    pub fn find_live_token(&self, token: &str) -> Result<Option<LiveToken>, store::Error> {
        let Some(token) = TokenIndex::parse_token(token) else { return Ok(None) };
        let now = self.now_seconds();
        let known = self.index().and_then(|index| index.get(&token, now));
        if known.is_some() || self.knows_all_tokens() {
            return Ok(known);
        }
        Ok(self.look_up(&token, None)?.get(&token, now))
    }

    /// To be called as soon as it is known that a token is going to be checked:
    /// its memory is on the way then while the rest of the request is read.
    pub fn expect_check(&self, token: &Uuid) {
        self.store().index().prefetch(token);
    }

    /// Checks a token: existence, then `scope`, then `tenant` (empty: none), as
    /// `index` knows them. This is what other services ask on every request.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn check(
        &self,
        index: &TokenIndex,
        token: &Uuid,
        scope: Option<&str>,
        tenant: Option<&str>,
    ) -> Result<(), CheckError> {
        let checked = index.look(token, self.now_seconds(), |token| {
            match scope {
                Some(scope) if !grants(token.acl, token.owner, token.session, scope) => {
                    return Err(CheckError::Scope(scope.to_owned()));
                }
                _ => {}
            }
            check_tenant(index, token, tenant)
        });
        checked.unwrap_or(Err(CheckError::UnknownToken))
    }

    /// Which of `scopes` the token grants, each asked once.
    ///
    /// # Errors
    /// [`CheckError`] when it is unknown or does not reach `tenant`.
    pub fn check_scopes<'a>(
        &self,
        index: &TokenIndex,
        token: &Uuid,
        scopes: &'a [String],
        tenant: Option<&str>,
    ) -> Result<Vec<(&'a str, bool)>, CheckError> {
        self.check(index, token, None, tenant)?;
        let now = self.now_seconds();
        let token = index.get(token, now).ok_or(CheckError::UnknownToken)?;
        let mut seen = std::collections::HashSet::new();
        let asked = scopes.iter().map(String::as_str).filter(|scope| seen.insert(*scope));
        Ok(asked.map(|scope| (scope, allows(&token, scope))).collect())
    }

    /// Reads a token back, after [`check`](Self::check).
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_token(
        &self,
        token: &Uuid,
        scope: Option<&str>,
        tenant: Option<&str>,
    ) -> Result<TokenView, ReadError> {
        let known = self.index().map(|index| self.check(index, token, scope, tenant));
        match known {
            Some(Ok(())) => {}
            Some(Err(error)) if self.knows_all_tokens() || !error.may_be_overtaken() => {
                return Err(error.into());
            }
            _ => self.check(&*self.look_up(token, tenant)?, token, scope, tenant)?,
        }
        let row = self
            .store()
            .read(|conn| store::tokens::get(conn, token))?
            // Revoked between the check and the read.
            .ok_or(CheckError::UnknownToken)?;
        Ok(TokenView::from(row))
    }

    /// What the service itself may do, as if somebody had a token for it with these
    /// accesses.
    #[must_use]
    pub fn own_rights(&self, acl: Arc<Acl>) -> LiveToken {
        LiveToken {
            token: Uuid::nil(),
            session: Uuid::nil(),
            expires: None,
            owner: Arc::new(Owner {
                auth_id: OWN_AUTH_ID.into(),
                user_uuid: None,
                tenant_uuid: Some(self.top_tenant()),
            }),
            acl,
        }
    }

    /// Revokes a token, and its session with its last token. Unknown tokens
    /// are revoked already.
    ///
    /// # Errors
    /// The store's, when it cannot write.
    pub fn revoke_token(&self, token: Uuid) -> Result<(), store::Error> {
        self.write_and_tell(Change::Sessions(None), move |tx, told| {
            let conn = tx.conn();
            let Some(row) = store::tokens::get(conn, &token)? else { return Ok(()) };
            // Of two who revoke its last tokens at once, one sees that nothing is left.
            store::sessions::hold(conn, &row.session_uuid)?;
            store::tokens::delete(conn, &token)?;
            if !store::tokens::tokens_of_session(conn, &row.session_uuid)?.is_empty() {
                return Ok(());
            }
            let session = store::sessions::get(conn, &row.session_uuid)?;
            if let Some(Session { uuid, tenant_uuid, .. }) = session {
                store::sessions::delete(conn, &uuid)?;
                let (tenant_uuid, auth_id) = (tenant_uuid.to_string(), Some(row.auth_id));
                told.push(|| Event::SessionDeleted { uuid, tenant_uuid, auth_id });
            }
            Ok(())
        })
    }

    /// Issues a token to the service itself or one of its plugins (tokens.md
    /// section 12): owner `wazo-auth`, exactly these accesses.
    ///
    /// # Errors
    /// The store's, when it cannot write.
    pub fn issue_internal(&self, internal: Internal) -> Result<Uuid, store::Error> {
        let (token, session) = (self.context().uuid(), self.context().ordered_uuid());
        let (tenant, issued) = (self.top_tenant(), self.now_seconds());
        let row = NewToken {
            uuid: token,
            auth_id: OWN_AUTH_ID.to_owned(),
            pbx_user_uuid: None,
            xivo_uuid: None,
            issued_at: Some(issued),
            expires_at: Some(issued.saturating_add(internal.expiration)),
            metadata: internal.metadata,
            session_uuid: session,
            user_agent: internal.user_agent.to_owned(),
            remote_addr: internal.remote_addr.to_owned(),
            acl: internal.acl.into(),
            refresh_token_uuid: None,
        };
        let written = self.store().write(Change::Sessions(None), move |tx| {
            let session = Session { uuid: session, mobile: false, tenant_uuid: tenant };
            store::sessions::insert(tx.conn(), &session)?;
            store::tokens::insert(tx.conn(), &row)?;
            Ok::<_, store::Error>(token)
        })?;
        self.activity().count_token();
        Ok(written)
    }
}

fn check_tenant(
    index: &TokenIndex,
    token: LiveTokenRef<'_>,
    asked: Option<&str>,
) -> Result<(), CheckError> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(()) };
    let home = token.home();
    let tenant_of_owner = match home {
        Home::Tenant(tenant) => Some(tenant),
        Home::Unknown => None,
        Home::NoUser if token.owner.auth_id.is(OWN_AUTH_ID) => {
            return Ok(());
        }
        // An identity that only its backend knows lives in a tenant of its
        // configuration; every other owner is a user.
        Home::NoUser if token.owner.user_uuid.is_none() => token.owner.tenant_uuid,
        Home::NoUser => None,
    };
    let unknown_user = || CheckError::UnknownUser(token.owner.auth_id.to_string());
    let own = tenant_of_owner.ok_or_else(unknown_user)?;
    match TokenIndex::parse_token(asked) {
        // Most of the time: a tenant with a user in it exists.
        Some(tenant) if home == Home::Tenant(tenant) => Ok(()),
        Some(tenant) if index.is_in_subtree(&tenant, &own) => Ok(()),
        _ => Err(CheckError::Tenant(asked.to_owned())),
    }
}

/// The longest access that anybody holds, in bytes: matching takes time by the
/// length of what is asked for.
const MAX_ACCESS: usize = 4096;

/// Whether the token grants `required`.
#[must_use]
pub fn allows(token: &LiveToken, required: &str) -> bool {
    grants(&token.acl, &token.owner, &token.session, required)
}

fn grants(acl: &Acl, owner: &Owner, session: &Uuid, required: &str) -> bool {
    if required.len() > MAX_ACCESS {
        return false;
    }
    if !acl.is_personal() {
        // Most tokens, most of the time: nothing to write out.
        return acl.allows(required, "", "");
    }
    let mut buffer = Uuid::encode_buffer();
    let session = &*session.hyphenated().encode_lower(&mut buffer);
    let mut user = Uuid::encode_buffer();
    let auth_id = match &owner.auth_id {
        AuthId::Uuid(uuid) => &*uuid.hyphenated().encode_lower(&mut user),
        AuthId::Text(text) => text,
    };
    acl.allows(required, auth_id, session)
}

/// What a token's accesses are matched with, to keep beyond the token.
#[derive(Clone)]
pub(crate) struct TokenSubject {
    pub(crate) acl: Arc<Acl>,
    pub(crate) auth_id: String,
    pub(crate) session: String,
}

impl From<&LiveToken> for TokenSubject {
    fn from(token: &LiveToken) -> Self {
        Self {
            acl: Arc::clone(&token.acl),
            auth_id: token.owner.auth_id.to_string(),
            session: token.session.to_string(),
        }
    }
}

/// A token of the service's own.
#[derive(Debug, Clone)]
pub struct Internal {
    /// Lifetime in seconds.
    pub expiration: i64,
    /// Its accesses.
    pub acl: Vec<String>,
    /// Its metadata.
    pub metadata: Map<String, Value>,
    /// What stands as its user agent.
    pub user_agent: &'static str,
    /// What stands as its address.
    pub remote_addr: &'static str,
}

// === impl TokenView ===

impl From<store::tokens::Token> for TokenView {
    fn from(row: store::tokens::Token) -> Self {
        Self {
            token: row.uuid,
            auth_id: row.auth_id,
            pbx_user_uuid: row.pbx_user_uuid,
            xivo_uuid: row.xivo_uuid,
            issued_at: seconds(row.issued_at.unwrap_or_default()),
            expires_at: row.expires_at.map(seconds),
            acl: row.acl,
            metadata: row.metadata,
            session_uuid: row.session_uuid,
            remote_addr: row.remote_addr,
            user_agent: row.user_agent,
        }
    }
}

/// The instant so many seconds after 1970; the farthest there is beyond.
pub(crate) fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
