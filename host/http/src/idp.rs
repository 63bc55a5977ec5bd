//! `/idp`: authentication methods, and who has which (idp.md).

use serde_json::{Map, Value, json};

use crate::{
    App, authorize,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length},
    reply::Reply,
};

/// `GET /idp`.
pub(crate) fn list(app: &App, _: &Call) -> Result<Reply, Error> {
    let methods = app.services.authentication_methods()?;
    let total = methods.len();
    Ok(Reply::json(&json!({"total": total, "filtered": total, "items": methods})))
}

/// `PUT /idp/{idp_type}/users/{user_uuid}`.
pub(crate) fn assign(app: &App, call: &Call) -> Result<Reply, Error> {
    let method = method(app, call)?;
    let scope = authorize::scoping_tenant(app, call)?;
    let user = call.uuid_param("user_uuid").to_string();
    app.services.assign_method(scope, vec![user], method)?;
    Ok(Reply::no_content())
}

/// `DELETE /idp/{idp_type}/users/{user_uuid}`.
pub(crate) fn withdraw(app: &App, call: &Call) -> Result<Reply, Error> {
    let method = method(app, call)?;
    let scope = authorize::scoping_tenant(app, call)?;
    app.services.withdraw_method(scope, call.uuid_param("user_uuid"), method)?;
    Ok(Reply::no_content())
}

/// `PUT /idp/{idp_type}/users`.
pub(crate) fn assign_several(app: &App, call: &Call) -> Result<Reply, Error> {
    let method = method(app, call)?;
    let scope = authorize::scoping_tenant(app, call)?;
    let users = users(&call.json()?).map_err(Error::invalid_idp_users)?;
    app.services.assign_method(scope, users, method)?;
    Ok(Reply::no_content())
}

fn method(app: &App, call: &Call) -> Result<String, Error> {
    Ok(app.services.idp_method(&call.param("idp_type"))?)
}

/// What is given as UUIDs; or all that is wrong with the body.
fn users(body: &Value) -> Result<Vec<String>, Value> {
    let alone = |error: FieldError| json!({error.field: error.descriptor});
    let items = Fields::of(body).and_then(|fields| fields.required_list("users"));
    let items = items.map_err(alone)?;
    let (mut users, mut wrong) = (Vec::new(), Map::new());
    for (position, item) in items.iter().enumerate() {
        let uuid = Fields::of(item).and_then(|fields| fields.required_string("uuid", Length::ANY));
        match uuid {
            Ok(uuid) => users.push(uuid),
            Err(error) => drop(wrong.insert(position.to_string(), alone(error))),
        }
    }
    if wrong.is_empty() { Ok(users) } else { Err(json!({"users": wrong})) }
}
