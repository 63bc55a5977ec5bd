//! The one transaction of a login. It checks again what the preparation relied
//! on, because the world may have changed while a password was hashed.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;
use wazo_auth_events::{Event, Told};
use wazo_auth_plugins::Args;
use wazo_auth_store::{
    self as store, Change, Conn, Tx,
    sessions::{Beginning, Begun, Session},
    tokens::NewToken,
    users::User,
};

use super::{Claims, LoginAnswer, LoginError, LoginRequest, later, verify::Verified};
use crate::{
    Services,
    refresh_tokens::{self, Offline},
    tokens::TokenView,
    users::effective_method,
};

/// Everything the transaction needs, ready to be run more than once.
pub(super) struct Plan {
    login: String,
    user: Option<Relied>,
    refresh_token: Option<(Uuid, String)>,
    offline: Option<Offline>,
    cap: Option<i64>,
    session: Session,
    token: NewToken,
    issued_at: Timestamp,
    expires_at: Timestamp,
    attempt: Attempt,
}

/// The versions of the store that a plan rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt {
    /// Before the preparation read anything.
    pub(super) verified_at: u64,
    /// Before it read what the user may do, and where it is.
    pub(super) claimed_at: u64,
    /// Whether the claims are taken as they are: somebody writes all the time.
    pub(super) is_last: bool,
}

/// What the preparation found of the user.
struct Relied {
    uuid: Uuid,
    method: String,
    password_hash: Option<String>,
}

/// What the transaction found out.
struct Written {
    refresh_token: Option<Uuid>,
    sessions_revoked: u64,
}

/// Why the transaction was undone.
enum Unwritten {
    /// See [`Plan::is_overtaken`].
    Overtaken,
    Refused(LoginError),
}

// === impl Unwritten ===

impl<E: Into<LoginError>> From<E> for Unwritten {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

// === impl Plan ===

impl Plan {
    pub(super) fn new(
        services: &Services,
        request: &LoginRequest,
        verified: &Verified,
        args: &Args,
        claims: Claims,
        issued_at: Timestamp,
        attempt: Attempt,
    ) -> Result<Self, LoginError> {
        let context = services.context();
        let expires_at = later(issued_at, request.expiration);
        let session = Session {
            uuid: context.ordered_uuid(),
            mobile: request.mobile,
            tenant_uuid: claims.tenant_uuid.unwrap_or_else(|| services.top_tenant()),
        };
        let offline = offline(services, request, verified, args, &claims, issued_at)?;
        let token = NewToken {
            uuid: context.uuid(),
            auth_id: claims.auth_id,
            pbx_user_uuid: claims.pbx_user_uuid,
            xivo_uuid: claims.xivo_uuid,
            issued_at: Some(issued_at.as_second()),
            expires_at: Some(expires_at.as_second()),
            metadata: claims.metadata,
            session_uuid: session.uuid,
            user_agent: request.user_agent.clone(),
            remote_addr: request.remote_addr.clone(),
            acl: claims.acl,
            refresh_token_uuid: verified.refresh_token,
        };
        let capped = matches!(claims.purpose.as_deref(), Some("user" | "external_api"))
            && Uuid::parse_str(&token.auth_id).is_ok();
        Ok(Self {
            login: verified.login.clone(),
            user: verified.user.as_deref().map(Relied::on),
            refresh_token: verified.refresh_token.zip(request.client_id.clone()),
            offline,
            cap: capped.then(|| services.rules().max_user_concurrent_sessions),
            session,
            token,
            issued_at,
            expires_at,
            attempt,
        })
    }

    /// Whether what the user may do, or where it is, may have changed since it was
    /// read: it had better be read again.
    fn is_overtaken(&self, tx: &mut Tx<'_>) -> Result<bool, store::Error> {
        Ok(!self.attempt.is_last && !tx.is_at(self.attempt.claimed_at)?)
    }

    fn write(&mut self, tx: &mut Tx<'_>, told: &mut Told) -> Result<Written, Unwritten> {
        // Otherwise one look says both.
        let is_looked_at =
            self.attempt.is_last || self.attempt.verified_at != self.attempt.claimed_at;
        if is_looked_at {
            self.check(tx)?;
        }
        let mut written = Written { refresh_token: None, sessions_revoked: 0 };
        let mut cap = self.cap;
        if let Some(offline) = &self.offline {
            if self.is_overtaken(tx)? {
                return Err(Unwritten::Overtaken);
            }
            // As many as there are before others give way to this one.
            self.check_cap(tx.conn())?;
            cap = None;
            let (token, revoked) = refresh_tokens::obtain(tx.conn(), told, offline)?;
            written = Written { refresh_token: Some(token), sessions_revoked: revoked };
            self.token.refresh_token_uuid = Some(token);
        }
        told.push(|| self.told());
        let is_all = self.offline.is_none();
        let begun = store::sessions::begin(
            tx,
            &Beginning {
                session: &self.session,
                token: &self.token,
                presented: self.refresh_token.as_ref().map(|(token, client)| (token, &**client)),
                cap,
                at: (!self.attempt.is_last).then_some(self.attempt.claimed_at),
                news: is_all.then(|| told.take()).flatten(),
                is_all,
            },
        )?;
        match begun {
            Begun::Made => Ok(written),
            Begun::Overtaken => Err(Unwritten::Overtaken),
            Begun::TooMany => Err(self.too_many().into()),
            Begun::Unpresented => {
                let client = self.refresh_token.as_ref().map_or("", |(_, client)| client);
                let reason = format!("refresh token of client \"{client}\" was just deleted");
                Err(LoginError::Refused(reason).into())
            }
        }
    }

    /// What the verification relied on, where that may have changed.
    fn check(&self, tx: &mut Tx<'_>) -> Result<(), Unwritten> {
        if self.is_overtaken(tx)? {
            return Err(Unwritten::Overtaken);
        }
        let is_unchanged = tx.is_at(self.attempt.verified_at)?;
        if let Some(relied) = self.user.as_ref().filter(|_| !is_unchanged) {
            relied.check(tx.conn(), &self.login)?;
        }
        Ok(())
    }

    fn check_cap(&self, conn: &mut dyn Conn) -> Result<(), LoginError> {
        match self.cap {
            Some(cap) if store::sessions::count_of_auth_id(conn, &self.token.auth_id)? >= cap => {
                Err(self.too_many())
            }
            _ => Ok(()),
        }
    }

    fn too_many(&self) -> LoginError {
        let (auth_id, login) = (self.token.auth_id.clone(), self.login.clone());
        LoginError::TooManySessions { auth_id, login }
    }
}

// === impl Relied ===

impl Relied {
    fn on(user: &User) -> Self {
        Self {
            uuid: user.uuid,
            method: effective_method(user).to_owned(),
            password_hash: user.password.as_ref().map(|password| password.hash.clone()),
        }
    }

    fn check(&self, conn: &mut dyn Conn, login: &str) -> Result<(), LoginError> {
        // Of whoever the login means now.
        let user = store::users::by_login(conn, login)?;
        let same = user.is_some_and(|user| {
            user.uuid == self.uuid
                && effective_method(&user) == self.method
                && user.password.map(|password| password.hash) == self.password_hash
        });
        if same {
            return Ok(());
        }
        Err(LoginError::Refused(format!("user of login {login} changed during the login")))
    }
}

impl Services {
    /// Nothing when the plan was [overtaken](Plan::is_overtaken).
    pub(super) fn write_login(&self, mut plan: Plan) -> Result<Option<LoginAnswer>, LoginError> {
        let change = Change::Sessions(plan.user.as_ref().map(|user| user.uuid));
        let view = plan.view();
        let written = self.write_and_tell(change, move |tx, told| plan.write(tx, told));
        let written = match written {
            Ok(written) => written,
            Err(Unwritten::Overtaken) => return Ok(None),
            Err(Unwritten::Refused(error)) => return Err(error),
        };
        self.activity().count_token();
        Ok(Some(LoginAnswer {
            token: view,
            refresh_token: written.refresh_token,
            sessions_revoked: written.sessions_revoked,
        }))
    }
}

impl Plan {
    fn told(&self) -> Event {
        Event::SessionCreated {
            uuid: self.session.uuid,
            tenant_uuid: self.session.tenant_uuid,
            user_uuid: Uuid::parse_str(&self.token.auth_id).ok(),
            mobile: self.session.mobile,
        }
    }

    /// The token as the answer shows it: with the fraction of the instant.
    fn view(&self) -> TokenView {
        let token = &self.token;
        TokenView {
            token: token.uuid,
            auth_id: token.auth_id.clone(),
            pbx_user_uuid: token.pbx_user_uuid.clone(),
            xivo_uuid: token.xivo_uuid.clone(),
            issued_at: self.issued_at,
            expires_at: Some(self.expires_at),
            acl: Arc::clone(&token.acl),
            metadata: token.metadata.clone(),
            session_uuid: token.session_uuid,
            remote_addr: token.remote_addr.clone(),
            user_agent: token.user_agent.clone(),
        }
    }
}

/// The refresh token that an offline login wants.
fn offline(
    services: &Services,
    request: &LoginRequest,
    verified: &Verified,
    args: &Args,
    claims: &Claims,
    created_at: Timestamp,
) -> Result<Option<Offline>, LoginError> {
    let Some(client_id) = request.client_id.as_ref().filter(|_| request.offline) else {
        return Ok(None);
    };
    let Some(user) = &verified.user else {
        return Err(LoginError::OfflineForeigner(verified.login.clone()));
    };
    let login = args.str("real_login").or_else(|| args.login());
    Ok(Some(Offline {
        fresh: services.context().uuid(),
        client_id: client_id.clone(),
        user: user.uuid,
        tenant: user.tenant_uuid,
        backend: request.backend.clone(),
        login: login.unwrap_or(&verified.login).to_owned(),
        user_agent: request.user_agent.clone(),
        remote_addr: request.remote_addr.clone(),
        created_at,
        mobile: request.mobile,
        metadata: claims.persistent.clone(),
    }))
}
