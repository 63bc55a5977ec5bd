//! `/tokens` and `/users/…/tokens`: refresh tokens, listed and deleted
//! (tokens.md sections 5.2 and 5.3). Their values are never shown.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
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
    list::{ListParams, Reader},
    reply::Reply,
};

const COLUMNS: [&str; 3] = ["created_at", "client_id", "mobile"];

/// `GET /tokens`.
pub(crate) fn list(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let query = query(call)?;
    let tenants = match query.recurse {
        true => app.services.subtree(&tenant),
        false => vec![tenant],
    };
    answer(app, query, Scope::Tenants(tenants))
}

/// `GET /users/{user_uuid}/tokens`.
pub(crate) fn list_of_user(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let query = query(call)?;
    let user = call.uuid_param("user_uuid");
    if !app.services.user_is_in_scope(user, tenant)? {
        return Err(Error::unknown_user(&user.to_string()));
    }
    answer(app, query, Scope::User(user))
}

/// `GET /users/me/tokens`.
pub(crate) fn list_mine(app: &App, call: &Call) -> Result<Reply, Error> {
    let user = me(app, call)?;
    answer(app, query(call)?, Scope::User(user))
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

/// What is asked of a list.
struct Query {
    page: ListQuery,
    recurse: bool,
}

fn query(call: &Call) -> Result<Query, Error> {
    let mut reader = Reader::new(call.parts.uri.query());
    let params = ListParams::read(&mut reader, &COLUMNS);
    let page = ListQuery {
        scope: Scope::default(),
        search: params.search,
        client_id: reader.text("client_id"),
        created_at: reader.value("created_at", |name, text| {
            created_at(&text).map(Some).ok_or_else(|| wrong_type(name, "datetime"))
        }),
        mobile: reader.flag("mobile"),
        order: match params.order.as_deref() {
            Some("client_id") => Order::ClientId,
            Some("mobile") => Order::Mobile,
            _ => Order::CreatedAt,
        },
        direction: if params.descending { Direction::Desc } else { Direction::Asc },
        limit: params.limit,
        offset: params.offset,
    };
    reader.finish()?;
    Ok(Query { page, recurse: params.recurse })
}

fn answer(app: &App, query: Query, scope: Scope) -> Result<Reply, Error> {
    let page = app.services.list_refresh_tokens(&ListQuery { scope, ..query.page })?;
    let items: Vec<Value> = page.items.iter().map(item).collect();
    Ok(Reply::json(&json!({"items": items, "total": page.total, "filtered": page.filtered})))
}

/// The exact instant to look for; UTC where no offset is given.
fn created_at(text: &str) -> Option<Timestamp> {
    let local = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse().ok().or_else(|| local().map(|zoned| zoned.timestamp()))
}

fn item(token: &Item) -> Value {
    json!({
        "client_id": token.client_id, "created_at": token.created_at.map(dates::with_offset),
        "mobile": token.mobile, "user_uuid": token.user_uuid, "tenant_uuid": token.tenant_uuid,
        "metadata": token.metadata,
    })
}
