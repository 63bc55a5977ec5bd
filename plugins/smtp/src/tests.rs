use wazo_auth_plugin_api::testing::conformance;

use super::{message::*, *};

fn headers(to: &str, from: &str, subject: &str) -> Headers {
    Headers { to: mailbox(to, "a@x.org"), from: mailbox(from, "n@x.org"), subject: text(subject) }
}

fn message(name: &str, subject: &str, body: &str) -> String {
    String::from_utf8(headers(name, "wazo-auth", subject).with(body)).unwrap()
}

#[test]
fn it_conforms() {
    // Nobody listens there: what is not refused before gets no further.
    let config = json!({"hostname": "127.0.0.1", "port": 1});
    let host = MockHost::new().on("emails.format", |request| {
        let text = |key| request["context"][key].as_str().unwrap_or_default();
        Ok(json!({"subject": text("username"), "body": text("hostname")}))
    });
    conformance::email_notification::<Smtp>(conformance::Options::new(config, host));
}

#[test]
fn a_plain_message_is_byte_for_byte_what_consumers_know() {
    let expected = "Content-Type: text/plain; charset=\"us-ascii\"\r\n\
        MIME-Version: 1.0\r\n\
        Content-Transfer-Encoding: 7bit\r\n\
        To: foobar <a@x.org>\r\n\
        From: wazo-auth <n@x.org>\r\n\
        Subject: Hello\r\n\
        \r\n\
        one\r\n\
        \r\n\
        three";
    assert_eq!(message("foobar", "Hello", "one\n\r\nthree\n"), expected);
    assert_eq!(message("foobar", "Hello", "one\r\rthree"), expected);
    let long = "x".repeat(3000);
    let found = message("foobar", &long, &long);
    assert!(found.contains(&format!("\r\nSubject: {long}\r\n\r\n{long}")), "folded or wrapped");
}

#[test]
fn other_letters_are_encoded() {
    let found = message("Zoë", "Grüße", "é\n");
    let expected = "Content-Type: text/plain; charset=\"utf-8\"\r\n\
        MIME-Version: 1.0\r\n\
        Content-Transfer-Encoding: base64\r\n\
        To: =?utf-8?b?Wm/Dqw==?= <a@x.org>\r\n\
        From: wazo-auth <n@x.org>\r\n\
        Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\
        \r\n\
        w6kK";
    assert_eq!(found, expected);
    let lines = message("a", "b", &"é".repeat(100));
    assert_eq!(lines.lines().skip(7).map(str::len).collect::<Vec<_>>(), [76, 76, 76, 40]);
    let subject = text(&"é😀".repeat(40));
    assert!(subject.split(' ').all(|word| word.len() <= 75 && word.ends_with("?=")), "{subject}");
}

#[test]
fn names_are_quoted_only_where_they_must_be() {
    for (name, expected) in [
        ("foobar", "foobar <a@x.org>"),
        ("foo_bar-2", "foo_bar-2 <a@x.org>"),
        ("Foo Bar", "Foo Bar <a@x.org>"),
        ("", "a@x.org"),
        ("foo@bar.com", "\"foo@bar.com\" <a@x.org>"),
        ("a \"b\" \\", "\"a \\\"b\\\" \\\\\" <a@x.org>"),
        ("a\r\nBcc: b@x.org", "\"a  Bcc: b@x.org\" <a@x.org>"),
        ("é\nBcc: b", "=?utf-8?b?w6kgQmNjOiBi?= <a@x.org>"),
    ] {
        assert_eq!(mailbox(name, "a@x.org"), expected, "{name:?}");
    }
    assert_eq!(text("a\r\nBcc: b\u{85}c"), "a  Bcc: b c");
    assert_eq!(text("a\r\nBcc: b"), "a  Bcc: b");
}

#[test]
fn what_cannot_work_is_refused_at_the_start() {
    for (config, said) in [
        (json!({"username": "a", "password": "s3cre7"}), "in clear"),
        (json!({"username": "a", "tls": "implicit"}), "together"),
        (json!({"tls": "starttls", "ca_file": "/nowhere/ca.pem"}), "/nowhere/ca.pem"),
        (json!({"tls": "ssl"}), "starttls"),
        (json!({"hostnam": "a"}), "hostname"),
    ] {
        let made = testing::email_notification::<Smtp>(config.clone(), MockHost::new());
        let text = made.err().unwrap().to_string();
        assert!(text.contains(said) && !text.contains("s3cre7"), "{config}: {text}");
    }
}
