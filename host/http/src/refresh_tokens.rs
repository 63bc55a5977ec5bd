//! `/tokens` and `/users/…/tokens`: refresh tokens, listed and deleted
//! (tokens.md sections 5.2 and 5.3). Their values are never shown.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use wazo_auth_store::{
    list::Direction,
    refresh_tokens::{Item, ListQuery, Order, Scope},
};

use crate::{
    App, authorize,
    call::Call,
    dates,
    errors::Error,
    fields::wrong_type,
    list::{self, ListParams},
    reply::Reply,
};

const COLUMNS: [&str; 3] = ["created_at", "client_id", "mobile"];

/// `GET /tokens`.
pub(crate) fn list(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let params = params(call)?;
    let tenants = match params.recurse {
        true => app.services.store().index().subtree(&tenant),
        false => vec![tenant],
    };
    answer(app, call, params, Scope::Tenants(tenants))
}

/// `GET /users/{user_uuid}/tokens`.
pub(crate) fn list_of_user(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let params = params(call)?;
    let user = call.uuid_param("user_uuid");
    if !app.services.user_is_in_scope(user, tenant)? {
        return Err(Error::unknown_user(&user.to_string()));
    }
    answer(app, call, params, Scope::User(user))
}

/// `GET /users/me/tokens`.
pub(crate) fn list_mine(app: &App, call: &Call) -> Result<Reply, Error> {
    let user = me(app, call)?;
    answer(app, call, params(call)?, Scope::User(user))
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

fn params(call: &Call) -> Result<ListParams, Error> {
    ListParams::of(call.parts.uri.query(), &COLUMNS).map_err(Error::invalid_list_param)
}

fn answer(app: &App, call: &Call, params: ListParams, scope: Scope) -> Result<Reply, Error> {
    let query = call.parts.uri.query();
    let text = |name| list::text(query, name).map_err(Error::invalid_list_param);
    let page = app.services.list_refresh_tokens(&ListQuery {
        scope,
        search: params.search,
        client_id: text("client_id")?,
        created_at: created_at(query)?,
        mobile: list::flag(query, "mobile").map_err(Error::invalid_list_param)?,
        order: match params.order.as_deref() {
            Some("client_id") => Order::ClientId,
            Some("mobile") => Order::Mobile,
            _ => Order::CreatedAt,
        },
        direction: if params.descending { Direction::Desc } else { Direction::Asc },
        limit: params.limit,
        offset: params.offset,
    })?;
    let items: Vec<Value> = page.items.iter().map(item).collect();
    Ok(Reply::json(&json!({"items": items, "total": page.total, "filtered": page.filtered})))
}

/// The exact instant to look for.
fn created_at(query: Option<&str>) -> Result<Option<Timestamp>, Error> {
    const NAME: &str = "created_at";
    let text = list::text(query, NAME).map_err(Error::invalid_list_param)?;
    let bad = |_| Error::invalid_list_param(wrong_type(NAME, "datetime"));
    text.map(|text| text.parse().map_err(bad)).transpose()
}

fn item(token: &Item) -> Value {
    json!({
        "client_id": token.client_id, "created_at": token.created_at.map(dates::with_offset),
        "mobile": token.mobile, "user_uuid": token.user_uuid, "tenant_uuid": token.tenant_uuid,
        "metadata": token.metadata,
    })
}
