//! `/backends/ldap`: the LDAP server of a tenant (ldap-config.md).

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use wazo_auth_service::ldap_config::LdapConfigFields;
use wazo_auth_store::ldap_config::LdapConfig;

use crate::{
    App, authorize,
    call::Call,
    errors::Error,
    fields::{FieldError, Fields, Length, wrong_type},
    reply::Reply,
};

/// A configuration as ldap-config.md section 2 has it: without its password, and
/// with nothing but null where there is none.
#[derive(Serialize, Default)]
struct LdapConfigJson<'c> {
    tenant_uuid: Option<Uuid>,
    host: Option<&'c str>,
    port: Option<i64>,
    protocol_version: Option<i64>,
    protocol_security: Option<&'c str>,
    bind_dn: Option<&'c str>,
    user_base_dn: Option<&'c str>,
    user_login_attribute: Option<&'c str>,
    user_email_attribute: Option<&'c str>,
    search_filters: Option<&'c str>,
}

const HOST: Length = Length::new(0, 512);
const DN: Length = Length::new(0, 256);
const ATTRIBUTE: Length = Length::new(0, 64);
const PORTS: (i64, i64) = (1, 65535);
const VERSIONS: (i64, i64) = (2, 3);
const SECURITIES: [&str; 2] = ["tls", "ldaps"];

/// `GET /backends/ldap`.
pub(crate) fn get(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let config = app.services.ldap_config(tenant)?;
    Ok(Reply::json(&config.as_ref().map(LdapConfigJson::from).unwrap_or_default()))
}

/// `PUT /backends/ldap`.
pub(crate) fn put(app: &App, call: &Call) -> Result<Reply, Error> {
    let tenant = authorize::scoping_tenant(app, call)?;
    let fields = parse(&call.json()?).map_err(|error| Error::invalid_field(&error))?;
    let config = app.services.set_ldap_config(tenant, fields)?;
    Ok(Reply::json(&LdapConfigJson::from(&config)))
}

/// `DELETE /backends/ldap`.
pub(crate) fn delete(app: &App, call: &Call) -> Result<Reply, Error> {
    app.services.delete_ldap_config(authorize::scoping_tenant(app, call)?)?;
    Ok(Reply::no_content())
}

/// The fields in the order in which a bad one is reported.
fn parse(body: &Value) -> Result<LdapConfigFields, FieldError> {
    let fields = Fields::of(body)?;
    let host = fields.required_string("host", HOST)?;
    let port = fields.required_integer("port", PORTS.0, PORTS.1)?;
    let protocol_version = fields.integer("protocol_version", VERSIONS.0, VERSIONS.1)?.unwrap_or(3);
    let protocol_security = fields.kept_string("protocol_security", Length::ANY)?;
    if let Some(Some(security)) = &protocol_security
        && !SECURITIES.contains(&&**security)
    {
        return Err(wrong_type("protocol_security", "enum"));
    }
    let bind_dn = fields.kept_string("bind_dn", DN)?;
    let user_base_dn = fields.required_string("user_base_dn", DN)?;
    let user_login_attribute = fields.required_string("user_login_attribute", ATTRIBUTE)?;
    let user_email_attribute = fields.required_string("user_email_attribute", ATTRIBUTE)?;
    let search_filters = fields.kept_string("search_filters", Length::ANY)?;
    let bind_password = fields.kept_string("bind_password", Length::ANY)?;
    Ok(LdapConfigFields {
        host,
        port,
        protocol_version,
        protocol_security,
        bind_dn,
        bind_password,
        user_base_dn,
        user_login_attribute,
        user_email_attribute,
        search_filters,
    })
}

// === impl LdapConfigJson ===

impl<'c> From<&'c LdapConfig> for LdapConfigJson<'c> {
    fn from(config: &'c LdapConfig) -> Self {
        Self {
            tenant_uuid: Some(config.tenant_uuid),
            host: Some(&config.host),
            port: Some(config.port),
            protocol_version: config.protocol_version,
            protocol_security: config.protocol_security.as_deref(),
            bind_dn: config.bind_dn.as_deref(),
            user_base_dn: Some(&config.user_base_dn),
            user_login_attribute: config.user_login_attribute.as_deref(),
            user_email_attribute: config.user_email_attribute.as_deref(),
            search_filters: config.search_filters.as_deref(),
        }
    }
}
