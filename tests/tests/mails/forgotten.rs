//! Passwords that somebody has forgotten.

use std::time::{Duration, Instant};

use serde_json::json;
use wazo_auth_servers::smtp::Smtp;
use wazo_auth_tests::Daemon;

use crate::support::{parameter, to};

/// Asks for a mail; the answer is the same whoever is named.
fn ask(daemon: &Daemon, query: &str) -> Duration {
    let began = Instant::now();
    let answer = daemon.get(&format!("/0.1/users/password/reset?{query}")).send().expect(204);
    let took = began.elapsed();
    assert_eq!(answer.body, b"");
    assert!(took >= Duration::from_millis(295), "{query}: {took:?}");
    took
}

#[test]
fn a_forgotten_password_is_replaced_by_the_link_of_a_mail_once() {
    let server = Smtp::start();
    let daemon = to(&server).start();
    let body =
        json!({"username": "alice", "password": "0ld", "email_address": "Alice@example.com"});
    let user = daemon.create_user_with(body);
    let old = daemon.login("alice", "0ld", json!({}));
    for query in
        ["username=ALICE", "email=alice@example.com", "login=alice", "login=alice@example.COM"]
    {
        ask(&daemon, query);
        let mail = server.mail();
        assert_eq!(mail.to, ["Alice@example.com"], "as it is stored");
        assert!(mail.headers().contains("\r\nTo: alice <Alice@example.com>\r\n"));
    }
    let _ = daemon.login("alice", "0ld", json!({}));
    ask(&daemon, "username=alice&unknown=1");
    let link = server.mail().link();
    assert!(link.starts_with("https://app.wazo.io/reset-password?host=127.0.0.1:"), "{link}");
    assert_eq!(parameter(&link, "user_uuid"), user);
    let token = parameter(&link, "token");
    let data = daemon.get(&format!("/0.1/token/{token}")).send().expect(200).json()["data"].clone();
    assert_eq!(data["acl"], json!([format!("auth.users.password.reset.{user}.create")]));

    let reset = |password: &str| {
        let path = format!("/0.1/users/password/reset?user_uuid={user}&token={token}");
        daemon.post(&path).json(json!({"password": password})).send()
    };
    // A mistake does not use the link up.
    let _ = reset("").expect(400);
    let _ = reset("n3w").expect(204);
    let _ = daemon.post("/0.1/token").basic("alice", "0ld").json("{}").send().expect(401);
    let _ = daemon.login("alice", "n3w", json!({}));
    let gone = format!("/0.1/token/{}", old["token"].as_str().unwrap());
    let _ = daemon.head(&gone).send().expect(404);
    // Whoever finds the mail later has nothing of it.
    assert_eq!(reset("evil").expect(401).json()["details"], json!({"invalid_token": token}));
    let _ = daemon.login("alice", "n3w", json!({}));
    // The token of an administrator is not used up.
    let admin = daemon.admin_token();
    for _ in 0..2 {
        let path = format!("/0.1/users/password/reset?user_uuid={user}");
        let _ = daemon.post(&path).token(&admin).json(json!({"password": "x"})).send().expect(204);
    }
}

#[test]
fn nobody_learns_who_has_an_account() {
    let server = Smtp::start();
    let third_party = wazo_auth_tests::third_party("acme_auth", "acme_auth");
    let daemon = to(&server)
        .plugin(third_party)
        .config("enabled_backend_plugins: {acme: true}")
        .config("plugins: {acme: {config: {users: {}}}}")
        .start();
    let known = |name: &str, more: serde_json::Value| {
        let mut body = json!({"username": name, "password": "s3cre7",
                              "email_address": format!("{name}@example.com")});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        daemon.create_user_with(body)
    };
    known("alice", json!({}));
    known("disabled", json!({"enabled": false}));
    known("external", json!({"authentication_method": "acme"}));
    known("nowhere", json!({"email_address": null}));
    let cases = ["alice", "disabled", "external", "nowhere", "nobody"];
    let mut took = cases.map(|_| Vec::new());
    for _ in 0..3 {
        for (name, took) in cases.iter().zip(&mut took) {
            took.push(ask(&daemon, &format!("login={name}")));
        }
    }
    // The quickest answer to each: what else happens on the machine is not theirs.
    let quickest: Vec<Duration> = took.iter().map(|took| *took.iter().min().unwrap()).collect();
    let (first, last) = (quickest.iter().min().unwrap(), quickest.iter().max().unwrap());
    assert!(*last - *first < Duration::from_millis(50), "{cases:?}: {quickest:?}");
    let to: Vec<String> = (0..6).flat_map(|_| server.mail().to).collect();
    for name in ["alice@example.com", "disabled@example.com"] {
        assert_eq!(to.iter().filter(|to| *to == name).count(), 3, "{to:?}");
    }
    ask(&daemon, "email=alice@example.com");
    assert_eq!(server.mail().to, ["alice@example.com"]);
}

#[test]
fn the_mail_goes_to_the_address_that_is_named_or_to_a_confirmed_one() {
    let server = Smtp::start();
    let daemon = to(&server).start();
    let admin = daemon.admin_token();
    let user = daemon.create_user("alice", "s3cre7");
    let emails = |list: serde_json::Value| {
        let path = format!("/0.1/admin/users/{user}/emails");
        let _ = daemon.put(&path).token(&admin).json(json!({"emails": list})).send().expect(200);
    };
    emails(json!([{"address": "main@x.org", "main": true},
                  {"address": "second@x.org", "confirmed": true}]));
    ask(&daemon, "username=alice");
    assert_eq!(server.mail().to, ["second@x.org"]);
    ask(&daemon, "email=main@x.org");
    assert_eq!(server.mail().to, ["main@x.org"]);
    emails(json!([{"address": "main@x.org", "main": true, "confirmed": true},
                  {"address": "another@x.org", "confirmed": true}]));
    ask(&daemon, "login=another@x.org");
    assert_eq!(server.mail().to, ["main@x.org"]);
}

#[test]
fn malformed_requests_are_refused_at_once() {
    let daemon = Daemon::start();
    let count = json!(["\"username\" or \"email\" or \"login\" should be used"]);
    let long = "x".repeat(257);
    for (query, message) in [
        ("", &count),
        ("email_address=a@x.org", &count),
        ("username=a&login=a", &count),
        ("username=a&email=a@x.org&login=a", &count),
        ("email=nonsense&username=a", &json!("Not a valid email address.")),
        ("username=", &json!("Length must be between 1 and 256.")),
        (&format!("login={long}"), &json!("Length must be between 1 and 256.")),
    ] {
        let answer =
            daemon.get(&format!("/0.1/users/password/reset?{query}")).send().expect(400).json();
        assert_eq!(answer["message"], *message, "{query}: {answer}");
        assert_eq!(
            (&answer["error_id"], &answer["details"], &answer["resource"]),
            (&json!("invalid-data"), &json!({}), &json!("reset"))
        );
    }
}
