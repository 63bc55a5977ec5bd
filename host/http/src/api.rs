//! `GET /api/api.yml` (status.md section 3): the API describes itself.
//!
//! The description is in `host/http/api`, for each noun its paths and its
//! definitions. Whoever adds a route describes it there.

use http::HeaderValue;

use crate::{
    App,
    call::Call,
    errors::Error,
    reply::{Reply, to_json},
};

const YAML: HeaderValue = HeaderValue::from_static("application/x-yaml");

/// The document from its third key on: the first ones depend on the request.
static DOCUMENT: &str = concat!(
    include_str!("../api/head.yml"),
    "parameters:\n",
    include_str!("../api/parameters.yml"),
    "responses:\n",
    include_str!("../api/responses.yml"),
    "paths:\n",
    include_str!("../api/service.yml"),
    include_str!("../api/ldap_config.yml"),
    include_str!("../api/tokens.yml"),
    include_str!("../api/refresh_tokens.yml"),
    include_str!("../api/sessions.yml"),
    include_str!("../api/users.yml"),
    include_str!("../api/emails.yml"),
    include_str!("../api/groups.yml"),
    include_str!("../api/policies.yml"),
    include_str!("../api/idp.yml"),
    include_str!("../api/tenants.yml"),
    include_str!("../api/external_auth.yml"),
    "definitions:\n",
    include_str!("../api/definitions.yml"),
    include_str!("../api/service.definitions.yml"),
    include_str!("../api/ldap_config.definitions.yml"),
    include_str!("../api/tokens.definitions.yml"),
    include_str!("../api/refresh_tokens.definitions.yml"),
    include_str!("../api/sessions.definitions.yml"),
    include_str!("../api/users.definitions.yml"),
    include_str!("../api/emails.definitions.yml"),
    include_str!("../api/groups.definitions.yml"),
    include_str!("../api/policies.definitions.yml"),
    include_str!("../api/idp.definitions.yml"),
    include_str!("../api/tenants.definitions.yml"),
    include_str!("../api/external_auth.definitions.yml"),
);

/// `GET /api/api.yml`.
pub(crate) fn describe(_: &App, call: &Call) -> Result<Reply, Error> {
    let document =
        document(call.header("x-script-name").as_deref().filter(|prefix| !prefix.is_empty()));
    Ok(Reply { content_type: YAML, body: document.into(), ..Reply::empty(http::StatusCode::OK) })
}

/// The document under the prefix that a proxy has stripped.
fn document(prefix: Option<&str>) -> Vec<u8> {
    let scheme = if prefix.is_some() { "https" } else { "http" };
    // YAML takes any string of JSON, with the newline that ends it here.
    let base = to_json(&format!("{}/0.1", prefix.unwrap_or_default()));
    let mut document = b"swagger: '2.0'\nbasePath: ".to_vec();
    document.extend(base);
    document.extend(format!("schemes: [{scheme}]\n").bytes());
    document.extend(DOCUMENT.bytes());
    document
}

#[cfg(test)]
mod tests;
