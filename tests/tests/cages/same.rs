//! A plugin in a process of its own answers as it does in the daemon's.

use serde_json::json;
use wazo_auth_tests::{Setup, third_party};

use crate::support::{log_in, process_of, user};

const PASSWORD: &str = "coyote-1949";

#[test]
fn one_word_of_yaml_puts_a_plugin_into_a_process_of_its_own() {
    let daemon = Setup::default()
        .plugin(third_party("acme_auth", "acme_auth"))
        .config("enabled_backend_plugins: {acme: true}")
        .config("plugins: {acme: {isolation: process}}")
        .start();
    user(&daemon, "wile", "acme");
    let _ = log_in(&daemon, "wile", "wrong").expect(401);
    let data = daemon.login("wile", PASSWORD, json!({"client_id": "x", "access_type": "offline"}));
    assert_eq!(data["metadata"]["purpose"], "user");
    assert!(process_of(&daemon, "acme").is_some());
    let libraries = std::fs::read_to_string(format!("/proc/{}/maps", daemon.pid())).unwrap();
    assert!(!libraries.contains("libacme_auth.so"), "the daemon has opened it too");
}
