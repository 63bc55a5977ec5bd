//! The broker over TLS.

use wazo_auth_tests::{Broker, PLATFORM, Setup};

use crate::support::{brief, kept};

/// A daemon that publishes over TLS. `more`: further keys.
fn setup(uri: &str, exchange: &str, more: &str) -> Setup {
    let yaml = format!("amqp: {{uri: '{uri}', exchange_name: {exchange}{more}}}");
    Setup::default().environment("XIVO_UUID", PLATFORM).config(&yaml)
}

#[test]
fn a_broker_of_a_trusted_authority_is_told() {
    let broker = Broker::shared();
    let by_file = format!(", ca_file: {}", broker.ca_file());
    // What the system trusts, where no file is named.
    for (more, system) in [(by_file.as_str(), "/dev/null"), ("", &broker.ca_file())] {
        let exchange = broker.exchange();
        let queue = broker.queue(&exchange);
        let setup = setup(&broker.tls_uri(), &exchange, more);
        let daemon = setup.environment("SSL_CERT_FILE", system).start();
        let _ = daemon.admin_token();
        assert_eq!(brief(&queue.take(1)[0]).0, "auth_session_created");
        broker.wait_until(|| kept(&daemon) == 0);
        let (status, _, log) = daemon.stop();
        assert!(status.success() && !log.contains("(WARNING) (wazo_auth.events)"), "{log}");
    }
}

#[test]
fn any_other_broker_is_told_nothing() {
    let broker = Broker::shared();
    let other = Broker::prepare();
    let secret = broker.tls_uri().replace("guest:guest", "guest:s3cre7pw");
    let address = secret.replace("localhost", "127.0.0.1");
    for (uri, ca_file, reason) in [
        (&secret, other.ca_file(), "is of an authority that is not trusted"),
        (
            &address,
            broker.ca_file(),
            "is for another host (certificate not valid for name \"127.0.0.1\"",
        ),
    ] {
        let daemon = setup(uri, &broker.exchange(), &format!(", ca_file: {ca_file}")).start();
        let _ = daemon.admin_token();
        let line = daemon.wait_for_log("is not trusted").unwrap();
        assert!(line.contains("(ERROR)") && line.contains(reason), "{line}");
        assert!(line.contains("must be in `amqp.ca_file`"), "{line}");
        assert_eq!(kept(&daemon), 1);
        let (_, _, log) = daemon.stop();
        assert!(!log.contains("s3cre7pw"), "{log}");
    }
    // There is no TLS where none is spoken.
    let plain = broker.uri().replace("amqp://", "amqps://");
    let ca_file = format!(", ca_file: {}", broker.ca_file());
    let daemon = setup(&plain, &broker.exchange(), &ca_file).start();
    let _ = daemon.wait_for_log("it does not speak TLS as it should").unwrap();
}
