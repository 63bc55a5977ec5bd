//! First light: the login of the README.

use serde_json::json;
use wazo_auth_tests::Daemon;

#[test]
fn alice_logs_in_is_checked_and_leaves() {
    let daemon = Daemon::start();
    let alice = daemon.create_user("alice", "s3cre7");
    let data = daemon.login("alice", "s3cre7", json!({"backend": "wazo_user", "expiration": 600}));
    assert_eq!(data["auth_id"], json!(alice));
    let token = format!("/0.1/token/{}", data["token"].as_str().unwrap());
    let _ = daemon.head(&token).send().expect(204);
    let _ = daemon.delete(&token).send().expect(200);
    let _ = daemon.head(&token).send().expect(404);
}
