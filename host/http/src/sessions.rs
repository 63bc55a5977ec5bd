//! `/sessions` and `/users/…/sessions` (tokens.md section 8).

use serde::Serialize;
use uuid::Uuid;
use wazo_auth_store::sessions::{LIST, Listed, Scope};

use crate::{App, authorize, call::Call, errors::Error, list, reply::Reply};

/// A session as lists show it.
#[derive(Serialize)]
struct SessionJson {
    uuid: Uuid,
    mobile: bool,
    tenant_uuid: Uuid,
    user_uuid: Option<Uuid>,
}

/// `GET /sessions`.
pub(crate) fn list(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let listing = list::read(call, &LIST)?;
    let scope = Scope::Tenants(listing.tenants(tenant));
    Ok(list::reply(&app.services.list_sessions(scope, &listing.query)?, SessionJson::from))
}

/// `DELETE /sessions/{session_uuid}`.
pub(crate) fn end(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    app.services.end_session(scope, call.uuid_param("session_uuid"))?;
    Ok(Reply::no_content())
}

/// `GET /users/{user_uuid}/sessions`.
pub(crate) fn list_of_user(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let query = list::read(call, &LIST)?.query;
    let user = call.uuid_param("user_uuid");
    let sessions = app.services.list_sessions_of_user(scope, user, &query)?;
    Ok(list::reply(&sessions, SessionJson::from))
}

/// `DELETE /users/{user_uuid}/sessions/{session_uuid}`.
pub(crate) fn end_of_user(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let (user, session) = (call.uuid_param("user_uuid"), call.uuid_param("session_uuid"));
    app.services.end_session_of_user(scope, user, session)?;
    Ok(Reply::no_content())
}

// === impl SessionJson ===

impl From<&Listed> for SessionJson {
    fn from(session: &Listed) -> Self {
        let Listed { uuid, mobile, tenant_uuid, user_uuid } = *session;
        Self { uuid, mobile, tenant_uuid, user_uuid }
    }
}
