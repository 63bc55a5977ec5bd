//! `/tokens` and `/users/…/tokens`: refresh tokens, listed and deleted
//! (tokens.md sections 5.2 and 5.3). Their values are never shown.

use serde_json::{Value, json};
use uuid::Uuid;
use wazo_auth_store::{
    ListQuery,
    refresh_tokens::{Item, LIST, Scope},
};

use crate::{App, authorize, call::Call, dates, errors::Error, list, reply::Reply};

/// `GET /tokens`.
pub(crate) fn list(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let listing = list::read(call, &LIST)?;
    answer(app, Scope::Tenants(listing.tenants(tenant)), &listing.query)
}

/// `GET /users/{user_uuid}/tokens`.
pub(crate) fn list_of_user(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let query = list::read(call, &LIST)?.query;
    let user = call.uuid_param("user_uuid");
    let tokens = app.services.list_refresh_tokens_of_user(tenant, user, &query)?;
    Ok(list::reply(&tokens, item))
}

/// `GET /users/me/tokens`.
pub(crate) fn list_mine(app: &App, call: &Call) -> Result<Reply, Error> {
    let user = me(app, call)?;
    answer(app, Scope::User(user), &list::read(call, &LIST)?.query)
}

/// `DELETE /users/{user_uuid}/tokens/{client_id}`.
pub(crate) fn delete_of_user(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    delete(app, call, tenant, call.uuid_param("user_uuid"))
}

/// `DELETE /users/me/tokens/{client_id}`.
pub(crate) fn delete_mine(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    delete(app, call, tenant, me(app, call)?)
}

fn delete(app: &App, call: &Call, tenant: Uuid, user: Uuid) -> Result<Reply, Error> {
    app.services.delete_refresh_token(tenant, user, &call.param("client_id"))?;
    Ok(Reply::no_content())
}

/// The caller, if it is a user.
fn me(app: &App, call: &Call) -> Result<Uuid, Error> {
    authorize::scoping_tenant(app, call)?;
    let owner = &call.caller()?.owner;
    owner.user_uuid.ok_or_else(|| Error::unknown_user(&owner.auth_id.to_string()))
}

fn answer(app: &App, scope: Scope, query: &ListQuery) -> Result<Reply, Error> {
    Ok(list::reply(&app.services.list_refresh_tokens(scope, query)?, item))
}

fn item(token: &Item) -> Value {
    json!({
        "client_id": token.client_id, "created_at": token.created_at.map(dates::with_offset),
        "mobile": token.mobile, "user_uuid": token.user_uuid, "tenant_uuid": token.tenant_uuid,
        "metadata": token.metadata,
    })
}
