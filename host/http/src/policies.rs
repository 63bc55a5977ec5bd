//! `/policies`, and policies of users (policies.md).

use serde_json::{Value, json};
use wazo_auth_service::policies::{Grant, Holder, PolicyError, PolicyFields, PolicyView};

use crate::{
    App, authorize,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length},
    reply::Reply,
};

const NAME: Length = Length::new(1, 80);
const SLUG_MAX: usize = 80;
/// An access is matched on every check of a token that holds it.
const ACCESS_MAX: usize = 4096;

/// `POST /policies`.
pub(crate) fn create(app: &App, call: &Call) -> Result<Reply, Error> {
    let body = call.json()?;
    let fields = parse(&body).map_err(|error| Error::invalid_field(&error))?;
    let tenant = authorize::scoping_tenant(app, call)?;
    let created = app.services.create_policy(call.caller()?, tenant, fields);
    Ok(Reply::json(&policy_json(&created.map_err(with_token(call))?)))
}

/// `PUT /users/{user_uuid}/policies/{policy}`.
pub(crate) fn attach_to_user(app: &App, call: &Call) -> Result<Reply, Error> {
    change(app, call, Holder::User(call.uuid_param("user_uuid")), Grant::Add)
}

/// `DELETE /users/{user_uuid}/policies/{policy}`.
pub(crate) fn detach_from_user(app: &App, call: &Call) -> Result<Reply, Error> {
    change(app, call, Holder::User(call.uuid_param("user_uuid")), Grant::Remove)
}

/// `PUT /groups/{group_uuid}/policies/{policy}`.
pub(crate) fn attach_to_group(app: &App, call: &Call) -> Result<Reply, Error> {
    change(app, call, Holder::Group(call.uuid_param("group_uuid")), Grant::Add)
}

/// `DELETE /groups/{group_uuid}/policies/{policy}`.
pub(crate) fn detach_from_group(app: &App, call: &Call) -> Result<Reply, Error> {
    change(app, call, Holder::Group(call.uuid_param("group_uuid")), Grant::Remove)
}

fn change(app: &App, call: &Call, holder: Holder, grant: Grant) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let policy = call.policy_param();
    let changed = app.services.change_policies_of(call.caller()?, scope, holder, &policy, grant);
    changed.map_err(with_token(call))?;
    Ok(Reply::no_content())
}

fn with_token(call: &Call) -> impl Fn(PolicyError) -> Error {
    |error| Error::from_policy(error, &call.header("x-auth-token").unwrap_or_default())
}

fn parse(body: &Value) -> Result<PolicyFields, FieldError> {
    let fields = Fields::of(body)?;
    let name = fields.required_string("name", NAME)?;
    let slug = fields.slug("slug", SLUG_MAX)?;
    let description = fields.nullable_string("description", Length::ANY)?;
    let mut acl: Vec<String> = Vec::new();
    for access in fields.strings("acl", Length::new(0, ACCESS_MAX))?.unwrap_or_default() {
        if !acl.contains(&access) {
            acl.push(access);
        }
    }
    let shared = fields.boolean("shared", false)?;
    Ok(PolicyFields { name, slug, description, acl, shared })
}

/// A policy as policies.md section 2 has it.
fn policy_json(view: &PolicyView) -> Value {
    let policy = &view.policy;
    json!({
        "uuid": policy.uuid, "tenant_uuid": policy.tenant_uuid, "name": policy.name,
        "slug": policy.slug, "description": policy.description, "acl": view.acl,
        "read_only": policy.config_managed, "shared": policy.shared,
    })
}
