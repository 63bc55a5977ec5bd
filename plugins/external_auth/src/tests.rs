use wazo_auth_plugin_api::{
    prelude::*,
    testing::conformance::{self, Options},
};

use crate::{
    mobile::Mobile,
    oauth2::{Google, Microsoft},
};

/// A daemon with a document for everybody, and a configuration for every tenant.
fn host(document: Value) -> MockHost {
    let done = || json!({});
    let config = json!({"data": {"client_id": "c", "client_secret": "s", "fcm_sender_id": 7}});
    MockHost::new()
        .answer("external_auth.get", json!({"data": document}))
        .answer("external_auth.create", done())
        .answer("external_auth.update", done())
        .answer("external_auth.update_or_create", done())
        .answer("external_auth.delete", done())
        .answer("external_auth.get_config", config)
        .answer("external_auth.register_oauth2_callback", done())
        .answer("http.request", json!({"status": 200, "headers": []}))
}

/// What the daemon makes of its configuration of a provider.
fn provider(document: Value) -> Options {
    let config = json!({
        "authorization_base_url": "https://provider.invalid/authorize",
        "redirect_uri": "https://relay.invalid/",
        "scope": ["contacts"],
        "token_url": "https://provider.invalid/token",
        "websocket_host": "wss://relay.invalid",
    });
    Options::new(config, host(document))
}

#[test]
fn mobile_conforms() {
    conformance::external_auth::<Mobile>(Options::new(json!({}), host(json!({"token": "t"}))));
    // Whatever is stored: other programs write there too.
    conformance::external_auth::<Mobile>(Options::new(json!({}), host(json!([null]))));
}

#[test]
fn google_and_microsoft_conform() {
    let document = json!({"access_token": "a", "refresh_token": "r", "token_expiration": 7e9});
    conformance::external_auth::<Google>(provider(document));
    conformance::external_auth::<Microsoft>(provider(json!("\0")));
}
