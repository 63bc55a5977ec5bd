//! The confirmation of addresses.

use serde_json::{Value, json};
use wazo_auth_servers::smtp::Smtp;
use wazo_auth_tests::Daemon;

use crate::support::{REGISTRATION, ended, parameter, path, somebody, to};

#[test]
fn somebody_registers_confirms_the_address_and_logs_in_by_it() {
    let server = Smtp::start();
    let daemon = to(&server).config(REGISTRATION).start();
    let answer = daemon.post("/0.1/users/register").json(somebody("alice")).send();
    let user = answer.expect(200).json();
    let mail = server.mail_now().expect("the answer comes after the mail");
    assert_eq!(user["emails"][0]["confirmed"], false);
    assert_eq!(mail.from, "noreply@wazo.community");
    assert_eq!(mail.to, ["alice@example.com"]);
    let link = mail.link();
    assert!(link.starts_with("https://127.0.0.1:"), "{link}");

    // The name is good at once, the address once it is confirmed.
    let _ = daemon.login("alice", "s3cre7", json!({}));
    let by_address =
        || daemon.post("/0.1/token").basic("alice@example.com", "s3cre7").json("{}").send();
    let _ = by_address().expect(401);
    for _ in 0..2 {
        let page = daemon.get(&path(&link)).send().expect(200);
        assert_eq!(page.header("Content-Type"), "text/html; charset=utf-8");
        assert_eq!(page.text(), "Your e-mail address is confirmed.");
    }
    let _ = by_address().expect(200);
}

/// A user, and the UUID of an address of it that is not confirmed.
fn unconfirmed(daemon: &Daemon, username: Value, address: &str) -> (String, String) {
    let user = daemon.create_user_with(json!({"username": username}));
    let body = json!({"emails": [{"address": address, "main": true}]});
    let path = format!("/0.1/users/{user}/emails");
    let emails = daemon.put(&path).token(&daemon.admin_token()).json(body).send().expect(200);
    (user, emails.json()[0]["uuid"].as_str().unwrap().to_owned())
}

#[test]
fn a_confirmation_can_be_asked_for_and_leads_where_the_request_came_from() {
    let server = Smtp::start();
    let daemon = to(&server).start();
    let admin = daemon.admin_token();
    let (user, email) = unconfirmed(&daemon, Value::Null, "alice@example.com");
    let request = format!("/0.1/users/{user}/emails/{email}/confirm");
    let _ = daemon.get(&request).send().expect(401);
    let ask = || daemon.get(&request).token(&admin);
    let link = |mail: wazo_auth_servers::smtp::Received| mail.link();
    let mut links = Vec::new();
    for (headers, begin) in [
        (&[("Host", "Example.COM:8443")][..], "https://example.com:8443/0.1/"),
        (
            &[("Host", "example.com"), ("X-Script-Name", "/api/auth")],
            "https://example.com/api/auth/0.1/",
        ),
        (&[("Host", "inner:9497"), ("X-Forwarded-Host", "outer")], "https://outer/0.1/"),
        (&[("Host", "[::1]:1234")], "https://::1:1234/0.1/"),
    ] {
        let request =
            headers.iter().fold(ask(), |request, (name, value)| request.header(name, value));
        let _ = request.send().expect(204);
        let mail = server.mail_now().expect("the answer comes after the mail");
        assert!(mail.headers().contains("\r\nTo: alice@example.com\r\n"), "{}", mail.headers());
        assert!(mail.body().contains("Hello None,"), "no name");
        links.push(link(mail));
        let last = links.last().unwrap();
        assert!(last.starts_with(begin) && last.contains(&email), "{last}");
    }

    // The link is for this one address, and nothing else.
    let token = parameter(&links[0], "token");
    let data = daemon.get(&format!("/0.1/token/{token}")).send().expect(200).json()["data"].clone();
    assert_eq!(data["acl"], json!([format!("auth.emails.{email}.confirm.edit")]));
    assert_eq!((&data["auth_id"], &data["metadata"]), (&json!("wazo-auth"), &json!({})));
    assert_eq!(data["user_agent"], "wazo-auth-email-reset");
    let (_, other) = unconfirmed(&daemon, json!("bob"), "bob@example.com");
    let wrong = daemon.get(&format!("/0.1/emails/{other}/confirm?token={token}")).send();
    assert_eq!(wrong.expect(401).json()["error_id"], "unauthorized");
    // PUT takes no token from the query; one in the query wins over that of the header.
    let confirm = format!("/0.1/emails/{email}/confirm");
    let by_query = format!("{confirm}?token={token}");
    let _ = daemon.put(&by_query).send().expect(401);
    let _ = daemon.get(&format!("{confirm}?token=x")).token(&token).send().expect(401);
    let _ = daemon.put(&confirm).token(&token).send().expect(204);
    // All of them stay good.
    for link in &links {
        let _ = daemon.get(&path(link)).send().expect(200);
    }
    let _ = daemon.get(&confirm).token(&token).send().expect(200);

    let again = ask().send().expect(409).json();
    assert_eq!(again["error_id"], "conflict");
    assert_eq!(again["message"], format!("This email already confirmed: \"{email}\""));
    assert_eq!(
        (&again["details"], &again["resource"]),
        (&json!({"uuid": email}), &json!("emails"))
    );
    let missing = format!("/0.1/users/{user}/emails/{other}/confirm");
    let missing = daemon.get(&missing).token(&admin).send().expect(404).json();
    assert_eq!(
        (&missing["error_id"], &missing["resource"]),
        (&json!("unknown-email"), &json!("emails"))
    );
    let nobody = format!("/0.1/users/{other}/emails/{email}/confirm");
    let nobody = daemon.get(&nobody).token(&admin).send().expect(404).json();
    assert_eq!(nobody["error_id"], "unknown-user");
}

#[test]
fn the_page_is_the_operators() {
    let server = Smtp::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.xml");
    let daemon = to(&server)
        .config(&format!("email_confirmation_get_response_body_template: {}", file.display()))
        .config("email_confirmation_get_mimetype: application/xhtml+xml")
        .start();
    let (user, email) = unconfirmed(&daemon, json!("alice"), "alice@example.com");
    let admin = daemon.admin_token();
    let request = format!("/0.1/users/{user}/emails/{email}/confirm");
    let _ = daemon.get(&request).token(&admin).send().expect(204);
    let link = path(&server.mail().link());
    // Without the page, nobody is told that the address is confirmed, nor is it.
    let _ = daemon.get(&link).send().expect(500);
    let log = daemon.wait_for_log("page.xml").unwrap();
    assert!(log.contains("cannot be read"), "{log}");
    let _ = daemon.get(&request).token(&admin).send().expect(204);
    let mut texts = ["<p>One</p>\n", "<p>Another</p>"].into_iter().map(|text| {
        std::fs::write(&file, text).unwrap();
        let page = daemon.get(&link).send().expect(200);
        assert_eq!(page.header("Content-Type"), "application/xhtml+xml");
        page.text()
    });
    assert_eq!(texts.next().unwrap(), "<p>One</p>");
    assert_eq!(texts.next().unwrap(), "<p>Another</p>");
    drop(texts);
    let log = ended(daemon);
    assert!(!log.contains(&parameter(&link, "token")), "a token in the log");
}
