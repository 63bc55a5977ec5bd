//! `/external/…` and `/users/…/external` (external-auth.md section 3). What is below
//! the latter is answered by plugins.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use wazo_auth_service::external_auth::Shown;
use wazo_auth_store::external_auth::{LIST, LIST_OF_USERS};

use crate::{App, authorize, call::Call, errors::Error, list, reply::Reply};

/// A type as external-auth.md section 3.1 has it.
#[derive(Serialize)]
struct TypeJson<'t> {
    #[serde(rename = "type")]
    name: &'t str,
    data: &'t Map<String, Value>,
    enabled: bool,
    plugin_info: &'t Map<String, Value>,
}

#[derive(Serialize)]
struct UserJson {
    uuid: Uuid,
}

/// `GET /users/{user_uuid}/external`.
pub(crate) fn list(app: &App, call: &Call) -> Result<Reply, Error> {
    let query = list::read(call, &LIST)?.query;
    let types = app.services.list_external_auth(call.uuid_param("user_uuid"), &query)?;
    Ok(list::reply(&types, TypeJson::from))
}

/// `GET /external/{auth_type}/users`.
pub(crate) fn list_users(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let listing = list::read(call, &LIST_OF_USERS)?;
    let (name, tenants) = (call.param("auth_type"), listing.tenants(tenant));
    let users = app.services.list_external_auth_users(&name, tenants, &listing.query)?;
    Ok(list::reply(&users, |uuid| UserJson { uuid: *uuid }))
}

/// `GET /external/{auth_type}/config`.
pub(crate) fn get_config(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let config = app.services.external_auth_config(&call.param("auth_type"), tenant)?;
    // As it was stored: to read it and write it again would change large numbers.
    Ok(Reply { body: (config + "\n").into(), ..Reply::empty(StatusCode::OK) })
}

/// `POST /external/{auth_type}/config`.
pub(crate) fn create_config(app: &App, call: &Call) -> Result<Reply, Error> {
    let document = document(call)?;
    let tenant = authorize::scoping_tenant(app, call)?;
    app.services.create_external_auth_config(&call.param("auth_type"), tenant, document)?;
    Ok(Reply::json_with(StatusCode::CREATED, &""))
}

/// `PUT /external/{auth_type}/config`.
pub(crate) fn replace_config(app: &App, call: &Call) -> Result<Reply, Error> {
    let document = document(call)?;
    let tenant = authorize::scoping_tenant(app, call)?;
    app.services.replace_external_auth_config(&call.param("auth_type"), tenant, document)?;
    Ok(Reply::no_content())
}

/// `DELETE /external/{auth_type}/config`.
pub(crate) fn delete_config(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    app.services.delete_external_auth_config(&call.param("auth_type"), tenant)?;
    Ok(Reply::no_content())
}

/// The body, if it is JSON as plugins read it, as text.
fn document(call: &Call) -> Result<String, Error> {
    let text = std::str::from_utf8(&call.body).map_err(|_| Error::unreadable_body())?;
    serde_json::from_str::<Value>(text).map_err(|_| Error::unreadable_body())?;
    Ok(text.trim().to_owned())
}

// === impl TypeJson ===

impl<'t> From<&'t Shown> for TypeJson<'t> {
    fn from(shown: &'t Shown) -> Self {
        Self {
            name: &shown.name,
            data: &shown.data,
            enabled: shown.has_data,
            plugin_info: &shown.plugin_info,
        }
    }
}
