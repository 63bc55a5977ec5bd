//! `GET /api/api.yml` (status.md section 3): the API describes itself.
//!
//! The description is in `host/http/api`, for each noun its paths and its
//! definitions. Whoever adds a route describes it there. Of a plugin's routes it says
//! what the daemon knows itself.

use std::collections::BTreeMap;

use http::HeaderValue;
use serde_json::{Value, json};

use crate::{
    App,
    call::Call,
    errors::Error,
    reply::{Reply, to_json},
    router::Route,
};

const YAML: HeaderValue = HeaderValue::from_static("application/x-yaml");

/// The end of the paths.
const DEFINITIONS: &str = "\ndefinitions:\n";

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
pub(crate) fn describe(app: &App, call: &Call) -> Result<Reply, Error> {
    let prefix = call.header("x-script-name");
    let prefix = prefix.as_deref().filter(|prefix| !prefix.is_empty());
    let document = document(prefix, app.router.of_plugins());
    Ok(Reply { content_type: YAML, body: document.into(), ..Reply::empty(http::StatusCode::OK) })
}

/// The document under the prefix that a proxy has stripped, with routes of plugins.
fn document<'r>(prefix: Option<&str>, plugins: impl Iterator<Item = &'r Route>) -> Vec<u8> {
    let scheme = if prefix.is_some() { "https" } else { "http" };
    // YAML takes any string of JSON, with the newline that ends it here.
    let base = to_json(&format!("{}/0.1", prefix.unwrap_or_default()));
    let mut document = b"swagger: '2.0'\nbasePath: ".to_vec();
    document.extend(base);
    document.extend(format!("schemes: [{scheme}]\n").bytes());
    document.extend(with_plugins(DOCUMENT, plugins).bytes());
    document
}

/// The document with what can be said of the routes of plugins.
fn with_plugins<'r>(document: &str, plugins: impl Iterator<Item = &'r Route>) -> String {
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    for route in plugins {
        let path = route.path.strip_prefix("/0.1").unwrap_or(route.path);
        let (method, operation) = (route.method.to_lowercase(), operation(route));
        // YAML takes any object of JSON.
        paths.entry(path).or_default().push_str(&format!("    {method}: {operation}\n"));
    }
    let mut document = document.to_owned();
    for (path, operations) in paths {
        // A plugin may add a method to a path of the daemon's own.
        let own = format!("\n  {path}:\n");
        if let Some(at) = document.find(&own) {
            document.insert_str(at + own.len(), &operations);
        } else if let Some(at) = document.find(DEFINITIONS) {
            document.insert_str(at, &format!("\n  {}:\n{}", json!(path), operations.trim_end()));
        }
    }
    document
}

/// What the daemon knows of a plugin's route.
fn operation(route: &Route) -> Value {
    let named = route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let mut parameters: Vec<Value> = named
        .map(|name| {
            let parameter = json!({"name": name, "in": "path", "required": true, "type": "string"});
            if name.ends_with("_uuid") { with_format(parameter, "uuid") } else { parameter }
        })
        .collect();
    let mut responses = json!({"default": {"description": "What the plugin answers."}});
    let mut security = json!([]);
    if route.access.is_some() {
        parameters.push(json!({"$ref": "#/parameters/tenant"}));
        responses["401"] = json!({"$ref": "#/responses/Unauthorized"});
        security = json!([{"wazo_auth_token": []}]);
    }
    let mut operation = json!({
        "tags": [route.plugin],
        "summary": format!("A route of the plugin {}", route.plugin),
        "parameters": parameters,
        "responses": responses,
        "security": security,
        "x-plugin": route.plugin,
    });
    if let Some(access) = route.access {
        operation["x-required-access"] = access.into();
    }
    operation
}

fn with_format(mut parameter: Value, format: &str) -> Value {
    parameter["format"] = format.into();
    parameter
}

#[cfg(test)]
mod tests;
