//! Who asks: the caller's token, the access that the route requires, and the
//! tenant that the request is about (http.md sections 4 and 5).

use std::borrow::Cow;

use uuid::Uuid;
use wazo_auth_service::{policies::PolicyId, tokens::allows};
use wazo_auth_store::index::LiveToken;

use crate::{
    App,
    call::{Call, Param},
    errors::Error,
};

/// The header that carries the token.
pub(crate) const TOKEN: &str = "x-auth-token";
const TENANT: &str = "wazo-tenant";

/// The caller's token, if the route requires one and it holds the access.
pub(crate) fn caller(app: &App, call: &Call) -> Result<Option<LiveToken>, Error> {
    let Some(template) = call.route.access else { return Ok(None) };
    let required = required_access(template, call);
    let given = given_token(call);
    let Some(token) = app.services.live_token(call.index(app)?, &given) else {
        return Err(Error::missing_token(&given, &required));
    };
    if !allows(&token, &required) {
        let tenant = call.header(TENANT);
        return Err(Error::missing_access(&given, &required, tenant.as_deref()));
    }
    Ok(Some(token))
}

/// The text that was sent as a token; empty where none was.
pub(crate) fn given_token(call: &Call) -> Cow<'_, str> {
    let of_link = if call.route.is_link { call.query("token") } else { None };
    of_link.or_else(|| call.header(TOKEN)).unwrap_or_default()
}

/// The tenant that the request is about.
pub(crate) fn scoping_tenant(app: &App, call: &Call) -> Result<Uuid, Error> {
    Ok(app.services.scoping_tenant(call.caller()?, call.header(TENANT).as_deref())?)
}

/// The tenant of the caller, on routes that do not look at the header (http.md
/// section 5).
pub(crate) fn own_tenant(app: &App, call: &Call) -> Result<Uuid, Error> {
    Ok(app.services.scoping_tenant(call.caller()?, None)?)
}

/// The template with each variable of the path filled in, its dots as
/// underscores.
pub(crate) fn required_access<'t>(template: &'t str, call: &Call) -> Cow<'t, str> {
    let mut required = Cow::Borrowed(template);
    for Param { name, uuid, .. } in call.params.iter().flatten() {
        let value = match *name {
            "policy" => match call.policy_param() {
                PolicyId::Uuid(uuid) => uuid.to_string(),
                PolicyId::Slug(slug) => slug,
            },
            name => uuid.map_or_else(|| call.param(name), |uuid| uuid.to_string()),
        };
        let value = value.replace('.', "_");
        required = Cow::Owned(required.replace(&format!("{{{name}}}"), &value));
    }
    required
}
