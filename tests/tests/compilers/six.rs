//! What the plugins of `tests/third-party/six_kinds` do in a daemon, whoever
//! built them.

use std::{fs, path::Path};

use serde_json::json;
use wazo_auth_tests::{Daemon, Setup};

const NAMES: [&str; 6] =
    ["six_users", "six_cards", "six_badge", "six_locker", "six_letters", "six_mirror"];

const ENABLED: &str = "
enabled_backend_plugins: {six_users: true}
idp_plugins: {six_cards: {enabled: true, priority: 5}}
enabled_metadata_plugins: {six_badge: true}
purpose_metadata_mapping: {user: [six_badge]}
enabled_external_auth_plugins: {six_locker: true}
email_notification_plugin: six_letters
enabled_http_plugins: {six_mirror: true}
";

const CONFIG: &str = "{users: {wile: coyote-1949}}";

/// All six work in the daemon, and each in a process of its own.
pub fn works(file: &Path) {
    let one = format!("plugins: {{six_users: {{config: {CONFIG}}}}}");
    let daemon = Setup::default().plugin(file).config(ENABLED).config(&one).start();
    assert!(has_opened(&daemon, file));
    each_kind(&daemon);
    drop(daemon);

    let mut caged = "plugins:\n".to_owned();
    for name in NAMES {
        let config = if name == "six_users" { CONFIG } else { "{}" };
        caged.push_str(&format!("  {name}: {{isolation: process, config: {config}}}\n"));
    }
    let daemon = Setup::default().plugin(file).config(ENABLED).config(&caged).start();
    assert!(!has_opened(&daemon, file));
    each_kind(&daemon);
}

fn has_opened(daemon: &Daemon, file: &Path) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    fs::read_to_string(format!("/proc/{}/maps", daemon.pid())).unwrap().contains(name)
}

fn each_kind(daemon: &Daemon) {
    let user = |name: &str, method: &str| {
        let user = json!({"username": name, "authentication_method": method,
                          "email_address": format!("{name}@example.com")});
        daemon.create_user_with(user)
    };
    let (wile, _) = (user("wile", "six_users"), user("fragile", "six_users"));
    daemon.grant(&wile, &["calld.calls.read"]);
    backend_and_metadata(daemon, &wile);
    identity_provider(daemon, &user("ralph", "six_cards"));
    external_auth(daemon, &wile);
    http(daemon);
    // Who logs in by a plugin has no password here to be reset.
    user("daffy", "native");
    let _ = daemon.get("/0.1/users/password/reset?login=daffy").send().expect(204);
    let letter = daemon.wait_for_log("a letter to daffy@example.com: ").unwrap();
    assert!(letter.contains("wazo_auth.plugin.six_letters"), "{letter}");
}

fn backend_and_metadata(daemon: &Daemon, wile: &str) {
    let log_in = |login: &str| daemon.post("/0.1/token").basic(login, "wrong").json("{}").send();
    let _ = log_in("wile").expect(401);
    let _ = log_in("fragile").expect(500);
    assert!(daemon.wait_for_log("`six_users` panicked: as the login demands").is_some());
    let data = daemon.login("wile", "coyote-1949", json!({}));
    assert_eq!(data["auth_id"], json!(wile));
    assert_eq!(data["acl"], json!(["six.read", "calld.calls.read"]));
    assert_eq!(data["metadata"]["six_badge"], "wile");
    assert_eq!(data["metadata"]["purpose"], "user");
}

fn identity_provider(daemon: &Daemon, ralph: &str) {
    let show = |card: &str| daemon.post("/0.1/token").json(json!({"six_card": card})).send();
    let data = show("ralph").expect(200).json();
    assert_eq!(data["data"]["auth_id"], json!(ralph));
    let _ = show("road-runner").expect(401);
}

fn external_auth(daemon: &Daemon, wile: &str) {
    let admin = daemon.admin_token();
    let (path, document) =
        (format!("/0.1/users/{wile}/external"), json!({"shelf": 3, "key": "s3cre7"}));
    let put = daemon.put(&format!("{path}/six_locker")).token(&admin).json(document.clone());
    assert_eq!(put.send().expect(200).json(), document);
    let path = format!("{path}?type=six_locker");
    let list = daemon.get(&path).token(&admin).send().expect(200).json();
    assert_eq!(list["items"][0]["data"], json!({"shelf": 3}));
}

fn http(daemon: &Daemon) {
    let admin = daemon.admin_token();
    let send = |word: &str| {
        let path = format!("/0.1/six/mirror/{word}");
        daemon.post(&path).token(&admin).body(vec![1, 0, 255]).send()
    };
    let answer = send("abc").expect(201);
    assert_eq!((answer.header("x-word"), &*answer.body), ("abc", &[255, 0, 1][..]));
    assert_eq!(send("nothing").expect(404).json()["error_id"], "unknown-word");
    let platform = daemon.get("/0.1/six/platform").send().expect(200).json();
    assert!(!platform["version"].as_str().unwrap().is_empty());
}
