//! `/tenants` (tenants.md).

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;
use wazo_auth_service::{
    slug,
    tenants::{NewTenant, TenantFields, TenantView},
};
use wazo_auth_store::tenants::{Address, Domain, LIST};

use crate::{
    App, authorize,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length},
    list,
    reply::Reply,
};

const RESOURCE: &str = "tenants";
const NATIVE: &str = "native";

/// A tenant as tenants.md section 3 has it.
#[derive(Serialize)]
struct TenantJson<'t> {
    uuid: Uuid,
    parent_uuid: Uuid,
    name: Option<&'t str>,
    slug: &'t str,
    contact: Option<Uuid>,
    phone: Option<&'t str>,
    default_authentication_method: &'t str,
    domain_names: &'t [String],
    address: AddressJson<'t>,
}

#[derive(Serialize)]
struct AddressJson<'t> {
    line_1: Option<&'t str>,
    line_2: Option<&'t str>,
    city: Option<&'t str>,
    state: Option<&'t str>,
    country: Option<&'t str>,
    zip_code: Option<&'t str>,
}

/// `GET /tenants`.
pub(crate) fn list(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let query = list::read(call, &LIST)?.query;
    Ok(list::reply(&app.services.list_tenants(scope, &query)?, TenantJson::from))
}

/// `POST /tenants`.
pub(crate) fn create(app: &App, call: &Call) -> Result<Reply, Error> {
    let parent = authorize::scoping_tenant(app, call)?;
    let new = new_tenant(&call.json()?).map_err(invalid)?;
    let tenant = app.services.create_tenant(parent, new)?;
    Ok(Reply::json(&TenantJson::from(&tenant)))
}

/// `GET /tenants/{tenant_uuid}`.
pub(crate) fn get(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let tenant = app.services.tenant(scope, call.uuid_param("tenant_uuid"))?;
    Ok(Reply::json(&TenantJson::from(&tenant)))
}

/// `PUT /tenants/{tenant_uuid}`.
pub(crate) fn update(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let fields = updated(&call.json()?).map_err(invalid)?;
    let tenant = app.services.update_tenant(scope, call.uuid_param("tenant_uuid"), fields)?;
    Ok(Reply::json(&TenantJson::from(&tenant)))
}

/// `DELETE /tenants/{tenant_uuid}`.
pub(crate) fn delete(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    app.services.delete_tenant(scope, call.uuid_param("tenant_uuid"))?;
    Ok(Reply::no_content())
}

/// `GET /tenants/{tenant_uuid}/domains`.
pub(crate) fn domains(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::own_tenant(app, call)?;
    let domains = app.services.domains(scope, call.uuid_param("tenant_uuid"))?;
    let show = |domain: &Domain| json!({"uuid": domain.uuid, "name": domain.name});
    let items: Vec<Value> = domains.iter().map(show).collect();
    Ok(Reply::json(&json!({"total": items.len(), "items": items})))
}

/// `PUT /tenants/{tenant_uuid}/parent/{parent_tenant_uuid}`.
pub(crate) fn change_parent(app: &App, call: &Call) -> Result<Reply, Error> {
    let scope = authorize::scoping_tenant(app, call)?;
    let (tenant, parent) = (call.uuid_param("tenant_uuid"), call.uuid_param("parent_tenant_uuid"));
    app.services.move_tenant(scope, tenant, parent)?;
    Ok(Reply::no_content())
}

fn invalid(error: FieldError) -> Error {
    Error::invalid_data(error, RESOURCE)
}

fn new_tenant(body: &Value) -> Result<NewTenant, FieldError> {
    let fields = Fields::of(body)?;
    let uuid = fields.nullable_uuid("uuid")?;
    let name = name(&fields)?;
    let slug = fields.tenant_slug("slug", slug::MAX_OF_TENANT)?;
    Ok(NewTenant { uuid, slug, fields: rest(&fields, name)? })
}

fn updated(body: &Value) -> Result<TenantFields, FieldError> {
    let fields = Fields::of(body)?;
    fields.nullable_uuid("uuid")?;
    rest(&fields, name(&fields)?)
}

fn name(fields: &Fields<'_>) -> Result<Option<String>, FieldError> {
    fields.nullable_string("name", Length::new(1, 128))
}

/// The fields after name and slug, in their order.
fn rest(fields: &Fields<'_>, name: Option<String>) -> Result<TenantFields, FieldError> {
    let method = "default_authentication_method";
    Ok(TenantFields {
        name,
        contact: fields.nullable_uuid("contact")?,
        phone: fields.nullable_string("phone", Length::new(1, 32))?,
        default_authentication_method: fields
            .string(method, Length::ANY)?
            .unwrap_or_else(|| NATIVE.to_owned()),
        domain_names: fields.domain_names("domain_names")?,
        address: fields.object("address", address)?,
    })
}

fn address(fields: &Fields<'_>) -> Result<Address, FieldError> {
    let text = |field, max| fields.nullable_string(field, Length::new(1, max));
    Ok(Address {
        line_1: text("line_1", 256)?,
        line_2: text("line_2", 256)?,
        city: text("city", 128)?,
        state: text("state", 128)?,
        country: text("country", 128)?,
        zip_code: text("zip_code", 16)?,
    })
}

// === impl TenantJson ===

impl<'t> From<&'t TenantView> for TenantJson<'t> {
    fn from(view: &'t TenantView) -> Self {
        let TenantView { tenant, details } = view;
        let address = &details.address;
        Self {
            uuid: tenant.uuid,
            parent_uuid: tenant.parent_uuid,
            name: tenant.name.as_deref(),
            slug: &tenant.slug,
            contact: tenant.contact_uuid,
            phone: tenant.phone.as_deref(),
            default_authentication_method: &tenant.default_authentication_method,
            domain_names: &details.domain_names,
            address: AddressJson {
                line_1: address.line_1.as_deref(),
                line_2: address.line_2.as_deref(),
                city: address.city.as_deref(),
                state: address.state.as_deref(),
                country: address.country.as_deref(),
                zip_code: address.zip_code.as_deref(),
            },
        }
    }
}
