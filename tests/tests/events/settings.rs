//! Whether events are on, and where they go.

use wazo_auth_tests::{Broker, ExchangeKind, Setup, on_postgresql};

use crate::support::{kept, setup};

#[test]
fn without_a_section_or_by_its_word_they_are_off_and_no_row_is_written() {
    let off = "amqp: {enabled: false, uri: 'amqp://guest:guest@127.0.0.1:1/'}";
    // With a server, several hosts are likely: on without a word.
    let unless_told = (!on_postgresql()).then_some("");
    for yaml in [Some(off), unless_told].into_iter().flatten() {
        let daemon = Setup::default().config(yaml).start();
        let _ = daemon.admin_token();
        assert_eq!(kept(&daemon), 0);
        let (status, _, log) = daemon.stop();
        assert!(status.success() && !log.contains("wazo_auth.events"), "{log}");
    }
}

#[test]
fn without_a_platform_and_without_a_broker_it_starts_and_says_so() {
    let yaml = "amqp: {uri: 'amqp://guest:s3cre7pw@127.0.0.1:1/'}";
    let daemon = Setup::default().config(yaml).start();
    let _ = daemon.admin_token();
    assert_eq!(kept(&daemon), 1);
    let config = daemon.get("/0.1/config").token(&daemon.admin_token()).send().expect(200);
    assert!(config.text().contains("amqp://guest:<hidden>@127.0.0.1:1/"), "{}", config.text());
    let (status, _, log) = daemon.stop();
    assert!(status.success(), "{log}");
    assert!(log.contains("XIVO_UUID is not set"), "{log}");
    let away = "the message broker at 127.0.0.1:1 (vhost `/`) cannot be reached";
    assert_eq!(log.matches(away).count(), 1, "said once: {log}");
    assert!(!log.contains("s3cre7pw"), "{log}");
}

#[test]
fn a_uri_that_cannot_be_used_is_refused_at_the_start() {
    let no_ca = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let uri = "must be of the form amqp://user:password@host:port/vhost, or amqps://… for TLS";
    for (yaml, sentence) in [
        ("uri: 'localhost:5672'".to_owned(), uri),
        (
            "uri: 'amqps://u:s3cre7pw@h', ca_file: /nowhere/ca.pem".to_owned(),
            "`amqp.ca_file`: /nowhere/ca.pem cannot be read: No such file",
        ),
        (format!("uri: 'amqps://u:s3cre7pw@h', ca_file: {no_ca}"), "holds no certificate (PEM)"),
        (
            "uri: 'amqp://u:s3cre7pw@h', ca_file: /etc/hosts".to_owned(),
            "`amqp.ca_file` is of no use without TLS: let `amqp.uri` begin with amqps://",
        ),
    ] {
        let refusal = Setup::default().config(&format!("amqp: {{{yaml}}}")).refusal();
        assert!(refusal.contains(sentence) && !refusal.contains("s3cre7pw"), "{refusal}");
    }
}

#[test]
fn an_exchange_of_other_properties_is_told_of_and_its_end_noticed() {
    let broker = Broker::shared();
    for (kind, is_durable) in [(ExchangeKind::Topic, false), (ExchangeKind::Fanout, true)] {
        let exchange = broker.exchange();
        broker.declare_another(&exchange, kind, is_durable);
        let daemon = setup(&broker, &exchange).start();
        let _ = daemon.admin_token();
        let line = daemon.wait_for_log("of other properties").unwrap();
        assert!(line.contains("(ERROR)") && line.contains(&exchange), "{line}");
        assert!(line.contains("delete it there, or set `amqp.exchange_name`"), "{line}");
        assert_eq!(kept(&daemon), 1);
        broker.delete_exchange(&exchange);
        let _ = daemon.wait_for_log("sent 1 events that were kept").unwrap();
        broker.wait_until(|| kept(&daemon) == 0);
        // An exchange that goes away later is made again.
        broker.delete_exchange(&exchange);
        let _ = daemon.admin_token();
        broker.wait_until(|| kept(&daemon) == 0);
    }
}
