//! A plugin with a token of its own, which calls the daemon in the middle of a login
//! (plugins.md section 4).

use std::{fs, thread};

use serde_json::json;
use wazo_auth_tests::Daemon;

use crate::support::setup;

fn start() -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    let address_file = folder.path().join("address");
    let config = format!(
        "enabled_metadata_plugins: {{internal_token: true}}\n\
         purpose_metadata_mapping: {{internal: [internal_token]}}\n\
         plugins: {{internal_token: {{config: {{address_file: {}}}}}}}",
        address_file.display()
    );
    let daemon = setup(&config).folder(folder).start();
    fs::write(address_file, daemon.url().trim_start_matches("http://")).unwrap();
    daemon
}

#[test]
fn its_token_is_valid_before_the_login_is_done_and_used_again() {
    let daemon = start();
    let robot = json!({"username": "robot", "password": "s3cre7", "purpose": "internal"});
    daemon.create_user_with(robot);
    let data = daemon.login("robot", "s3cre7", json!({}));
    assert_eq!(data["metadata"]["internal_token_is_valid"], true);
    let offline = json!({"client_id": "desk", "access_type": "offline"});
    let data = daemon.login("robot", "s3cre7", offline);
    let persistent = data["metadata"]["persistent"].clone();
    assert!(persistent.is_string(), "{data}");
    let refresh = json!({"client_id": "desk", "refresh_token": data["refresh_token"]});
    let again = daemon.post("/0.1/token").json(refresh).send().expect(200).json();
    assert_eq!(again["data"]["metadata"]["persistent"], persistent);
    assert_eq!(again["data"]["metadata"]["internal_token_is_valid"], true);
    let own = "SELECT count(*) FROM auth_token WHERE user_agent = 'wazo-auth-internal'";
    assert_eq!(daemon.database().text(own).trim(), "1");
}

#[test]
fn many_logins_at_once_do_not_wait_for_each_other() {
    let daemon = start();
    let robot = json!({"username": "robot", "password": "s3cre7", "purpose": "internal"});
    daemon.create_user_with(robot);
    // More than the plugin has slots: each of them asks for the token, and the
    // daemon answers requests of the plugin meanwhile.
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let data = daemon.login("robot", "s3cre7", json!({}));
                assert_eq!(data["metadata"]["internal_token_is_valid"], true);
            });
        }
    });
    let own = "SELECT count(*) FROM auth_token WHERE user_agent = 'wazo-auth-internal'";
    assert_eq!(daemon.database().text(own).trim(), "1", "what was made twice is deleted");
}
