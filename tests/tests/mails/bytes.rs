//! What a mail server gets, byte for byte (email-flows.md section 7).

use serde_json::json;
use wazo_auth_servers::smtp::{Received, Smtp};
use wazo_auth_tests::Daemon;

use crate::support::to;

/// The mail that resets the password of a new user.
fn mail_to(daemon: &Daemon, server: &Smtp, username: &str, address: &str) -> Received {
    daemon.create_user_with(json!({"username": username, "email_address": address}));
    let query = format!("/0.1/users/password/reset?email={}", address.replace('+', "%2B"));
    let _ = daemon.get(&query).send().expect(204);
    server.mail()
}

/// A daemon whose mails of a reset have this text and subject.
fn with(server: &Smtp, folder: &std::path::Path, subject: &str, body: &str) -> Daemon {
    let (subject_file, body_file) = (folder.join("subject"), folder.join("body"));
    std::fs::write(&subject_file, subject).unwrap();
    std::fs::write(&body_file, body).unwrap();
    to(server)
        .config(&format!("password_reset_email_subject_template: {}", subject_file.display()))
        .config(&format!("password_reset_email_template: {}", body_file.display()))
        .config("password_reset_from_name: 'Müller, Sons & Co.'")
        .config("password_reset_from_address: auth@example.com")
        .start()
}

#[test]
fn a_message_has_its_exact_headers_and_lines() {
    let (server, folder) = (Smtp::start(), tempfile::tempdir().unwrap());
    let long = "x".repeat(1500);
    let body = format!("{{{{ username }}}}, {long}\n.\n..dots\n\n\n");
    let daemon = with(&server, folder.path(), "For {{ username }}\n", &body);
    let mail = mail_to(&daemon, &server, "foobar", "foobar@example.com");
    let expected = format!(
        "Content-Type: text/plain; charset=\"us-ascii\"\r\n\
         MIME-Version: 1.0\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         To: foobar <foobar@example.com>\r\n\
         From: =?utf-8?b?TcO8bGxlciwgU29ucyAmIENvLg==?= <auth@example.com>\r\n\
         Subject: For foobar\r\n\
         \r\n\
         foobar, {long}\r\n.\r\n..dots\r\n\r\n"
    );
    assert_eq!(mail.data, expected);
    assert_eq!((&*mail.from, mail.encrypted, mail.login), ("auth@example.com", false, None));
    assert!(!mail.hello.is_empty());
    assert!(!mail.options.iter().any(|option| option == "SMTPUTF8"), "{:?}", mail.options);
}

#[test]
fn other_letters_arrive_and_line_breaks_stay_out_of_headers() {
    let (server, folder) = (Smtp::start(), tempfile::tempdir().unwrap());
    let daemon = with(&server, folder.path(), "Grüße\r\nX: y", "Grüße, {{ username }}\n");
    let mail = mail_to(&daemon, &server, "Zoë", "zoe+1@example.com");
    assert!(mail.headers().starts_with(
        "Content-Type: text/plain; charset=\"utf-8\"\r\nMIME-Version: 1.0\r\n\
         Content-Transfer-Encoding: base64\r\nTo: =?utf-8?b?Wm/Dqw==?= <zoe+1@example.com>\r\n"
    ));
    assert!(mail.headers().ends_with("\r\nSubject: =?utf-8?b?R3LDvMOfZSAgWDogeQ==?="));
    assert_eq!(mail.body(), "Grüße, Zoë", "one newline at the end of the file is not part of it");
    let name = "eve\r\nBcc: everybody@example.com\r\n\r\nBuy";
    let mail = mail_to(&daemon, &server, name, "eve@example.com");
    assert_eq!(mail.to, ["eve@example.com"]);
    let line = "\r\nTo: \"eve  Bcc: everybody@example.com    Buy\" <eve@example.com>\r\n";
    assert!(mail.headers().contains(line), "{}", mail.headers());
    assert_eq!(mail.headers().lines().count(), 6);
}

#[test]
fn addresses_of_other_letters_need_a_server_that_takes_them() {
    for (takes, folder) in [true, false].map(|takes| (takes, tempfile::tempdir().unwrap())) {
        let server = Smtp::start_with(&json!({"utf8": takes}));
        let daemon = with(&server, folder.path(), "Hello", "Hello");
        daemon.create_user_with(json!({"username": "zoe", "email_address": "zoë@example.com"}));
        let _ = daemon.get("/0.1/users/password/reset?login=zoe").send().expect(204);
        if takes {
            let mail = server.mail();
            assert_eq!(mail.to, ["zoë@example.com"]);
            assert!(mail.options.iter().any(|option| option == "SMTPUTF8"), "{:?}", mail.options);
        } else {
            let log = daemon.wait_for_log("was not sent").unwrap();
            assert!(log.contains("does not accept the mail"), "{log}");
        }
    }
}
