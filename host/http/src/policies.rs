//! `/policies`, and policies of users and groups (policies.md, groups.md section 6).

use indexmap::IndexSet;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use wazo_auth_service::{
    policies::{Grant, Holder, PolicyError, PolicyFields, PolicyId, PolicyUpdate, PolicyView},
    slug,
};
use wazo_auth_store::policies::{LIST, LIST_OF_GROUP, LIST_OF_USER};

use crate::{
    App, authorize,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length, wrong_type},
    list,
    reply::Reply,
};

const NAME: Length = Length::new(1, 80);
/// An access is matched on every check of a token that holds it.
const ACCESS_MAX: usize = 4096;

/// `POST /policies`.
pub(crate) fn create(app: &App, call: &Call) -> Result<Reply, Error> {
    let body = call.json()?;
    let fields = parse(&body).map_err(|error| Error::invalid_field(&error))?;
    let tenant = authorize::scoping_tenant(app, call)?;
    let created = app.services.create_policy(call.caller()?, tenant, fields);
    Ok(Reply::json(&PolicyJson::from(&created.map_err(with_token(call))?)))
}

/// `GET /policies`.
pub(crate) fn list(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let listing = list::read(call, &LIST)?;
    let page = app.services.list_policies(listing.tenants(tenant), &listing.query)?;
    // There is no `filtered` here.
    Ok(list::reply_with_total(&page, PolicyJson::from))
}

/// `GET /policies/{policy}`.
pub(crate) fn get(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let policy = app.services.policy(scope, &call.policy_param()).map_err(with_token(call))?;
    Ok(Reply::json(&PolicyJson::from(&policy)))
}

/// `PUT /policies/{policy}`.
pub(crate) fn update(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let policy = call.policy_param();
    if let PolicyId::Slug(_) = policy {
        // One that is not there is said before what is wrong with the body.
        app.services.policy(scope, &policy).map_err(with_token(call))?;
    }
    let update = updated(&call.json()?).map_err(|error| Error::invalid_field(&error))?;
    let updated = app.services.update_policy(call.caller()?, scope, &policy, update);
    Ok(Reply::json(&PolicyJson::from(&updated.map_err(with_token(call))?)))
}

/// `DELETE /policies/{policy}`.
pub(crate) fn delete(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let deleted = app.services.delete_policy(call.caller()?, scope, &call.policy_param());
    deleted.map_err(with_token(call))?;
    Ok(Reply::no_content())
}

/// `PUT /policies/{policy}/acl/{access}`.
pub(crate) fn add_access(app: &App, call: &Call) -> Result<Reply, Error> {
    change_access(app, call, Grant::Add)
}

/// `DELETE /policies/{policy}/acl/{access}`.
pub(crate) fn remove_access(app: &App, call: &Call) -> Result<Reply, Error> {
    change_access(app, call, Grant::Remove)
}

fn change_access(app: &App, call: &Call, grant: Grant) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let access = call.param("access");
    if access.contains('\0') || access.chars().count() > ACCESS_MAX {
        return Err(Error::invalid_field(&wrong_type("access", "string")));
    }
    let policy = call.policy_param();
    let changed = app.services.change_access(call.caller()?, scope, &policy, access, grant);
    changed.map_err(with_token(call))?;
    Ok(Reply::no_content())
}

/// `GET /users/{user_uuid}/policies`.
pub(crate) fn list_of_user(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::own_tenant(app, call)?;
    let query = list::read(call, &LIST_OF_USER)?.query;
    let policies = app.services.list_policies_of_user(scope, call.uuid_param("user_uuid"), &query);
    Ok(list::reply(&policies.map_err(with_token(call))?, PolicyJson::from))
}

/// `GET /groups/{group_uuid}/policies`.
pub(crate) fn list_of_group(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let query = list::read(call, &LIST_OF_GROUP)?.query;
    let policies =
        app.services.list_policies_of_group(scope, call.uuid_param("group_uuid"), &query);
    Ok(list::reply(&policies.map_err(with_token(call))?, PolicyJson::from))
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
    |error| Error::from_policy(error, &authorize::given_token(call))
}

fn parse(body: &Value) -> Result<PolicyFields, FieldError> {
    let fields = Fields::of(body)?;
    let name = fields.required_string("name", NAME)?;
    let slug = fields.slug("slug", slug::MAX)?;
    let PolicyUpdate { description, acl, .. } = rest(&fields, String::new())?;
    let shared = fields.boolean("shared", false)?;
    Ok(PolicyFields { name, slug, description, acl, shared })
}

fn updated(body: &Value) -> Result<PolicyUpdate, FieldError> {
    let fields = Fields::of(body)?;
    let name = fields.required_string("name", NAME)?;
    rest(&fields, name)
}

fn rest(fields: &Fields<'_>, name: String) -> Result<PolicyUpdate, FieldError> {
    let description = fields.nullable_string("description", Length::ANY)?;
    let acl = fields.strings("acl", Length::new(0, ACCESS_MAX))?.unwrap_or_default();
    let acl = acl.into_iter().collect::<IndexSet<_>>().into_iter().collect();
    Ok(PolicyUpdate { name, description, acl })
}

/// A policy as policies.md section 2 has it.
#[derive(Serialize)]
struct PolicyJson<'p> {
    uuid: Uuid,
    tenant_uuid: Uuid,
    name: &'p str,
    slug: &'p str,
    description: Option<&'p str>,
    acl: &'p [String],
    read_only: bool,
    shared: bool,
}

// === impl PolicyJson ===

impl<'p> From<&'p PolicyView> for PolicyJson<'p> {
    fn from(view: &'p PolicyView) -> Self {
        let PolicyView { policy, acl, read_only } = view;
        Self {
            uuid: policy.uuid,
            tenant_uuid: policy.tenant_uuid,
            name: &policy.name,
            slug: &policy.slug,
            description: policy.description.as_deref(),
            acl,
            read_only: *read_only,
            shared: policy.shared,
        }
    }
}
