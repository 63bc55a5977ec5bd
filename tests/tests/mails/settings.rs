//! Encryption, login, templates with mistakes, and the plugin that writes to the log.

use std::{fs, path::Path, process::Command};

use serde_json::json;
use wazo_auth_servers::smtp::Smtp;
use wazo_auth_tests::{Daemon, Setup, built};

use crate::support::{REGISTRATION, ended, somebody, to};

/// Makes a certificate of `localhost` and its key.
fn certificate(folder: &Path) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let [certificate, key] =
        ["tls.crt", "tls.key"].map(|name| folder.join(name).display().to_string());
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

fn register(daemon: &Daemon, name: &str) -> u16 {
    daemon.post("/0.1/users/register").json(somebody(name)).send().status
}

#[test]
fn a_server_may_want_encryption_and_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    for tls in ["starttls", "implicit"] {
        let server = Smtp::start_with(&json!({"tls": tls, "certificate": certificate, "key": key,
                                              "username": "relay", "password": "r3lay"}));
        let smtp = |more: &str| {
            let port = server.port();
            let smtp = format!(
                "smtp: {{hostname: localhost, port: {port}, tls: {tls}, username: relay, {more}}}"
            );
            Setup::default().config(REGISTRATION).config(&smtp)
        };
        let ca = format!("ca_file: {certificate}");
        let daemon = smtp(&format!("password: r3lay, {ca}")).start();
        assert_eq!(register(&daemon, "alice"), 200);
        let mail = server.mail();
        assert!(mail.encrypted);
        assert_eq!(mail.login.as_deref(), Some("relay"));
        assert!(!ended(daemon).contains("r3lay"), "a password in the log");

        let daemon = smtp(&format!("password: wr0ng, {ca}")).start();
        assert_eq!(register(&daemon, "alice"), 500);
        let log = daemon.wait_for_log("was not registered").unwrap();
        assert!(log.contains("does not take username and password: 535"), "{log}");
        assert!(!ended(daemon).contains("wr0ng"), "a password in the log");

        // Nobody has told whom to trust: nothing is sent.
        let daemon = smtp("password: r3lay").start();
        assert_eq!(register(&daemon, "alice"), 500);
        let log = daemon.wait_for_log("was not registered").unwrap();
        assert!(log.contains("certificate"), "{log}");
        assert!(server.mail_now().is_none());
    }
}

#[test]
fn a_server_that_does_not_encrypt_gets_nothing() {
    let server = Smtp::start();
    let port = server.port();
    let smtp = format!("smtp: {{hostname: localhost, port: {port}, tls: starttls}}");
    let daemon = Setup::default().config(REGISTRATION).config(&smtp).start();
    assert_eq!(register(&daemon, "alice"), 500);
    let log = daemon.wait_for_log("was not registered").unwrap();
    assert!(log.contains("does not begin to encrypt"), "{log}");
    assert!(server.mail_now().is_none());
}

#[test]
fn a_login_in_clear_ends_the_start() {
    let setup = Setup::default().config("smtp: {username: relay, password: r3lay}");
    let (_, log) = setup.fail();
    assert!(log.contains("smtp") && log.contains("in clear") && !log.contains("r3lay"), "{log}");
}

#[test]
fn a_template_with_a_mistake_is_named_with_its_line() {
    let (server, folder) = (Smtp::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("hello.jinja");
    fs::write(&file, "Hello {{ username }}\n\n{% if port %}\n").unwrap();
    let daemon = to(&server)
        .config(REGISTRATION)
        .config(&format!("email_confirmation_template: {}", file.display()))
        .start();
    assert_eq!(register(&daemon, "alice"), 500);
    let log = daemon.wait_for_log("was not registered").unwrap();
    let place = format!("{}, line 3", file.display());
    assert!(log.contains(&place) && log.contains("mend it"), "{log}");
    let check = Command::new(built().join("wazo-auth"))
        .args(["check-config", "-c"])
        .arg(daemon.folder().join("config.yml"))
        .output()
        .unwrap();
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(said.contains("email_confirmation_template") && said.contains(&place), "{said}");
    // Mended, it is read again.
    fs::write(&file, "Hello {{ username }} at {{ hostname }}").unwrap();
    assert_eq!(register(&daemon, "alice"), 200);
    assert_eq!(server.mail().body().trim_end(), "Hello alice at 127.0.0.1");
}

#[test]
fn the_logger_writes_a_line_instead_of_a_mail() {
    let daemon =
        Setup::default().config(REGISTRATION).config("email_notification_plugin: logger").start();
    let answer = daemon.post("/0.1/users/register").json(somebody("o'neill")).send();
    let user = answer.expect(200).json();
    let line =
        daemon.wait_for_log("email_notification_logger,send_confirmation,{'token': '").unwrap();
    let email = user["emails"][0]["uuid"].as_str().unwrap();
    let expected = format!(
        "', 'username': \"o'neill\", 'email_uuid': '{email}', 'email_address': \"o'neill@example.com\", \
         'hostname': '127.0.0.1', 'port': {}}}",
        daemon.url().rsplit(':').next().unwrap()
    );
    assert!(line.contains(&expected) && line.contains("INFO"), "{line}");
    let _ = daemon.get("/0.1/users/password/reset?login=o%27neill").send().expect(204);
    let _ = daemon.get("/0.1/users/password/reset?email=o%27neill@example.com").send().expect(204);
    let line =
        daemon.wait_for_log("email_notification_logger,send_password_reset,{'token': '").unwrap();
    let token = line.split("'token': '").nth(1).unwrap().split('\'').next().unwrap();
    let path = format!(
        "/0.1/users/password/reset?user_uuid={}&token={token}",
        user["uuid"].as_str().unwrap()
    );
    let _ = daemon.post(&path).json(json!({"password": "n3w"})).send().expect(204);
}

#[test]
fn an_unknown_plugin_ends_the_start() {
    let (_, log) = Setup::default().config("email_notification_plugin: pigeon").fail();
    assert!(log.contains("email_notification") && log.contains("pigeon"), "{log}");
}
