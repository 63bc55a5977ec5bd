//! What is described is what is served: the document against the table of
//! routes and the descriptions of lists.

use std::collections::BTreeSet;

use serde_json::Value;
use wazo_auth_store::{
    List, external_auth, groups, policies, refresh_tokens, sessions, tenants, users,
};

use super::*;
use crate::{
    router::{PlaceOf, Route, on_reactor},
    routes::ROUTES,
};

/// What each list can be sorted and narrowed by.
const LISTS: [(&str, &List); 14] = [
    ("/tokens", &refresh_tokens::LIST),
    ("/users/me/tokens", &refresh_tokens::LIST),
    ("/users/{user_uuid}/tokens", &refresh_tokens::LIST),
    ("/sessions", &sessions::LIST),
    ("/users/{user_uuid}/sessions", &sessions::LIST),
    ("/users", &users::LIST),
    ("/groups/{group_uuid}/users", &users::LIST_OF_GROUP),
    ("/groups", &groups::LIST),
    ("/users/{user_uuid}/groups", &groups::LIST_OF_USER),
    ("/policies", &policies::LIST),
    ("/users/{user_uuid}/policies", &policies::LIST_OF_USER),
    ("/groups/{group_uuid}/policies", &policies::LIST_OF_GROUP),
    ("/tenants", &tenants::LIST),
    ("/users/{user_uuid}/external", &external_auth::LIST),
];

fn parsed(prefix: Option<&str>) -> Value {
    serde_yaml::from_slice(&document(prefix, [].iter())).unwrap()
}

/// Each operation with its method and path.
fn operations(document: &Value) -> Vec<(String, &str, &Value, &Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method != "parameters" {
                all.push((method.to_uppercase(), path.as_str(), operation, item));
            }
        }
    }
    all
}

/// The operation of a route.
fn operation<'d>(document: &'d Value, route: &Route) -> &'d Value {
    let path = route.path.strip_prefix("/0.1").unwrap();
    &document["paths"][path][route.method.to_lowercase()]
}

fn is_operation(route: &Route, method: &str, path: &str) -> bool {
    route.method == method && route.path.strip_prefix("/0.1") == Some(path)
}

/// Whether its handler asks for the tenant of the caller or of the request: those
/// of all routes that want a token do, but for what the whole service has. Owner and tenant
/// may be gone by then.
fn resolves_tenant(route: &Route) -> bool {
    let is_list = route.path == "/0.1/users/{user_uuid}/external";
    let is_global = ["config", "status"].contains(&route.plugin) || route.path == "/0.1/idp";
    route.access.is_some() && !is_global && !is_list
}

/// What is true of a route or an operation, for all that it is not true of.
#[track_caller]
fn none(wrong: impl IntoIterator<Item = String>, rule: &str) {
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{rule} (see host/http/api):\n{}", wrong.join("\n"));
}

fn named(routes: impl Iterator<Item = &'static Route>) -> impl Iterator<Item = String> {
    routes.map(|route| format!("{} {}", route.method, route.path))
}

#[test]
fn every_route_is_described_and_no_other() {
    let document = parsed(None);
    let missing = ROUTES.iter().filter(|route| operation(&document, route).is_null());
    none(named(missing), "these routes are not described");
    let served =
        |method: &str, path: &str| ROUTES.iter().any(|route| is_operation(route, method, path));
    let described = operations(&document).into_iter();
    let strays = described.filter(|(method, path, ..)| !served(method, path));
    let strays = strays.map(|(method, path, ..)| format!("{method} {path}"));
    none(strays, "these routes are described, but do not exist");
}

#[test]
fn required_accesses_are_those_of_the_routes() {
    let document = parsed(None);
    let wrong = ROUTES.iter().filter(|route| {
        let operation = operation(&document, route);
        let by_token = operation["security"][0]["wazo_auth_token"].is_array();
        operation["x-required-access"].as_str() != route.access
            || route.access.is_some() && !by_token
    });
    none(named(wrong), "`x-required-access` or `security` is not as the route has it");
}

#[test]
fn answers_that_any_route_of_a_kind_can_give_are_described() {
    let document = parsed(None);
    let mut wrong = Vec::new();
    for (method, path, operation, item) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        let mut wanted = BTreeSet::new();
        if operation["x-required-access"].is_string() {
            wanted.extend(["401", "503"]);
        }
        let parameters = |of: &Value| of["parameters"].as_array().cloned().unwrap_or_default();
        let parameters = [parameters(operation), parameters(item)].concat();
        if parameters.iter().any(|parameter| parameter["in"] == "body") {
            wanted.extend(["400", "408", "413", "503"]);
        }
        if parameters.iter().any(|parameter| parameter["$ref"] == "#/parameters/search") {
            wanted.extend(["400", "414"]);
        }
        let route = ROUTES.iter().find(|route| is_operation(route, &method, path)).unwrap();
        if resolves_tenant(route) {
            wanted.insert("404");
        }
        if !std::ptr::fn_addr_eq(route.place, on_reactor as PlaceOf) {
            wanted.insert("503");
        }
        let lacking = wanted.into_iter().filter(|status| !responses.contains_key(*status));
        wrong.extend(lacking.map(|status| format!("{method} {path}: {status}")));
        if !responses.keys().any(|status| status.starts_with('2')) {
            wrong.push(format!("{method} {path}: success"));
        }
    }
    none(wrong, "these answers are not described");
}

#[test]
fn lists_are_described_with_what_they_can_be_sorted_and_narrowed_by() {
    let document = parsed(None);
    for (path, list) in LISTS {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let own: Vec<&Value> = parameters.iter().filter(|own| own["name"].is_string()).collect();
        let order = own.iter().find(|parameter| parameter["name"] == "order").unwrap();
        let columns: Vec<&str> = list.sort.iter().map(|(name, _)| *name).collect();
        assert_eq!(order["enum"], serde_json::json!(columns), "{path}");
        let filters: BTreeSet<&str> = list.filters.iter().map(|filter| filter.name).collect();
        let described = own.iter().map(|parameter| parameter["name"].as_str().unwrap());
        assert_eq!(described.filter(|name| *name != "order").collect::<BTreeSet<_>>(), filters);
        for name in ["limit", "offset", "direction", "search", "recurse"] {
            let reference = serde_json::json!({"$ref": format!("#/parameters/{name}")});
            assert!(parameters.contains(&reference), "{path} {name}");
        }
    }
    let lists = operations(&document).into_iter().filter(|(_, _, operation, _)| {
        operation["parameters"].to_string().contains("#/parameters/search")
    });
    assert_eq!(lists.count(), LISTS.len());
}

#[test]
fn the_prefix_of_a_proxy_is_part_of_the_base() {
    let plain = parsed(None);
    assert_eq!((&plain["basePath"], &plain["schemes"][0]), (&"/0.1".into(), &"http".into()));
    let proxied = parsed(Some("/api/\"auth\"\n: é"));
    assert_eq!(proxied["basePath"], "/api/\"auth\"\n: é/0.1");
    assert_eq!(proxied["schemes"], serde_json::json!(["https"]));
    let others = |document: &Value| {
        let mut document = document.as_object().unwrap().clone();
        document.retain(|key, _| !["basePath", "schemes"].contains(&key.as_str()));
        document
    };
    assert_eq!(others(&plain), others(&proxied));
}

#[test]
fn routes_of_plugins_are_described_as_far_as_they_are_known() {
    let route = |method, path, access| Route {
        plugin: "acme",
        method,
        path,
        access,
        place: on_reactor,
        handler: |_, _| Err(Error::internal()),
        is_check: false,
        max_body: None,
        is_link: false,
    };
    let of_user = "/0.1/users/{user_uuid}/external/acme";
    let access = "auth.users.{user_uuid}.external.acme.read";
    let routes = [
        route("GET", of_user, Some(access)),
        route("PUT", of_user, Some("auth.x")),
        // Beside a method of ours; and what YAML might misread.
        route("PATCH", "/0.1/users", Some("auth.y")),
        route("GET", "/0.1/a:\"b'&,/{c}:", None),
    ];
    let with: Value = serde_yaml::from_slice(&document(None, routes.iter())).unwrap();
    let shown = &with["paths"]["/users/{user_uuid}/external/acme"];
    assert_eq!(shown["get"]["x-required-access"], access);
    assert_eq!(shown["get"]["tags"], serde_json::json!(["acme"]));
    assert_eq!(shown["get"]["parameters"][0]["format"], "uuid");
    assert_eq!(shown["put"]["x-required-access"], "auth.x");
    assert_eq!(with["paths"]["/users"]["patch"]["x-plugin"], "acme");
    let public = &with["paths"]["/a:\"b'&,/{c}:"]["get"];
    assert_eq!(public["security"], serde_json::json!([]));
    assert!(public["x-required-access"].is_null() && public["tags"][0] == "acme", "{public}");
    let mut without = with.clone();
    let paths = without["paths"].as_object_mut().unwrap();
    paths.retain(|path, _| !path.contains("acme") && !path.starts_with("/a:"));
    paths["/users"].as_object_mut().unwrap().shift_remove("patch");
    assert_eq!(without, parsed(None), "nothing else has changed");
}
