//! `/groups`, their members, and the groups of users (groups.md).

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use wazo_auth_service::{groups::GroupFields, slug};
use wazo_auth_store::{
    groups::{Group, LIST, LIST_OF_USER},
    users::LIST_OF_GROUP,
};

use crate::{
    App, authorize,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length},
    list,
    reply::Reply,
    users::UserJson,
};

const RESOURCE: &str = "groups";
const NAME: Length = Length::new(1, 128);

/// A group as groups.md section 2 has it.
#[derive(Serialize)]
struct GroupJson<'g> {
    uuid: Uuid,
    tenant_uuid: Uuid,
    name: &'g str,
    slug: &'g str,
    system_managed: bool,
    read_only: bool,
}

/// `GET /groups`.
pub(crate) fn list(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let listing = list::read(call, &LIST)?;
    let groups = app.services.list_groups(listing.tenants(tenant), &listing.query)?;
    Ok(list::reply(&groups, GroupJson::from))
}

/// `POST /groups`.
pub(crate) fn create(app: &App, call: &Call) -> Result<Reply, Error> {
    let fields = new_group(&call.json()?).map_err(invalid)?;
    let tenant = authorize::scoping_tenant(app, call)?;
    let group = app.services.create_group(tenant, fields)?;
    Ok(Reply::json(&GroupJson::from(&group)))
}

/// `GET /groups/{group_uuid}`.
pub(crate) fn get(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let group = app.services.group(scope, call.uuid_param("group_uuid"))?;
    Ok(Reply::json(&GroupJson::from(&group)))
}

/// `PUT /groups/{group_uuid}`.
pub(crate) fn update(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    // One that is not there is said before what is wrong with the body.
    let group = app.services.group(scope, call.uuid_param("group_uuid"))?.uuid;
    let name = name(&call.json()?).map_err(invalid)?;
    let group = app.services.rename_group(scope, group, name)?;
    Ok(Reply::json(&GroupJson::from(&group)))
}

/// `DELETE /groups/{group_uuid}`.
pub(crate) fn delete(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    app.services.delete_group(scope, call.uuid_param("group_uuid"))?;
    Ok(Reply::no_content())
}

/// `GET /groups/{group_uuid}/users`.
pub(crate) fn list_members(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::own_tenant(app, call)?;
    let query = list::read(call, &LIST_OF_GROUP)?.query;
    let users = app.services.list_members(scope, call.uuid_param("group_uuid"), &query)?;
    Ok(list::reply(&users, UserJson::from))
}

/// `PUT /groups/{group_uuid}/users/{user_uuid}`.
pub(crate) fn add_member(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let (group, user) = (call.uuid_param("group_uuid"), call.uuid_param("user_uuid"));
    app.services.add_member(scope, group, user)?;
    Ok(Reply::no_content())
}

/// `DELETE /groups/{group_uuid}/users/{user_uuid}`.
pub(crate) fn remove_member(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let (group, user) = (call.uuid_param("group_uuid"), call.uuid_param("user_uuid"));
    app.services.remove_member(scope, group, user)?;
    Ok(Reply::no_content())
}

/// `GET /users/{user_uuid}/groups`.
pub(crate) fn list_of_user(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let query = list::read(call, &LIST_OF_USER)?.query;
    let groups = app.services.list_groups_of_user(scope, call.uuid_param("user_uuid"), &query)?;
    Ok(list::reply(&groups, GroupJson::from))
}

fn invalid(error: FieldError) -> Error {
    Error::invalid_data(error, RESOURCE)
}

fn new_group(body: &Value) -> Result<GroupFields, FieldError> {
    let name = name(body)?;
    Ok(GroupFields { name, slug: Fields::of(body)?.slug("slug", slug::MAX)? })
}

fn name(body: &Value) -> Result<String, FieldError> {
    Fields::of(body)?.required_string("name", NAME)
}

// === impl GroupJson ===

impl<'g> From<&'g Group> for GroupJson<'g> {
    fn from(group: &'g Group) -> Self {
        Self {
            uuid: group.uuid,
            tenant_uuid: group.tenant_uuid,
            name: &group.name,
            slug: &group.slug,
            system_managed: group.system_managed,
            read_only: group.system_managed,
        }
    }
}
