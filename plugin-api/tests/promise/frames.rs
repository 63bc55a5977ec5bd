//! The JSON that crosses the border: what an older plugin or daemon says is
//! still understood, all of it, and what a newer one adds does no harm.

use std::{collections::BTreeSet, fs, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wazo_auth_plugin_api::{
    ApiError, EmailContext, HttpRequest, HttpResponse, Route, host,
    manifest::{self, MAGIC},
    wire::{self, Empty, Items},
};

use crate::{record::is_comment, sources::text_constants};

/// A recorded frame: `method verify_password takes {…}`.
struct Recorded {
    /// `method verify_password takes`
    name: String,
    json: String,
}

fn recorded() -> Vec<Recorded> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("promise/frames.txt");
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !is_comment(line));
    let frame = |line: &str| {
        let (name, json) = line.split_once(" {").unwrap();
        Recorded { name: name.to_owned(), json: format!("{{{json}") }
    };
    lines.map(frame).collect()
}

#[test]
fn every_frame_is_recorded() {
    let known: BTreeSet<String> = recorded().into_iter().map(|frame| frame.name).collect();
    for (what, module) in [("method", "wire::method"), ("service", "wire::service")] {
        let names = text_constants(module);
        assert!(names.len() > 10, "{names:?}");
        for name in names {
            for direction in ["takes", "answers"] {
                let frame = format!("{what} {name} {direction}");
                assert!(known.contains(&frame), "add to promise/frames.txt: {frame} {{…}}");
            }
        }
    }
}

#[test]
fn what_was_recorded_is_understood_to_the_last_member() {
    for Recorded { name, json } in recorded() {
        let understood = through(&name, &json).unwrap_or_else(|error| {
            panic!("`{name}` as it was in 1.0 is not read any more: {error}")
        });
        let json: Value = serde_json::from_str(&json).unwrap();
        let lost = lost(&json, &understood);
        assert!(lost.is_empty(), "`{name}` has lost {lost:?}, on which plugins rely");
    }
}

#[test]
fn what_a_later_version_adds_does_no_harm() {
    for Recorded { name, json } in recorded() {
        let mut json: Value = serde_json::from_str(&json).unwrap();
        json["of_a_later_version"] = true.into();
        through(&name, &json.to_string()).unwrap_or_else(|error| {
            panic!("`{name}` refuses members that it does not know: {error}")
        });
    }
}

/// What is recorded and not there.
fn lost(recorded: &Value, there: &Value) -> Vec<String> {
    match (recorded, there) {
        (Value::Object(recorded), Value::Object(there)) => {
            let none = Value::Null;
            let lost_of = |(key, value): (&String, &Value)| {
                let lost = lost(value, there.get(key).unwrap_or(&none));
                lost.into_iter().map(|inner| format!("{key}{inner}")).collect::<Vec<_>>()
            };
            recorded.iter().flat_map(lost_of).collect()
        }
        (Value::Array(recorded), Value::Array(there)) if recorded.len() == there.len() => {
            recorded.iter().zip(there).flat_map(|(one, other)| lost(one, other)).collect()
        }
        (recorded, there) if recorded == there => Vec::new(),
        (recorded, there) => vec![format!(": {recorded} is now {there}")],
    }
}

/// Reads a frame and writes it again.
fn again<'a, T: Deserialize<'a> + Serialize>(json: &'a str) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_str::<T>(json)?)
}

/// Reads and writes a frame as what it is.
fn through(name: &str, json: &str) -> serde_json::Result<Value> {
    let (what, rest) = name.split_once(' ').unwrap();
    match (what, rest) {
        ("method", rest) => of_method(rest, json),
        ("service", rest) => of_service(rest, json),
        ("failure", "api") => again::<ApiError>(json),
        ("manifest", "1") => of_manifest(json),
        _ => panic!("there is no frame `{name}`"),
    }
}

fn of_method(name: &str, json: &str) -> serde_json::Result<Value> {
    match name {
        "verify_password takes" => again::<wire::VerifyPassword<'_>>(json),
        "verify_password answers" => again::<wire::Verified>(json),
        "get_acl takes"
        | "get_metadata takes"
        | "get_token_metadata takes"
        | "get_persistent_metadata takes" => again::<wire::LoginArgs<'_>>(json),
        "get_acl answers" => again::<wire::Acl>(json),
        "get_metadata answers"
        | "get_token_metadata answers"
        | "get_persistent_metadata answers" => again::<wire::MetadataReply>(json),
        "get_authentication_method answers" => again::<wire::Method>(json),
        "can_authenticate takes" | "verify_auth takes" => again::<wire::Authenticate<'_>>(json),
        "can_authenticate answers" => again::<wire::CanAuthenticate>(json),
        "verify_auth answers" => again::<wire::Authenticated>(json),
        "get_backend takes" => again::<wire::OfArgs<'_>>(json),
        "get_backend answers" => again::<wire::BackendName>(json),
        "get_routes answers" => again::<Items<Route>>(json),
        "handle takes" => again::<HttpRequest>(json),
        "handle answers" => again::<HttpResponse>(json),
        "get_plugin_info answers" => again::<wire::PluginInfo>(json),
        "get_safe_data takes" => again::<wire::Data<'_>>(json),
        "get_safe_data answers" => again::<wire::SafeData>(json),
        "oauth2_callback takes" => again::<wire::OAuth2Message<'_>>(json),
        "send_confirmation takes" | "send_password_reset takes" => again::<EmailContext>(json),
        "get_authentication_method takes"
        | "get_routes takes"
        | "get_plugin_info takes"
        | "oauth2_callback answers"
        | "send_confirmation answers"
        | "send_password_reset answers" => again::<Empty>(json),
        _ => panic!("say of `{name}` what it is"),
    }
}

fn of_service(name: &str, json: &str) -> serde_json::Result<Value> {
    match name {
        "platform.get answers" => again::<host::Platform>(json),
        "users.verify_password takes" => again::<wire::Credentials<'_>>(json),
        "users.verify_password answers" => again::<wire::Verified>(json),
        "users.get_by_login takes" => again::<wire::ByLogin<'_>>(json),
        "users.get_of_tenant takes" => again::<wire::ByLoginOfTenant<'_>>(json),
        "users.get_by_login answers" | "users.get answers" | "users.get_of_tenant answers" => {
            again::<wire::MaybeUser>(json)
        }
        "users.get takes"
        | "users.get_acl takes"
        | "users.list_policies takes"
        | "users.list_groups takes"
        | "external_auth.get takes"
        | "external_auth.delete takes" => again::<wire::ByUser<'_>>(json),
        "users.get_acl answers" => again::<wire::Acl>(json),
        "users.list_policies answers" => again::<Items<host::Policy>>(json),
        "users.list_groups answers" => again::<Items<host::Group>>(json),
        "metadata.get_token_metadata takes" | "metadata.get_persistent_metadata takes" => {
            again::<wire::OfPurpose<'_>>(json)
        }
        "metadata.get_token_metadata answers" | "metadata.get_persistent_metadata answers" => {
            again::<wire::MetadataReply>(json)
        }
        "tenants.get_top answers" => again::<wire::TopTenant>(json),
        "tenants.get_by_domain_name takes" => again::<wire::ByDomainName<'_>>(json),
        "tenants.get_by_uuid_or_slug takes" => again::<wire::ByUuidOrSlug<'_>>(json),
        "tenants.get_by_domain_name answers" | "tenants.get_by_uuid_or_slug answers" => {
            again::<wire::MaybeTenant>(json)
        }
        "ldap.get takes" => again::<wire::ByTenant<'_>>(json),
        "ldap.get answers" => again::<wire::MaybeLdapConfig>(json),
        "tokens.create takes" => again::<wire::NewToken>(json),
        "tokens.create answers" | "tokens.delete takes" => again::<wire::Token>(json),
        "emails.format takes" => again::<wire::FormatEmail<'_>>(json),
        "emails.format answers" => again::<host::FormattedEmail>(json),
        "backends.get takes" | "purposes.get takes" => again::<wire::ByName<'_>>(json),
        "backends.get answers" => again::<wire::Usable>(json),
        "purposes.get answers" => again::<Items<String>>(json),
        "api.request takes" => again::<wire::ApiRequest<'_>>(json),
        "api.request answers" => again::<wire::ApiResponse>(json),
        "tokens.get_refresh_token takes" => again::<wire::RefreshTokenOf<'_>>(json),
        "tokens.get_refresh_token answers" => again::<host::RefreshTokenInfo>(json),
        "external_auth.create takes"
        | "external_auth.update takes"
        | "external_auth.update_or_create takes" => again::<wire::UserData<'_>>(json),
        "external_auth.get answers" | "external_auth.get_config answers" => {
            again::<wire::Document>(json)
        }
        "external_auth.get_config takes"
        | "external_auth.create_config takes"
        | "external_auth.update_config takes"
        | "external_auth.delete_config takes" => again::<wire::TenantConfig<'_>>(json),
        "external_auth.get_redirect_url answers" => again::<wire::Address>(json),
        "external_auth.register_oauth2_callback takes" => again::<wire::OAuth2Callback<'_>>(json),
        "http.request takes" => again::<wire::Outgoing<'_>>(json),
        "http.request answers" => again::<HttpResponse>(json),
        "log.get_level answers" => again::<wire::LogLevel>(json),
        _ if takes_or_answers_nothing(name) => again::<Empty>(json),
        _ => panic!("say of `{name}` what it is"),
    }
}

fn takes_or_answers_nothing(service: &str) -> bool {
    let (name, direction) = service.split_once(' ').unwrap();
    let asks =
        ["platform.get", "tenants.get_top", "external_auth.get_redirect_url", "log.get_level"];
    let does = [
        "create",
        "update",
        "update_or_create",
        "delete",
        "create_config",
        "update_config",
        "delete_config",
        "register_oauth2_callback",
    ];
    match direction {
        "takes" => asks.contains(&name),
        _ => {
            name == "tokens.delete"
                || name.strip_prefix("external_auth.").is_some_and(|name| does.contains(&name))
        }
    }
}

/// What a plugin file says of itself is read only.
fn of_manifest(json: &str) -> serde_json::Result<Value> {
    let mut section = u32::try_from(24 + json.len()).unwrap().to_le_bytes().to_vec();
    section.extend(MAGIC);
    section.extend(manifest::VERSION.to_le_bytes());
    section.extend(json.as_bytes());
    let manifest = manifest::parse(&section).map_err(serde::de::Error::custom)?;
    let offers = manifest.plugins.iter().map(|offer| {
        serde_json::json!({"kind": offer.kind, "name": offer.name, "version": offer.version})
    });
    let package = [("name", &manifest.package.name), ("version", &manifest.package.version)];
    let package = package.map(|(key, text)| (key.to_owned(), Value::from(text.as_str())));
    Ok(serde_json::json!({
        "plugin_api": manifest.plugin_api, "crate": Map::from_iter(package),
        "target": manifest.target, "panic": manifest.panic, "build": manifest.build,
        "plugins": offers.collect::<Vec<_>>(),
    }))
}
