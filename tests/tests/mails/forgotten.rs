//! Passwords that somebody has forgotten.

use std::time::{Duration, Instant};

use serde_json::json;
use wazo_auth_servers::smtp::Smtp;
use wazo_auth_tests::Daemon;

use crate::support::{parameter, to};

/// A difference that does not vanish in so many rounds is none of the machine's.
const MOST_ROUNDS: usize = 20;

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
    let cases = [
        ("alice", json!({})),
        ("disabled", json!({"enabled": false})),
        ("external", json!({"authentication_method": "acme"})),
        ("nowhere", json!({"email_address": null})),
        ("nobody", json!(null)),
    ];
    let mut took = [Duration::MAX; 5];
    let mut to = Vec::new();
    for round in 1.. {
        for ((name, more), took) in cases.iter().zip(&mut took) {
            // Somebody else each time: nobody gets many mails.
            let name = format!("{name}{round}");
            if let Some(more) = more.as_object() {
                let mut body =
                    json!({"username": name, "email_address": format!("{name}@example.com")});
                body.as_object_mut().unwrap().extend(more.clone());
                daemon.create_user_with(body);
            }
            // The quickest answer to each: what else happens on the machine is not theirs.
            *took = ask(&daemon, &format!("login={name}")).min(*took);
        }
        to.extend((0..2).flat_map(|_| server.mail().to));
        let (first, last) = (took.iter().min().unwrap(), took.iter().max().unwrap());
        if round >= 3 && *last - *first < Duration::from_millis(50) {
            break;
        }
        assert!(round < MOST_ROUNDS, "{cases:?}: {took:?}");
    }
    let is_expected = |to: &String| to.starts_with("alice") || to.starts_with("disabled");
    assert!(to.iter().all(is_expected), "{to:?}");
    daemon.create_user_with(json!({"username": "bob", "email_address": "alice@example.com"}));
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
