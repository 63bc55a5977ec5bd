//! One plugin of each kind, loaded from a file and called.

use serde_json::{Value, json};
use wazo_auth_plugins::{
    Args, CallError, EmailContext, HttpRequest, Idp, LoginRequest, PluginState, Registry, Settings,
};

use crate::support::{load_configured, log};

fn load(configure: impl FnOnce(&mut Settings)) -> std::sync::Arc<Registry> {
    load_configured("diagnostic", &[], configure).0
}

fn idp(settings: &mut Settings, name: &str, priority: i64) {
    settings.idps.insert(name.to_owned(), Idp { enabled: true, priority });
}

fn object(value: Value) -> wazo_auth_plugins::Map {
    value.as_object().unwrap().clone()
}

#[test]
fn identity_providers_are_asked_by_priority_and_broken_ones_are_left_out() {
    let registry = load(|settings| {
        idp(settings, "broken_verify_auth", 5);
        idp(settings, "broken_load", 1);
        idp(settings, "broken_verify_auth_replacement", 4);
        idp(settings, "saml", 2);
        settings.idps.insert("absent".to_owned(), Idp { enabled: false, priority: 0 });
    });
    let names: Vec<_> = registry.identity_providers().map(|provider| provider.name()).collect();
    assert_eq!(names, ["broken_verify_auth_replacement", "broken_verify_auth"]);
    let report = registry.report();
    let broken = report.iter().find(|report| report.name == "broken_load").unwrap();
    assert_eq!(broken.state, PluginState::Unusable);
    assert!(log::has("the identity provider `broken_load` is left out"));

    let request = LoginRequest::of_json(&json!({"broken_verify_auth": true}));
    let mut args = Args::from_value(json!({"login": "alice", "password": "any"}));
    let providers: Vec<_> = registry.identity_providers().collect();
    assert_eq!(providers[0].authentication_method(), "broken_verify_auth");
    assert!(providers[0].can_authenticate(&args, &request).unwrap());
    assert!(!providers[0].can_authenticate(&args, &LoginRequest::default()).unwrap());
    let identity = providers[0].verify_auth(&mut args, &request).unwrap();
    assert_eq!((&*identity.backend, &*identity.login), ("wazo_user", "alice"));
    assert_eq!(providers[0].get_backend(&args).unwrap().as_deref(), Some("wazo_user"));
    let refusal = providers[1].verify_auth(&mut args, &request).unwrap_err();
    assert!(matches!(refusal, CallError::Unauthorized { .. }), "{refusal}");
}

#[test]
fn an_http_plugin_tells_its_routes_and_answers() {
    let registry = load(|settings| {
        settings.enabled_http.insert("users".to_owned(), true);
        settings.enabled_http.insert("hello".to_owned(), true);
    });
    let hello = registry.http().next().unwrap();
    assert_eq!(hello.routes()[0].path, "/hello/{name}");
    let request = |name| HttpRequest::new("GET", "/hello/{name}").with_parameter("name", name);
    let response = hello.handle(&request("you")).unwrap();
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!((response.status, &body["hello"]), (200, &json!("you")));
    let Err(CallError::Api { error, .. }) = hello.handle(&request("nobody")) else { panic!() };
    assert_eq!((error.status, &*error.error_id), (404, "unknown-name"));
}

#[test]
fn an_external_auth_plugin_shows_what_is_safe() {
    let registry = load(|settings| {
        settings.enabled_external_auth.insert("badge".to_owned(), true);
    });
    let badge = registry.external_auth().next().unwrap();
    assert_eq!(badge.plugin_info(), &object(json!({"shape": "round"})));
    let safe = badge.safe_data(&json!({"colour": "blue", "pin": "1949"})).unwrap();
    assert_eq!(safe, object(json!({"colour": "blue"})));
    let body = vec![0, 159, 255];
    let response = badge.handle(&HttpRequest::new("GET", "").with_body(body.clone())).unwrap();
    assert_eq!(response.body, body);
    badge.oauth2_callback("u1", &json!(1), &json!({"code": "x"})).unwrap();
    assert!(log::has(r#"u1 consented: 1 {"code":"x"}"#));
}

#[test]
fn a_mail_goes_out_by_the_one_plugin_that_is_named() {
    let registry = load(|settings| settings.email_notification = Some("outbox".to_owned()));
    let outbox = registry.email_notification().unwrap();
    let context = EmailContext::new("s3cr3t-t0ken", "wile@acme.example");
    outbox.send_confirmation(&context).unwrap();
    assert!(log::has("to wile@acme.example: Confirm"));
    let failure = outbox.send_password_reset(&context).unwrap_err().to_string();
    assert!(failure.contains("<hidden> is not to be sent"), "{failure}");
}

#[test]
fn without_the_plugin_for_mails_nothing_starts() {
    let folder = crate::support::folder();
    crate::support::install_stock(folder.path());
    let mut settings = crate::support::settings(folder.path(), &[]);
    settings.email_notification = Some("pigeon".to_owned());
    let refusal = crate::support::load(&settings).err().unwrap().to_string();
    assert!(refusal.contains("email_notification") && refusal.contains("pigeon"), "{refusal}");
}
