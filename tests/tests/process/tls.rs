//! TLS: a certificate of the daemon's own, or the operator's.

use std::{fs, path::Path, process::Command};

use wazo_auth_tests::{Daemon, Setup};

use crate::mode;

const OWN: &str = "rest_api: {tls: self_signed}";

#[test]
fn the_daemon_makes_a_certificate_for_localhost_and_keeps_it() {
    let daemon = Setup::default().config(OWN).start();
    assert!(daemon.url().starts_with("https://"), "{}", daemon.url());
    assert_eq!(status(&daemon, "127.0.0.1", &["--insecure"]), "200");
    let certificate = daemon.folder().join("tls.crt");
    let trust = ["--cacert", certificate.to_str().unwrap()];
    for name in ["localhost", "127.0.0.1"] {
        assert_eq!(status(&daemon, name, &trust), "200", "the certificate names {name}");
    }
    assert_eq!(mode(&daemon.folder().join("tls.key")), 0o600);
    let made = fs::read(&certificate).unwrap();
    let (_, folder, _) = daemon.stop();
    let again = Setup::default().config(OWN).folder(folder).start();
    assert_eq!(fs::read(again.folder().join("tls.crt")).unwrap(), made, "the same after a restart");
}

#[test]
fn a_certificate_of_the_operator_is_used_or_refused_with_a_sentence() {
    let (_, ours, _) = Setup::default().config(OWN).start().stop();
    let (_, other, _) = Setup::default().config(OWN).start().stop();
    let (certificate, key) = (ours.path().join("tls.crt"), ours.path().join("tls.key"));

    let daemon = Setup::default().config(&named(&certificate, &key)).start();
    assert!(daemon.log().contains("(WARNING) (wazo_auth.main): TLS by"), "{}", daemon.log());
    let trust = ["--cacert", certificate.to_str().unwrap()];
    assert_eq!(status(&daemon, "localhost", &trust), "200");

    let foreign = other.path().join("tls.key");
    let sentence = Setup::default().config(&named(&certificate, &foreign)).refusal();
    for file in [&certificate, &foreign] {
        assert!(sentence.contains(file.to_str().unwrap()), "{sentence}");
    }
    for broken in [&certificate, &other.path().join("missing.key")] {
        let sentence = Setup::default().config(&named(&certificate, broken)).refusal();
        assert!(sentence.contains(broken.to_str().unwrap()), "{sentence}");
    }
}

fn named(certificate: &Path, key: &Path) -> String {
    let (certificate, key) = (certificate.display(), key.display());
    format!("rest_api: {{certificate: {certificate}, private_key: {key}}}")
}

/// The status of `GET /backends` that curl gets under this host name.
fn status(daemon: &Daemon, host: &str, arguments: &[&str]) -> String {
    let port = daemon.url().rsplit(':').next().unwrap();
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--output", "/dev/null"])
        .args(["--write-out", "%{http_code}", "--resolve", &format!("localhost:{port}:127.0.0.1")])
        .args(arguments)
        .arg(format!("https://{host}:{port}/0.1/backends"))
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout).unwrap()
}
